//! The numbers that the stages share and that no config changes. The `local` profile scales the durations, so that
//! a token's whole life takes minutes; what measures other people's clocks is never scaled.

use std::time::Duration;

use crate::policy::Retention;
use crate::time::{EpochSeconds, TimeScale};

const DAY: u64 = 24 * 60 * 60;

/// Locally no shorter than these: no scale makes a worker faster, and a run must not be given up while it works.
const WORK_FLOOR_STUCK: Duration = Duration::from_secs(30);
const WORK_FLOOR_LEASE: Duration = Duration::from_mins(1);
const WORK_FLOOR_RUN: Duration = Duration::from_mins(15);
const WORK_FLOOR_FEED: Duration = Duration::from_secs(10);

/// A limit on how old work may be, on this scale: locally no shorter than a run may take.
pub fn scaled_work(scale: TimeScale, limit: Duration) -> Duration {
    if scale == TimeScale::REAL { limit } else { scale.apply(limit).max(WORK_FLOOR_RUN) }
}

/// The stages' limits. Every duration is already on the profile's time scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The scale that the durations below were put on; [`Limits::retention`] applies it to archive classes.
    pub scale: TimeScale,
    /// Least time between two runs of one campaign, 4 h: stores that lag behind get the time to catch up.
    pub run_spacing: Duration,
    /// Least grace, 24 h: a token younger than this at a scan's start is never counted as missed (invariant 4).
    pub age_floor: Duration,
    /// Least time from a sentence to removal, 24 h: a sentenced token can still be read, seen and reinstated.
    pub removal_notice: Duration,
    /// A token read within this time, 7 d, is known alive: a good scan must find it.
    pub witness_window: Duration,
    /// How much later than its lock an archived version may go, 3 d: lifecycle runs once a day and takes its time.
    pub version_margin: Duration,
    /// How long TTL and lifecycle may be late before `reconcile` removes by itself: 48 h, locally none.
    pub patience: Duration,
    /// One pass of `reconcile` over the whole vault: 48 h, locally every tick.
    pub walk_period: Duration,
    /// After this time, 15 min, without progress a unit of work is sent again.
    pub stuck_after: Duration,
    /// A run that is not done after this time, 24 h, is void.
    pub run_deadline: Duration,
    /// How long a worker owns a shard, 16 min: longer than any function lives.
    pub lease: Duration,
    /// How much later a fan-out looks again, 2 min: the owner index lags behind the table, by seconds as a rule.
    pub index_lag: Duration,
    /// How long a command's answer and a notice's id are remembered, 48 h: senders repeat themselves for a day.
    pub memory: Duration,
    /// The day of the command budget, and between two slices of a first purge, 24 h.
    pub budget_day: Duration,
    /// The minute in which `demotions_per_minute` are made.
    pub demotion_minute: Duration,
    /// In what steps the read feed is proven alive, 1 h: a canary is read, and reads are counted, once in each.
    pub feed_hour: Duration,
    /// How much longer than twice an idle window the counts of the read feed are kept, 30 d.
    pub feed_margin: Duration,
    /// How far a command's own time may be from ours, 5 min. Never scaled: it is about clocks, not about waiting.
    pub max_clock_skew: Duration,
    /// The oldest TTL value that DynamoDB still acts on, 5 years less a day. Never scaled: it is the service's.
    pub ttl_max_age: Duration,
}

impl Limits {
    /// The numbers of a real deployment.
    pub const fn production() -> Self {
        Self {
            scale: TimeScale::REAL,
            run_spacing: Duration::from_hours(4),
            age_floor: Duration::from_hours(24),
            removal_notice: Duration::from_hours(24),
            witness_window: Duration::from_secs(7 * DAY),
            version_margin: Duration::from_secs(3 * DAY),
            patience: Duration::from_hours(48),
            walk_period: Duration::from_hours(48),
            stuck_after: Duration::from_mins(15),
            run_deadline: Duration::from_hours(24),
            lease: Duration::from_mins(16),
            index_lag: Duration::from_mins(2),
            memory: Duration::from_hours(48),
            budget_day: Duration::from_hours(24),
            demotion_minute: Duration::from_mins(1),
            feed_hour: Duration::from_hours(1),
            feed_margin: Duration::from_secs(30 * DAY),
            max_clock_skew: Duration::from_mins(5),
            ttl_max_age: Duration::from_secs((5 * 365 - 1) * DAY),
        }
    }

