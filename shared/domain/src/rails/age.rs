//! How old what a run rests on may be. A scan says how things were when it began, and the longer ago that is the less it
//! says: nothing is planned from stale marks, and no stale plan is carried out.

use std::time::Duration;

use crate::config::GateRails;
use crate::run::Run;
use crate::time::EpochSeconds;

/// Why a run may not be planned any more.
pub fn stale_marks(run: &Run, rails: &GateRails, now: EpochSeconds) -> Option<String> {
    let why = "its marks are stale: nothing is planned later than marks_max_age after the scan began, and this one began";
    is_stale(run, rails.marks_max_age, now).then(|| after_scan(why, run))
}

/// Why a plan may not be carried out any more, or not to its end.
pub fn stale_plan(run: &Run, rails: &GateRails, now: EpochSeconds) -> Option<String> {
    let why = "its plan is stale: nothing is written later than plan_max_age after the scan began, and this one began";
    is_stale(run, rails.plan_max_age, now).then(|| after_scan(why, run))
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
            assert_eq!(stale_marks(&run, &rails, now).is_some(), marks, "{now}");
            assert_eq!(stale_plan(&run, &rails, now).is_some(), plan, "{now}");
        }
    }
}
