//! Points in time and the one scale that a local profile puts on every duration.
//!
//! Two units exist because two readers need them: DynamoDB's TTL takes epoch seconds, and a sign-in just after a
//! logout everywhere, in the same second, must be told from one just before it, so issue times are milliseconds.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time in whole seconds since the epoch (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EpochSeconds(pub i64);

/// A point in time in milliseconds since the epoch (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EpochMillis(pub i64);

impl EpochSeconds {
    /// This moment plus `duration`, its fraction of a second dropped; at the end of time it stays there.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(whole_seconds(duration)))
    }

    /// This moment minus `duration`.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(whole_seconds(duration)))
    }

    /// The first millisecond of this second.
    pub fn to_millis(self) -> EpochMillis {
        EpochMillis(self.0.saturating_mul(1000))
    }
}

impl EpochMillis {
    /// The second this moment lies in.
    pub fn to_seconds(self) -> EpochSeconds {
        EpochSeconds(self.0.div_euclid(1000))
    }
}

impl fmt::Display for EpochSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(at) => at.fmt(f),
            Err(_) => write!(f, "{} s", self.0),
        }
    }
}

/// The `yyyy-mm-dd` (UTC) of a moment, as archive keys carry it.
pub fn date_of(at: EpochSeconds) -> String {
    at.to_string().chars().take(10).collect()
}

/// The `yyyy-mm-ddThh` (UTC) of a moment: the audit's writing hour.
pub fn hour_of(at: EpochSeconds) -> String {
    at.to_string().chars().take(13).collect()
}

/// By how much the `local` profile shortens every duration, so that a whole life takes minutes. 1 in production.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeScale(NonZeroU32);

impl TimeScale {
    /// No shortening: what production runs with.
    pub const REAL: Self = Self(NonZeroU32::MIN);

    /// A scale that divides every duration by `divisor`.
    pub const fn dividing_by(divisor: NonZeroU32) -> Self {
        Self(divisor)
    }

    /// `duration` on this scale, rounded up to whole seconds: a duration that was not zero stays at least a second.
    pub fn apply(self, duration: Duration) -> Duration {
        if self == Self::REAL {
            return duration;
        }
        Duration::from_secs(duration.as_secs().div_ceil(u64::from(self.0.get())))
    }
}

fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_of_one_changes_nothing() {
        assert_eq!(TimeScale::REAL.apply(Duration::from_millis(1500)), Duration::from_millis(1500));
    }

    #[test]
    fn a_scaled_duration_is_rounded_up_and_zero_stays_zero() {
        let scale = TimeScale::dividing_by(NonZeroU32::new(20_000).unwrap());
        assert_eq!(scale.apply(Duration::from_hours(4)), Duration::from_secs(1));
        assert_eq!(scale.apply(Duration::from_hours(7 * 24)), Duration::from_secs(31));
        assert_eq!(scale.apply(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn dates_and_hours_are_utc() {
        assert_eq!(date_of(EpochSeconds(1_700_000_000)), "2023-11-14");
        assert_eq!(hour_of(EpochSeconds(1_700_000_000)), "2023-11-14T22");
    }
}