    /// The same numbers on a local cloud: scaled, and without patience, since nothing but `reconcile` removes there.
    pub fn local(scale: TimeScale) -> Self {
        let real = Self::production();
        Self {
            scale,
            run_spacing: scale.apply(real.run_spacing),
            age_floor: scale.apply(real.age_floor),
            removal_notice: scale.apply(real.removal_notice),
            witness_window: scale.apply(real.witness_window),
            version_margin: scale.apply(real.version_margin),
            patience: Duration::ZERO,
            walk_period: Duration::ZERO,
            stuck_after: scale.apply(real.stuck_after).max(WORK_FLOOR_STUCK),
            run_deadline: scale.apply(real.run_deadline).max(WORK_FLOOR_RUN),
            lease: scale.apply(real.lease).max(WORK_FLOOR_LEASE),
            // No scale makes a sender faster: it repeats itself within the same real time.
            index_lag: scale.apply(real.index_lag),
            memory: real.memory,
            budget_day: scale.apply(real.budget_day),
            demotion_minute: scale.apply(real.demotion_minute),
            feed_hour: scale.apply(real.feed_hour).max(WORK_FLOOR_FEED),
            feed_margin: scale.apply(real.feed_margin),
            max_clock_skew: real.max_clock_skew,
            ttl_max_age: real.ttl_max_age,
        }
    }

    /// How long a budget day's account is kept, 400 days: as long as anything may wait for its approval. A budget that
    /// nobody looks at for so long is an incident.
    pub fn budget_kept(&self) -> Duration {
        self.memory.saturating_mul(200)
    }

    /// How long is remembered what came of a decision, 400 days: a policy is judged over a year.
    pub fn regret_kept(&self) -> Duration {
        self.memory.saturating_mul(200)
    }

    /// The beginning of the budget day that a moment lies in.
    pub fn budget_day_of(&self, now: EpochSeconds) -> EpochSeconds {
        let day = i64::try_from(self.budget_day.as_secs()).unwrap_or(i64::MAX).max(1);
        EpochSeconds(now.0.saturating_sub(now.0.rem_euclid(day)))
    }

    /// The first second of the feed hour that a moment lies in.
    pub fn feed_hour_of(&self, now: EpochSeconds) -> EpochSeconds {
        let hour = i64::try_from(self.feed_hour.as_secs()).unwrap_or(i64::MAX).max(1);
        EpochSeconds(now.0.saturating_sub(now.0.rem_euclid(hour)))
    }

    /// How long the counts of a read feed are kept that proves idle windows of this length: a gap extends a window.
    pub fn feed_kept(&self, idle_after: Duration) -> Duration {
        idle_after.saturating_mul(2).saturating_add(self.feed_margin)
    }

    /// How long a version of this class stays locked.
    pub fn retention(&self, class: Retention) -> Duration {
        self.scale.apply(class.duration())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn a_local_cloud_on_the_real_scale_differs_in_patience_only() {
        let local = Limits::local(TimeScale::REAL);
        let real = Limits::production();
        assert_eq!(Limits { patience: real.patience, walk_period: real.walk_period, ..local }, real);
        assert_eq!(local.patience, Duration::ZERO);
    }

    #[test]
    fn a_worker_keeps_enough_real_time() {
        let local = Limits::local(TimeScale::dividing_by(NonZeroU32::MAX));
        assert_eq!(local.stuck_after, Duration::from_secs(30));
        assert_eq!(local.lease, Duration::from_mins(1));
        assert_eq!(local.run_deadline, Duration::from_mins(15));
        assert_eq!(local.feed_hour, Duration::from_secs(10));
    }

    #[test]
    fn every_wait_is_scaled_and_clocks_are_not() {
        let local = Limits::local(TimeScale::dividing_by(NonZeroU32::new(20_000).unwrap()));
        assert_eq!(local.run_spacing, Duration::from_secs(1));
        assert_eq!(local.witness_window, Duration::from_secs(31));
        assert_eq!(local.retention(Retention::R7), Duration::from_secs(31));
        assert_eq!(local.max_clock_skew, Duration::from_mins(5));
    }
}
