//! The hours of the day in which a tenant's runs may work: a worker stops at their edge and goes on in the next ones.

use std::time::Duration;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::time::EpochSeconds;
use crate::zone::{find_zone, shown_in};

const DAY: Duration = Duration::from_hours(24);

/// A window: from one time of the day to another, by the clocks of a time zone. It may go over midnight.
///
/// An edge that the clocks skip falls on the moment at which they are put forward; one that they repeat is its first pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    from: Time,
    to: Time,
    zone: TimeZone,
    /// As the file has it, in single spaces.
    text: String,
}

/// Whether runs may work at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// They may, and may no more from `until` on.
    Open {
        /// When the window opened.
        since: EpochSeconds,
        /// When it closes.
        until: EpochSeconds,
    },
    /// They may again at `until`.
    Closed {
        /// When the window opens.
        until: EpochSeconds,
    },
}

impl Opening {
    /// That of a tenant without a window.
    pub const ALWAYS: Self = Self::Open { since: EpochSeconds(i64::MIN), until: EpochSeconds(i64::MAX) };

    /// Whether runs may work.
    pub fn is_open(self) -> bool {
        match self {
            Self::Open { .. } => true,
            Self::Closed { .. } => false,
        }
    }
}

impl Window {
    /// Reads two times of the day and a time zone. The error says what to write instead, and repeats nothing of the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (times, zone) = match words.as_slice() {
            [times] => (*times, None),
            [times, zone] => (*times, Some(*zone)),
            _ => return Err(not_a_window()),
        };
        let (from, to) = times.split_once('-').ok_or_else(not_a_window)?;
        let (Some(from), Some(to)) = (time_of(from), time_of(to)) else { return Err(not_a_window()) };
        let zone = zone.ok_or_else(|| {
            "names no time zone; write one after the times, as UTC or Europe/Berlin".to_owned()
        })?;
        let Some(zone) = find_zone(zone) else {
            return Err(
                "ends with a word that is no time zone of the IANA database; write one there, as UTC or \
                        Europe/Berlin"
                    .to_owned(),
            );
        };
        Ok(Self { from, to, zone, text: words.join(" ") })
    }

    /// For how long it is open on a day on which no clock is changed.
    pub fn length(&self) -> Duration {
        let seconds = self.from.duration_until(self.to).as_secs();
        let day = i64::try_from(DAY.as_secs()).unwrap_or(i64::MAX);
        Duration::from_secs(
            seconds.checked_rem_euclid(day).and_then(|left| u64::try_from(left).ok()).unwrap_or(0),
        )
    }

    /// For how long it is closed on such a day.
    pub fn closed(&self) -> Duration {
        DAY.saturating_sub(self.length())
    }

    /// Whether runs may work at a moment.
    pub fn at(&self, now: EpochSeconds) -> Opening {
        let mut next = None;
        for (opens, closes) in self.around(now) {
            if opens <= now && now < closes {
                return Opening::Open { since: opens, until: closes };
            }
            if now < opens && opens < closes {
                next = next.into_iter().chain([opens]).min();
            }
        }
        // Outside the years that calendars know nothing is open.
        Opening::Closed { until: next.unwrap_or(EpochSeconds(i64::MAX)) }
    }

    /// When it opens and closes on the days around a moment.
    fn around(&self, now: EpochSeconds) -> Vec<(EpochSeconds, EpochSeconds)> {
        let Some(today) = shown_in(&self.zone, now).map(|now| now.date()) else { return Vec::new() };
        // A day may lose all of a short window to a change of clocks, so two more are looked at.
        let days = [-1, 0, 1, 2].map(|days| today.checked_add(jiff::Span::new().days(days)).ok());
        days.into_iter().flatten().filter_map(|day| self.of_day(day)).collect()
    }

    fn of_day(&self, day: Date) -> Option<(EpochSeconds, EpochSeconds)> {
        let last = if self.to <= self.from { day.tomorrow().ok()? } else { day };
        Some((self.moment(day.to_datetime(self.from))?, self.moment(last.to_datetime(self.to))?))
    }

    /// The first moment at which a clock of the zone shows this time, or has gone beyond it.
    fn moment(&self, shown: DateTime) -> Option<EpochSeconds> {
        let ambiguous = self.zone.to_ambiguous_timestamp(shown);
        let is_skipped = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        let earlier = ambiguous.earlier().ok()?;
        let at = if is_skipped { self.zone.following(earlier).next()?.timestamp() } else { earlier };
        Some(EpochSeconds(at.as_second()))
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

fn not_a_window() -> String {
    "is not two times of the day and a time zone; write them as \"01:00-05:00 Europe/Berlin\"".to_owned()
}

/// Reads `HH:MM`, from 00:00 to 23:59.
fn time_of(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| {
        let is_two_digits = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_two_digits { digits.parse::<i8>().ok() } else { None }
    };
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

#[cfg(test)]
mod tests;
