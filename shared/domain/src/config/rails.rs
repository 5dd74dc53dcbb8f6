//! Reads `[rails]`: how much may happen without a person.

use std::time::Duration;

use super::Rails;
use super::floors::{COMMAND_FLOOR, COMMAND_PERCENT, IN_FLIGHT_MAX, RATIO_FLOOR, RATIO_PERCENT};
use super::report::Report;
use super::section::Section;

impl Rails {
    /// What holds where the file says nothing.
    pub const DEFAULT: Self = Self {
        ratio_percent: 5,
        ratio_floor: 10,
        in_flight_max: Duration::from_mins(15),
        command_percent: 1,
        command_floor: 10,
    };
}

/// Reads `[rails]`.
pub(super) fn read_rails(report: &mut Report, root: &Section<'_>) -> Option<Rails> {
    if !root.has("rails") {
        return Some(Rails::DEFAULT);
    }
    let rails = root.table(report, "rails")?;
    rails.check_keys(
        report,
        &["ratio_percent", "ratio_floor", "in_flight_max", "command_percent", "command_floor"],
    );
    let mut percent = |key: &str, default: u8, range| {
        let percent = rails.number(report, key, u64::from(default), range)?;
        u8::try_from(percent).ok()
    };
    let ratio_percent = percent("ratio_percent", Rails::DEFAULT.ratio_percent, &RATIO_PERCENT);
    let command_percent = percent("command_percent", Rails::DEFAULT.command_percent, &COMMAND_PERCENT);
    let ratio_floor = rails.number(report, "ratio_floor", Rails::DEFAULT.ratio_floor, &RATIO_FLOOR);
    let in_flight_max = rails.duration(report, "in_flight_max", Rails::DEFAULT.in_flight_max, &IN_FLIGHT_MAX);
    let command_floor = rails.number(report, "command_floor", Rails::DEFAULT.command_floor, &COMMAND_FLOOR);
    Some(Rails {
        ratio_percent: ratio_percent?,
        ratio_floor: ratio_floor?,
        in_flight_max: in_flight_max?,
        command_percent: command_percent?,
        command_floor: command_floor?,
    })
}
