//! Reads `[rails]`: how much may happen without a person.

use std::time::Duration;

use super::floors::{
    COMMAND_FLOOR, COMMAND_PERCENT, IN_FLIGHT_MAX, LATE_USE_FLOOR, LATE_USE_PERCENT, RATIO_FLOOR,
    RATIO_PERCENT, SHRINK_PERCENT,
};
use super::report::Report;
use super::section::Section;
use super::{GateRails, Rails, RecallRails};

impl Rails {
    /// What holds where the file says nothing.
    pub const DEFAULT: Self = Self {
        ratio_percent: 5,
        ratio_floor: 10,
        gate: GateRails::DEFAULT,
        in_flight_max: Duration::from_mins(15),
        command_percent: 1,
        command_floor: 10,
        shrink_percent: 85,
        recall: RecallRails::DEFAULT,
        late_use_percent: 1,
        late_use_floor: 5,
    };
}

/// The settings that are read here.
const OWN_KEYS: [&str; 8] = [
    "ratio_percent",
    "ratio_floor",
    "in_flight_max",
    "command_percent",
    "command_floor",
    "shrink_percent",
    "late_use_percent",
    "late_use_floor",
];

/// Reads `[rails]`.
pub(super) fn read_rails(report: &mut Report, root: &Section<'_>) -> Option<Rails> {
    if !root.has("rails") {
        return Some(Rails::DEFAULT);
    }
    let rails = root.table(report, "rails")?;
    let keys: Vec<&str> = OWN_KEYS.into_iter().chain(RecallRails::KEYS).chain(GateRails::KEYS).collect();
    rails.check_keys(report, &keys);
    let mut percent = |key: &str, default: u8, range| {
        let percent = rails.number(report, key, u64::from(default), range)?;
        u8::try_from(percent).ok()
    };
    let ratio_percent = percent("ratio_percent", Rails::DEFAULT.ratio_percent, &RATIO_PERCENT);
    let command_percent = percent("command_percent", Rails::DEFAULT.command_percent, &COMMAND_PERCENT);
    let shrink_percent = percent("shrink_percent", Rails::DEFAULT.shrink_percent, &SHRINK_PERCENT);
    let late_use_percent = percent("late_use_percent", Rails::DEFAULT.late_use_percent, &LATE_USE_PERCENT);
    let ratio_floor = rails.number(report, "ratio_floor", Rails::DEFAULT.ratio_floor, &RATIO_FLOOR);
    let in_flight_max = rails.duration(report, "in_flight_max", Rails::DEFAULT.in_flight_max, &IN_FLIGHT_MAX);
    let command_floor = rails.number(report, "command_floor", Rails::DEFAULT.command_floor, &COMMAND_FLOOR);
    let late_use_floor =
        rails.number(report, "late_use_floor", Rails::DEFAULT.late_use_floor, &LATE_USE_FLOOR);
    let recall = RecallRails::read(report, &rails);
    let gate = GateRails::read(report, &rails);
    Some(Rails {
        ratio_percent: ratio_percent?,
        ratio_floor: ratio_floor?,
        gate: gate?,
        in_flight_max: in_flight_max?,
        command_percent: command_percent?,
        command_floor: command_floor?,
        shrink_percent: shrink_percent?,
        recall: recall?,
        late_use_percent: late_use_percent?,
        late_use_floor: late_use_floor?,
    })
}
