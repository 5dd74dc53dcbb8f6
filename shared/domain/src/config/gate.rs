//! Reads what `[rails]` says about the gate: how much a plan may take at once, how a first purge is cut, when a run only
//! reports, and how old what a run rests on may be.

use std::time::Duration;

use super::floors::{
    COHORT_PERCENT, DEMOTIONS_PER_MINUTE, MARKS_MAX_AGE, PLAN_MAX_AGE, RATIO_MADS, RATIO_SLACK_PERCENT,
    SHADOW_RUNS, SLICE_FLOOR, SLICE_PERCENT, TWO_PERSONS_PERCENT,
};
use super::report::Report;
use super::section::Section;
use crate::limits::scaled_work;
use crate::time::TimeScale;

/// The gate's part of `[rails]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateRails {
    /// How much more than usual a plan may cool without an approval, in percent of the tenant's tokens.
    pub ratio_slack_percent: u8,
    /// And how many times as far from usual as the runs before it are as a rule (their median absolute deviation).
    pub ratio_mads: u8,
    /// The share of a tenant's tokens, in percent, above which a plan needs the approval of two persons.
    pub two_persons_percent: u8,
    /// The first slice of a first purge, in percent of the tenant's tokens.
    pub cohort_percent: u8,
    /// Every later slice, one a day, in percent of the tenant's tokens.
    pub slice_percent: u8,
    /// The number of tokens that a slice may have whatever its share.
    pub slice_floor: u64,
    /// How many runs only report after a format, a source or a policy is new or has changed.
    pub shadow_runs: u8,
    /// How long after its scan began a plan may still be carried out.
    pub plan_max_age: Duration,
    /// How long after its scan began a run may still be planned from its marks.
    pub marks_max_age: Duration,
    /// How many tokens of a tenant are taken out of service or sentenced in a minute.
    pub demotions_per_minute: u64,
}

impl GateRails {
    /// What holds where the file says nothing.
    pub const DEFAULT: Self = Self {
        ratio_slack_percent: 1,
        ratio_mads: 3,
        two_persons_percent: 15,
        cohort_percent: 1,
        slice_percent: 5,
        slice_floor: 10,
        shadow_runs: 2,
        plan_max_age: Duration::from_hours(48),
        marks_max_age: Duration::from_hours(24),
        demotions_per_minute: 6000,
    };

    /// The settings in the file.
    pub(super) const KEYS: [&str; 10] = [
        "ratio_slack_percent",
        "ratio_mads",
        "two_persons_percent",
        "cohort_percent",
        "slice_percent",
        "slice_floor",
        "shadow_runs",
        "plan_max_age",
        "marks_max_age",
        "demotions_per_minute",
    ];

    /// Reads them from `[rails]`.
    pub(super) fn read(report: &mut Report, rails: &Section<'_>) -> Option<Self> {
        let default = Self::DEFAULT;
        let small = |report: &mut Report, key: &str, default: u8, range| {
            u8::try_from(rails.number(report, key, u64::from(default), range)?).ok()
        };
        let ratio_slack_percent =
            small(report, "ratio_slack_percent", default.ratio_slack_percent, &RATIO_SLACK_PERCENT);
        let ratio_mads = small(report, "ratio_mads", default.ratio_mads, &RATIO_MADS);
        let two_persons_percent =
            small(report, "two_persons_percent", default.two_persons_percent, &TWO_PERSONS_PERCENT);
        let cohort_percent = small(report, "cohort_percent", default.cohort_percent, &COHORT_PERCENT);
        let slice_percent = small(report, "slice_percent", default.slice_percent, &SLICE_PERCENT);
        let slice_floor = rails.number(report, "slice_floor", default.slice_floor, &SLICE_FLOOR);
        let shadow_runs = small(report, "shadow_runs", default.shadow_runs, &SHADOW_RUNS);
        let plan_max_age = rails.duration(report, "plan_max_age", default.plan_max_age, &PLAN_MAX_AGE);
        let marks_max_age = rails.duration(report, "marks_max_age", default.marks_max_age, &MARKS_MAX_AGE);
        let demotions_per_minute =
            rails.number(report, "demotions_per_minute", default.demotions_per_minute, &DEMOTIONS_PER_MINUTE);
        Some(Self {
            ratio_slack_percent: ratio_slack_percent?,
            ratio_mads: ratio_mads?,
            two_persons_percent: two_persons_percent?,
            cohort_percent: cohort_percent?,
            slice_percent: slice_percent?,
            slice_floor: slice_floor?,
            shadow_runs: shadow_runs?,
            plan_max_age: plan_max_age?,
            marks_max_age: marks_max_age?,
            demotions_per_minute: demotions_per_minute?,
        })
    }

    /// The same with every duration on this scale.
    pub(super) fn scaled(self, scale: TimeScale) -> Self {
        Self {
            plan_max_age: scaled_work(scale, self.plan_max_age),
            marks_max_age: scaled_work(scale, self.marks_max_age),
            ..self
        }
    }
}
