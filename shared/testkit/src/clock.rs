//! The clock of the fakes: it moves only when a test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use lethe_domain::time::{EpochMillis, EpochSeconds};

/// Where a new clock stands: 2027-01-15T08:00:00Z.
pub const START: EpochSeconds = EpochSeconds(1_800_000_000);

/// A clock that every fake of one cloud shares.
#[derive(Clone, Debug)]
pub struct HandClock(Arc<AtomicI64>);

impl Default for HandClock {
    fn default() -> Self {
        Self::at(START)
    }
}

impl HandClock {
    /// A clock that stands at `now`.
    pub fn at(now: EpochSeconds) -> Self {
        Self(Arc::new(AtomicI64::new(now.to_millis().0)))
    }

    /// What it shows.
    pub fn now(&self) -> EpochSeconds {
        self.millis().to_seconds()
    }

    /// What it shows, to the millisecond.
    pub fn millis(&self) -> EpochMillis {
        EpochMillis(self.0.load(Ordering::SeqCst))
    }

    /// Moves it forward and returns what it shows then.
    pub fn advance(&self, by: Duration) -> EpochSeconds {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
        self.now()
    }

    /// Puts it somewhere.
    pub fn set(&self, now: EpochSeconds) {
        self.0.store(now.to_millis().0, Ordering::SeqCst);
    }
}
