//! When an item of a table last changed, as the table itself says it: what makes a table a strong source.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::{EpochSeconds, date_of};

/// In 1973. A smaller number of seconds is no time of anything that is stored today, but another unit.
const PLAUSIBLE_SECONDS: i64 = 100_000_000;
/// The same moment in milliseconds.
const PLAUSIBLE_MILLIS: i64 = 1000 * PLAUSIBLE_SECONDS;
/// A date before it is a number that somebody wrote as a text.
const PLAUSIBLE_TEXT: &str = "1970";
/// How far a local time may be behind UTC.
const FARTHEST_WEST: Duration = Duration::from_hours(12);

/// The attribute that every write of an item sets to the time of the write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedAt {
    /// Its name, at the top of the item.
    pub attribute: String,
    /// How it is written.
    pub unit: ChangedUnit,
}

/// How a table writes a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangedUnit {
    /// A number: seconds since the epoch.
    #[serde(rename = "s")]
    Seconds,
    /// A number: milliseconds since the epoch.
    #[serde(rename = "ms")]
    Millis,
    /// A text that begins with the date, as `2026-11-27T17:05:00Z`, with any offset.
    #[serde(rename = "iso8601")]
    Iso8601,
}

/// Items that were written at this moment or later, and those that do not say when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedSince {
    /// What says when.
    pub changed_at: ChangedAt,
    /// The moment.
    pub since: EpochSeconds,
}

/// What an item must say to be left out: a value of this type, from `plausible` on and below `from`. Everything else is
/// read: unknown means that it may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// A number.
    Number {
        /// The least that is a time in this unit.
        plausible: i64,
        /// The moment.
        from: i64,
    },
    /// A text.
    Text {
        /// The least that is a date.
        plausible: String,
        /// The moment's date.
        from: String,
    },
}

impl ChangedSince {
    /// Which items may be left out.
    pub fn unchanged(&self) -> Unchanged {
        match self.changed_at.unit {
            ChangedUnit::Seconds => Unchanged::Number { plausible: PLAUSIBLE_SECONDS, from: self.since.0 },
            ChangedUnit::Millis => {
                Unchanged::Number { plausible: PLAUSIBLE_MILLIS, from: self.since.to_millis().0 }
            }
            // Guard: whatever the offset and however the time is written, the text of a later moment is not below the
            // date of the earlier one half a day before it.
            ChangedUnit::Iso8601 => Unchanged::Text {
                plausible: PLAUSIBLE_TEXT.to_owned(),
                from: date_of(self.since.minus(FARTHEST_WEST)),
            },
        }
    }
}

impl Unchanged {
    /// Whether a number says so.
    pub fn holds_number(&self, value: f64) -> bool {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "epoch times are far below 2^53")]
            Self::Number { plausible, from } => *plausible as f64 <= value && value < *from as f64,
            Self::Text { .. } => false,
        }
    }

    /// Whether a text says so.
    pub fn holds_text(&self, value: &str) -> bool {
        match self {
            Self::Number { .. } => false,
            Self::Text { plausible, from } => plausible.as_str() <= value && value < from.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-27T17:00:00Z.
    const MOMENT: EpochSeconds = EpochSeconds(1_795_798_800);

    fn unchanged(unit: ChangedUnit) -> Unchanged {
        let changed_at = ChangedAt { attribute: "updated_at".to_owned(), unit };
        ChangedSince { changed_at, since: MOMENT }.unchanged()
    }

    #[test]
    fn a_number_below_the_moment_is_unchanged() {
        for (unit, factor) in [(ChangedUnit::Seconds, 1.0), (ChangedUnit::Millis, 1000.0)] {
            let unchanged = unchanged(unit);
            let at = 1_795_798_800.0 * factor;
            assert!(unchanged.holds_number(at - 1.0));
            assert!(!unchanged.holds_number(at) && !unchanged.holds_number(at + 1.0));
        }
    }

    #[test]
    fn a_number_in_another_unit_or_none_at_all_is_no_answer() {
        let (seconds, millis) = (unchanged(ChangedUnit::Seconds), unchanged(ChangedUnit::Millis));
        assert!(!seconds.holds_number(1_795_000_000_000.0), "milliseconds where seconds were promised");
        assert!(!millis.holds_number(1_795_000_000.0), "seconds where milliseconds were promised");
        assert!(!seconds.holds_number(0.0) && !millis.holds_number(-5.0) && !millis.holds_number(f64::NAN));
        assert!(!seconds.holds_text("1795000000") && !millis.holds_text("2020-01-01"));
    }

    #[test]
    fn a_text_of_a_later_moment_is_never_unchanged_however_it_is_written() {
        let iso = unchanged(ChangedUnit::Iso8601);
        for later in [
            "2026-11-27T17:00:00Z",
            "2026-11-27T05:00:00-12:00",
            "2026-11-28T07:00:00+14:00",
            "2026-11-27 17:00:00.5",
            "2026-11-27",
            "20261127T170000Z",
            "1795798800",
            "",
            "yesterday",
        ] {
            assert!(!iso.holds_text(later), "{later}");
        }
        for earlier in ["2026-11-26T23:59:59Z", "2025-12-31", "1999-01-01T00:00:00+02:00"] {
            assert!(iso.holds_text(earlier), "{earlier}");
        }
        assert!(!iso.holds_number(5.0));
    }
}
