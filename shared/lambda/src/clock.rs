//! The only place that reads the clock. Stages are told what time it is; here it is looked up.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lethe_domain::time::{EpochMillis, EpochSeconds};

/// What is kept of an invocation's time to put its work away: this part of it, and no more than [`MAX_MARGIN`].
const MARGIN_DIVISOR: u32 = 5;

/// Enough to write one part of marks or plans and to answer.
const MAX_MARGIN: Duration = Duration::from_secs(20);

/// This moment, to the second.
pub fn now() -> EpochSeconds {
    now_millis().to_seconds()
}

/// This moment, to the millisecond.
#[expect(clippy::disallowed_methods, reason = "the edge reads the clock for everybody")]
pub fn now_millis() -> EpochMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    EpochMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Measures how long something took.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[expect(clippy::disallowed_methods, reason = "durations in the log are measured at the edge")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Whole milliseconds since the start.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// When an invocation should begin to put its work away.
#[derive(Clone, Copy, Debug)]
pub struct PauseAt(EpochMillis);

impl PauseAt {
    /// The pause before a deadline, for an invocation that begins now.
    pub fn before(deadline: EpochMillis, now: EpochMillis) -> Self {
        let left = u64::try_from(deadline.0.saturating_sub(now.0)).unwrap_or(0);
        let margin =
            Duration::from_millis(left).checked_div(MARGIN_DIVISOR).unwrap_or_default().min(MAX_MARGIN);
        let margin_ms = i64::try_from(margin.as_millis()).unwrap_or(i64::MAX);
        Self(EpochMillis(deadline.0.saturating_sub(margin_ms)))
    }

    /// Whether that moment has come.
    pub fn has_come(self, now: EpochMillis) -> bool {
        self.0 <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_invocation_keeps_a_fifth_of_its_time() {
        let pause = PauseAt::before(EpochMillis(130_000), EpochMillis(100_000));
        assert!(!pause.has_come(EpochMillis(123_999)));
        assert!(pause.has_come(EpochMillis(124_000)));
    }

    #[test]
    fn a_long_invocation_keeps_twenty_seconds() {
        let pause = PauseAt::before(EpochMillis(400_000), EpochMillis(100_000));
        assert!(!pause.has_come(EpochMillis(379_999)));
        assert!(pause.has_come(EpochMillis(380_000)));
    }

    #[test]
    fn a_deadline_that_is_over_pauses_at_once() {
        assert!(PauseAt::before(EpochMillis(1), EpochMillis(5)).has_come(EpochMillis(5)));
    }
}
