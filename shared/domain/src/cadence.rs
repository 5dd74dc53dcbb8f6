//! How often a tenant's campaigns start: every so often, or when a clock on the wall says so. A slot is the moment at which
//! a campaign falls due, and follows from the config and the time alone, so that two ticks find the same one.

use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;

use crate::config::show_duration;
use crate::time::{EpochSeconds, TimeScale};
use crate::zone::{find_zone, second_of, shown_in};

/// The fields of a cron, in its order, and what may stand in each.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of the week", "0 to 7 or SUN to SAT"),
];

/// What a field may be written with. `@daily` and the like stand for whole crons, and are not let in.
const SIGNS: &str = "*,-/?#";

/// No cron that a person writes is longer.
const MAX_CHARS: usize = 128;

/// From here to [`HORIZON_END`] gaps between firings are looked for: four years, with one leap day and eight changes of
/// clocks. It is fixed, so that a file that stands today stands tomorrow.
const HORIZON_START: EpochSeconds = EpochSeconds(1_735_689_600);
/// 2029-01-02, so that what fires on every New Year's Day has four gaps.
const HORIZON_END: EpochSeconds = EpochSeconds(1_862_006_400);

/// How often a tenant's campaigns start.
#[derive(Clone, Debug, PartialEq)]
pub enum Cadence {
    /// Every so often, counted from the epoch.
    Every(Duration),
    /// When this fires.
    Cron(CronTimes),
}

/// Five cron fields, by the clocks of a time zone. An hour that the clocks skip fires as they are put forward; one that
/// they repeat fires once, at its first pass, where the cron names its hours.
#[derive(Clone, Debug, PartialEq)]
pub struct CronTimes {
    pattern: Box<Cron>,
    zone: TimeZone,
    /// As the file has it, in single spaces.
    text: String,
}

/// The times between consecutive firings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gaps {
    /// The shortest.
    pub shortest: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Cadence {
    /// The latest slot up to now; `None` before the first.
    pub fn slot(&self, now: EpochSeconds) -> Option<EpochSeconds> {
        match self {
            Self::Every(every) => Some(EpochSeconds(now.0.saturating_sub(since_slot(*every, now)))),
            Self::Cron(cron) => cron.last(now),
        }
    }

    /// The first slot after a moment.
    pub fn next_slot(&self, after: EpochSeconds) -> Option<EpochSeconds> {
        match self {
            Self::Every(every) => {
                Some(EpochSeconds(after.0.saturating_sub(since_slot(*every, after))).plus(*every))
            }
            Self::Cron(cron) => cron.next(after),
        }
    }

    /// The longest time between two slots: what "no campaign for so many cadences" is measured in. For a cron it is the
    /// longest gap over four fixed years, found by walking through them.
    pub fn longest_gap(&self) -> Duration {
        match self {
            Self::Every(every) => *every,
            Self::Cron(cron) => cron.gaps(Duration::ZERO).map_or(Duration::ZERO, |gaps| gaps.longest),
        }
    }

    /// On a local profile's scale. A cron is not scaled: no scale makes the clock on the wall go faster.
    #[must_use]
    pub fn scaled(self, scale: TimeScale) -> Self {
        match self {
            Self::Every(every) => Self::Every(scale.apply(every)),
            Self::Cron(cron) => Self::Cron(cron),
        }
    }
}

impl std::fmt::Display for Cadence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Every(every) => f.write_str(&show_duration(*every)),
            Self::Cron(cron) => f.write_str(&cron.text),
        }
    }
}

fn since_slot(every: Duration, now: EpochSeconds) -> i64 {
    let every = i64::try_from(every.as_secs()).unwrap_or(i64::MAX).max(1);
    now.0.checked_rem_euclid(every).unwrap_or(0)
}

impl CronTimes {
    /// Reads five cron fields and a time zone. The error says what to write instead, and repeats nothing of the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if MAX_CHARS < text.len() {
            return Err(format!("is longer than {MAX_CHARS} characters; shorten it"));
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        let (fields, zone) = split(&words)?;
        let Some(zone) = find_zone(zone) else {
            return Err(
                "ends with a word that is no time zone of the IANA database; write one there, as UTC or \
                        Europe/Berlin"
                    .to_owned(),
            );
        };
        for (at, (field, (name, range))) in fields.iter().zip(FIELDS).enumerate() {
            if !is_field(at, field) {
                return Err(format!("its {name} is not one that a cron has; write {range}, or * for each"));
            }
        }
        let pattern = parser().parse(&fields.join(" ")).map_err(|_| {
            "is no cron; write minute, hour, day of the month, month and day of the week".to_owned()
        })?;
        Ok(Self { pattern: Box::new(pattern), zone, text: words.join(" ") })
    }

    /// The latest firing up to a moment.
    pub fn last(&self, up_to: EpochSeconds) -> Option<EpochSeconds> {
        let from = shown_in(&self.zone, up_to)?;
        self.pattern.find_previous_occurrence(&from, true).ok().map(|at| second_of(&at))
    }

    /// The first firing after a moment.
    pub fn next(&self, after: EpochSeconds) -> Option<EpochSeconds> {
        let from = shown_in(&self.zone, after)?;
        self.pattern.find_next_occurrence(&from, false).ok().map(|at| second_of(&at))
    }

    /// The shortest and the longest time between two firings over four fixed years; the walk ends at the first that is
    /// shorter than `floor`. `None` where it does not fire twice in them.
    pub fn gaps(&self, floor: Duration) -> Option<Gaps> {
        let mut gaps: Option<Gaps> = None;
        let mut last = self.next(EpochSeconds(HORIZON_START.0.saturating_sub(1)))?;
        while let Some(next) = self.next(last).filter(|next| *next <= HORIZON_END) {
            let gap = Duration::from_secs(u64::try_from(next.0.saturating_sub(last.0)).unwrap_or(0));
            let Gaps { shortest, longest } = gaps.unwrap_or(Gaps { shortest: gap, longest: gap });
            gaps = Some(Gaps { shortest: shortest.min(gap), longest: longest.max(gap) });
            if gap < floor {
                break;
            }
            last = next;
        }
        gaps
    }
}

fn parser() -> CronParser {
    CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build()
}

/// The five fields and the zone's name.
fn split<'w, 't>(words: &'w [&'t str]) -> Result<(&'w [&'t str], &'t str), String> {
    match words {
        [fields @ .., zone] if fields.len() == FIELDS.len() => Ok((fields, zone)),
        _ if words.len() == FIELDS.len() && words.last().is_none_or(|word| find_zone(word).is_none()) => {
            Err("names no time zone; write one after the five fields, as UTC or Europe/Berlin".to_owned())
        }
        _ => Err("is not five cron fields and a time zone; write minute, hour, day of the month, month and day of the \
                  week, and then the zone, as \"30 1 * * 6 Europe/Berlin\""
            .to_owned()),
    }
}

/// Whether this may stand in the place of a cron's fields that begin with 0.
fn is_field(place: usize, field: &str) -> bool {
    let is_sign = |c: char| c.is_ascii_alphanumeric() || SIGNS.contains(c);
    let alone: Vec<&str> = (0..FIELDS.len()).map(|at| if at == place { field } else { "*" }).collect();
    field.chars().all(is_sign) && parser().parse(&alone.join(" ")).is_ok()
}

#[cfg(test)]
mod tests;
