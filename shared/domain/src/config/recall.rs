//! Reads what `[rails]` says about tokens whose fate is known: how many of them a run must see, and from when on.

use std::time::Duration;

use super::floors::{CANARY_GRACE, RECALL_FALL_POINTS, RECALL_FIRST_PERCENT, WITNESSES_MIN};
use super::report::Report;
use super::section::Section;
use crate::time::TimeScale;

/// The part of `[rails]` about witnesses and canaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecallRails {
    /// The fall of recall below its trailing median, in percentage points, at which a run is void.
    pub fall_points: u8,
    /// The recall, in percent, below which a run is void as long as no person has accepted a value.
    pub first_percent: u8,
    /// With fewer witnesses of a kind than this a person is asked.
    pub witnesses_min: u64,
    /// How long after a canary was planted a run need not see it yet.
    pub canary_grace: Duration,
}

impl RecallRails {
    /// What holds where the file says nothing.
    pub const DEFAULT: Self = Self {
        fall_points: 2,
        first_percent: 90,
        witnesses_min: 300,
        canary_grace: Duration::from_hours(24),
    };

    /// The settings in the file.
    pub(super) const KEYS: [&str; 4] =
        ["recall_fall_points", "recall_first_percent", "witnesses_min", "canary_grace"];

    /// Reads them from `[rails]`.
    pub(super) fn read(report: &mut Report, rails: &Section<'_>) -> Option<Self> {
        let default = Self::DEFAULT;
        let fall_points =
            rails.number(report, "recall_fall_points", u64::from(default.fall_points), &RECALL_FALL_POINTS);
        let first = u64::from(default.first_percent);
        let first_percent = rails.number(report, "recall_first_percent", first, &RECALL_FIRST_PERCENT);
        let witnesses_min = rails.number(report, "witnesses_min", default.witnesses_min, &WITNESSES_MIN);
        let canary_grace = rails.duration(report, "canary_grace", default.canary_grace, &CANARY_GRACE);
        Some(Self {
            fall_points: u8::try_from(fall_points?).ok()?,
            first_percent: u8::try_from(first_percent?).ok()?,
            witnesses_min: witnesses_min?,
            canary_grace: canary_grace?,
        })
    }

    /// The same with every duration on this scale.
    pub(super) fn scaled(self, scale: TimeScale) -> Self {
        Self { canary_grace: scale.apply(self.canary_grace), ..self }
    }
}
