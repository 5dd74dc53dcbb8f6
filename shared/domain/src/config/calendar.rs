//! Reads `cadence` and `window`: when a tenant's campaigns start, and when their runs may work.

use std::time::Duration;

use super::duration::show_duration;
use super::floors::{CADENCE, CRON_GAP_MAX, WINDOW};
use super::report::Report;
use super::section::Section;
use super::{Rails, TenantConfig, parse_duration};
use crate::cadence::{Cadence, CronTimes};
use crate::window::Window;

/// What holds where the file says nothing.
const DEFAULT: Duration = Duration::from_hours(24);

/// Reads `cadence`: a duration, or a cron with its time zone.
pub(super) fn read_cadence(report: &mut Report, tenant: &Section<'_>) -> Option<Cadence> {
    if !tenant.has("cadence") {
        return Some(Cadence::Every(DEFAULT));
    }
    let text = tenant.optional_text(report, "cadence")?;
    if parse_duration(text).is_some() {
        return tenant.duration(report, "cadence", DEFAULT, &CADENCE).map(Cadence::Every);
    }
    // Whoever writes a cron writes at least four blanks; whoever writes fewer meant a duration.
    if text.split_whitespace().count() < 4 {
        let problem = "is neither a duration nor a cron; write a whole number and s, m, h or d, as \"24h\", or five cron \
                       fields and a time zone, as \"30 1 * * 6 Europe/Berlin\"";
        tenant.fault(report, "cadence", problem);
        return None;
    }
    let cron = CronTimes::parse(text).and_then(|cron| {
        // What is stored was walked through when it was stored.
        if report.is_stored { Ok(cron) } else { within_bounds(cron) }
    });
    cron.map_err(|problem| tenant.fault(report, "cadence", problem)).ok().map(Cadence::Cron)
}

fn within_bounds(cron: CronTimes) -> Result<CronTimes, String> {
    let Some(gaps) = cron.gaps(CADENCE.least) else {
        return Err("fires less than twice in four years; let it fire once a year or more often".to_owned());
    };
    if gaps.shortest < CADENCE.least {
        return Err(format!(
            "fires {} apart at times, changes of clocks included, which is below the floor of {}: {}; let it fire less often",
            show_duration(gaps.shortest),
            show_duration(CADENCE.least),
            CADENCE.why
        ));
    }
    if CRON_GAP_MAX < gaps.longest {
        return Err(format!(
            "does not fire for {} at times, which is above the ceiling of {}; let it fire once a year or more often",
            show_duration(gaps.longest),
            show_duration(CRON_GAP_MAX)
        ));
    }
    Ok(cron)
}

/// Reads `window`; the inner `None` is a tenant whose runs may work all day.
#[expect(clippy::option_option, reason = "the outer says whether it could be read, as every reader's does")]
pub(super) fn read_window(report: &mut Report, tenant: &Section<'_>) -> Option<Option<Window>> {
    if !tenant.has("window") {
        return Some(None);
    }
    let text = tenant.optional_text(report, "window")?;
    let window = Window::parse(text).and_then(long_enough);
    window.map_err(|problem| tenant.fault(report, "window", problem)).ok().map(Some)
}

fn long_enough(window: Window) -> Result<Window, String> {
    let (open, closed) = (window.length(), window.closed());
    let floor = show_duration(WINDOW.least);
    if open == Duration::ZERO {
        return Err("begins and ends at the same time; leave it out where runs may work all day".to_owned());
    }
    if open < WINDOW.least {
        let open = show_duration(open);
        return Err(format!(
            "is {open} a day, which is below the floor of {floor}: {}; use {floor} or more",
            WINDOW.why
        ));
    }
    if closed < WINDOW.least {
        let closed = show_duration(closed);
        return Err(format!(
            "is closed for {closed} a day only; close it for {floor} or more, or leave it out"
        ));
    }
    Ok(window)
}

/// Reports windows in which no run could come to its end under these rails.
pub(super) fn check_windows<'a>(
    report: &mut Report,
    tenants: &[Section<'_>],
    of: impl Fn(&str) -> Option<&'a TenantConfig>,
    rails: &Rails,
) {
    for section in tenants {
        let Some(window) = of(section.name).and_then(|tenant| tenant.window.as_ref()) else { continue };
        let (open, closed) = (window.length(), window.closed());
        if open <= rails.in_flight_max {
            let problem = format!(
                "is {} a day, but a run looks at its sources again {} after it has read them (rails.in_flight_max); widen \
                 the window, or lower in_flight_max",
                show_duration(open),
                show_duration(rails.in_flight_max)
            );
            section.fault(report, "window", problem);
        }
        if rails.gate.plan_max_age <= closed {
            let problem = format!(
                "is closed for {} a day, but a plan is too old to be carried out {} after its scan began \
                 (rails.plan_max_age): what a person approves by day could never go on; widen the window, or raise \
                 plan_max_age",
                show_duration(closed),
                show_duration(rails.gate.plan_max_age)
            );
            section.fault(report, "window", problem);
        }
    }
}
