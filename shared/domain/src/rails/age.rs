//! How old what a run rests on may be. A scan says how things were when it began, and the longer ago that is the less it
//! says: nothing is planned from stale marks, and no stale plan is carried out.

use std::time::Duration;

use crate::config::{Config, GateRails, show_duration};
use crate::run::Run;
use crate::shape::shape_of;
use crate::time::EpochSeconds;
use crate::window::Window;

/// Why a run may not be planned any more.
pub fn stale_marks(
    run: &Run,
    rails: &GateRails,
    window: Option<&Window>,
    now: EpochSeconds,
) -> Option<String> {
    let why = "its marks are stale: nothing is planned later than marks_max_age after the scan began, and this one began";
    is_stale(run, rails.marks_max_age, now).then(|| after_scan(why, run) + &narrowed(window))
}

/// Why a plan may not be carried out any more, or not to its end.
pub fn stale_plan(
    run: &Run,
    rails: &GateRails,
    window: Option<&Window>,
    now: EpochSeconds,
) -> Option<String> {
    let why = "its plan is stale: nothing is written later than plan_max_age after the scan began, and this one began";
    is_stale(run, rails.plan_max_age, now).then(|| after_scan(why, run) + &narrowed(window))
}

/// Why a plan may not be carried out though it is young: the config in force looks at other stores, in another way, or by
/// other rules than the one that the plan follows. Whoever registers a missing store must not see an older plan take what
/// lies in it.
pub fn superseded(run: &Run, in_force: &Config) -> Option<String> {
    let planned = run.shape.as_deref()?;
    (shape_of(in_force, &run.tenant) != planned).then(|| {
        "its plan follows a config that is not in force any more: the tenant's sources, formats or policies were changed \
         after its scan began. A new run is booked and looks by the new one"
            .to_owned()
    })
}

/// What a window has to do with a run that came too late; nothing where there is none. Ages go on while a window is
/// closed, since the world does.
pub fn narrowed(window: Option<&Window>) -> String {
    let Some(window) = window else { return String::new() };
    format!(
        ". The tenant's runs work only in its window {window}, {} a day, and grow old outside it too: start them as it \
         opens, have more workers read at once, or widen it",
        show_duration(window.length())
    )
}

fn is_stale(run: &Run, max_age: Duration, now: EpochSeconds) -> bool {
    run.scan_started_at.plus(max_age) <= now
}

fn after_scan(why: &str, run: &Run) -> String {
    format!(
        "{why} at {}. A new run is booked; approve its plan sooner, or see why shards take so long",
        run.scan_started_at
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Purpose, RunId};
    use crate::token::TenantId;

    #[test]
    fn each_is_good_up_to_its_own_age() {
        let began = EpochSeconds(1_800_000_000);
        let id = RunId { slot: began, ordinal: 1 };
        let booked = Run::booked(TenantId::new("acme").unwrap(), id, Purpose::Discovery, began, began);
        let run = Run { scan_started_at: began, ..booked };
        let (marks_max_age, plan_max_age) = (Duration::from_hours(2), Duration::from_hours(3));
        let rails = GateRails { plan_max_age, marks_max_age, ..GateRails::DEFAULT };
        let at = |hours: u64, seconds: i64| EpochSeconds(began.plus(Duration::from_hours(hours)).0 + seconds);
        for (now, marks, plan) in [
            (at(2, -1), false, false),
            (at(2, 0), true, false),
            (at(3, -1), true, false),
            (at(3, 0), true, true),
        ] {
            assert_eq!(stale_marks(&run, &rails, None, now).is_some(), marks, "{now}");
            assert_eq!(stale_plan(&run, &rails, None, now).is_some(), plan, "{now}");
        }
    }

    #[test]
    fn a_window_is_named_where_a_run_came_too_late() {
        assert_eq!(narrowed(None), "");
        let window = Window::parse("22:30-03:00 Europe/Berlin").unwrap();
        insta::assert_snapshot!(narrowed(Some(&window)), @". The tenant's runs work only in its window 22:30-03:00 Europe/Berlin, 270m a day, and grow old outside it too: start them as it opens, have more workers read at once, or widen it");
    }
}
