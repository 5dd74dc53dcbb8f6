use proptest::prelude::*;

use super::*;
use crate::run::Purpose;

const DAY: Duration = Duration::from_hours(24);
const NOW: EpochSeconds = EpochSeconds(1_800_000_000);

fn rails() -> GateRails {
    GateRails { cohort_percent: 1, slice_percent: 5, slice_floor: 10, ..GateRails::DEFAULT }
}

fn id(ordinal: u8) -> RunId {
    RunId { slot: NOW, ordinal }
}

fn run(ordinal: u8, n_cool: u64, n_deferred: u64) -> Run {
    let booked = Run::booked(TenantId::new("acme").unwrap(), id(ordinal), Purpose::Confirm, NOW, NOW);
    let tally = PlanTally { n_active: 10_000, n_cool, n_deferred, ..PlanTally::default() };
    Run { tally, plan_hash: Some("aa".into()), ..booked }
}

fn fresh() -> Backlog {
    Backlog::new(TenantId::new("acme").unwrap())
}

fn started() -> Backlog {
    let_through().after(&run(1, 100, 2900), &rails(), NOW)
}

fn let_through() -> Backlog {
    fresh().with_slice(&run(1, 100, 2900), vec!["ada".into()], NOW)
}

fn room(backlog: &Backlog, ordinal: u8, n_active: u64, now: EpochSeconds) -> Option<u64> {
    backlog.room(&id(ordinal), n_active, &rails(), (DAY, now))
}

#[test]
fn the_first_slice_is_a_cohort_and_then_there_is_one_a_day() {
    assert_eq!(room(&fresh(), 1, 10_000, NOW), Some(100));
    assert_eq!(room(&fresh(), 1, 500, NOW), Some(10), "the floor");
    assert_eq!(room(&started(), 2, 9_900, NOW.plus(DAY)), Some(495));
    assert_eq!(room(&started(), 2, 9_900, EpochSeconds(NOW.plus(DAY).0 - 1)), Some(395), "within the day");
    let spent = started().with_slice(&run(2, 395, 2505), Vec::new(), NOW);
    assert_eq!(room(&spent, 3, 9_505, NOW), Some(0));
    // What was let through and never carried out shows no fault: the cohort is still to come.
    assert_eq!(room(&let_through(), 2, 10_000, NOW.plus(DAY)), Some(100));
    assert_eq!(room(&let_through(), 2, 10_000, NOW), Some(0), "and counts towards its day all the same");
    // Whoever looks again at the same run finds what was found first.
    assert_eq!(room(&started(), 1, 10_000, NOW), Some(100));
}

#[test]
fn the_approval_covers_what_there_was_and_what_needs_no_person() {
    assert!(!fresh().covers(&id(1), 1, 0));
    let backlog = started();
    assert!(backlog.covers(&id(2), 2900, 0));
    assert!(!backlog.covers(&id(2), 2901, 0));
    assert!(backlog.covers(&id(2), 2910, 10));
    assert!(!backlog.covers(&id(2), 2911, 10));
    assert!(backlog.covers(&id(1), 3000, 0), "the run that was approved");
    // What was let through, and cut short before it took anything, is found again and counts once.
    let cut_short = backlog.with_slice(&run(2, 500, 2400), Vec::new(), NOW);
    assert!(cut_short.covers(&id(3), 2900, 0) && !cut_short.covers(&id(3), 2901, 0));
    let taken = cut_short.after(&run(2, 500, 2400), &rails(), NOW);
    assert!(taken.covers(&id(3), 2400, 0) && !taken.covers(&id(3), 2401, 0));
}

#[test]
fn a_run_that_is_let_through_twice_is_one_slice() {
    let twice = started().with_slice(&run(1, 100, 2900), vec!["ada".into()], NOW.plus(DAY));
    assert_eq!(twice, started());
    assert_eq!(started().with_slice(&run(2, 0, 2900), Vec::new(), NOW), started());
    assert_eq!(fresh().with_slice(&run(1, 3, 0), vec!["ada".into()], NOW).approved, None, "nothing is left");
}

#[test]
fn it_is_finished_when_nothing_was_put_off() {
    let after = |backlog: &Backlog, run: &Run| backlog.after(run, &rails(), NOW).finished_at.is_some();
    assert!(!after(&started(), &run(2, 495, 1)));
    assert!(after(&started(), &run(2, 495, 0)));
    assert!(after(&started(), &run(2, 0, 0)));
    let mut too_soon = run(2, 0, 0);
    too_soon.tally.n_struck = 9;
    assert!(!after(&started(), &too_soon));
    // A verdict run that goes on from no other run finds no candidates, however many there are.
    let verdict = Run { purpose: Purpose::Verdict, ..run(2, 0, 0) };
    assert!(!after(&started(), &verdict));
    assert!(!after(&fresh(), &run(1, 0, 0)), "nothing was purged yet");
    assert!(after(&fresh(), &run(1, 10, 0)));
    // One kind is through and another's candidates are still to be missed again: more than a slice of them is a backlog.
    for (n_struck, is_finished) in [(500, true), (501, false)] {
        let mut of_one_kind = run(1, 10, 0);
        of_one_kind.tally.n_struck = n_struck;
        assert_eq!(after(&fresh(), &of_one_kind), is_finished, "{n_struck}");
        // Those that were missed and are not idle yet are no fewer.
        of_one_kind.tally.n_not_idle = std::mem::take(&mut of_one_kind.tally.n_struck);
        assert_eq!(after(&fresh(), &of_one_kind), is_finished, "{n_struck}");
    }
    let finished = started().after(&run(2, 495, 0), &rails(), NOW);
    assert_eq!(room(&finished, 3, 10_000, NOW.plus(DAY)), None);
    assert_eq!(finished.with_slice(&run(3, 7, 0), Vec::new(), NOW), finished);
}

#[test]
fn what_was_stopped_goes_on_after_a_new_approval() {
    let stopped = started().stopped("reads of cooling tokens");
    assert!(!stopped.covers(&id(2), 1, 0));
    let second = run(2, 395, 2505);
    let again = stopped.with_slice(&second, vec!["bob".into()], NOW.plus(DAY)).after(&second, &rails(), NOW);
    assert!(again.covers(&id(3), 2505, 0) && !again.covers(&id(3), 2506, 0));
    assert_eq!(fresh().stopped("never begun"), fresh());
}

#[test]
fn the_days_to_finish_count_whole_slices() {
    for (n_deferred, days) in [(0, 0), (1, 1), (500, 1), (501, 2)] {
        assert_eq!(days_to_finish(n_deferred, 10_000, &rails()), days);
    }
}

proptest! {
    #[test]
    fn a_slice_has_the_first_turns_and_never_more_than_room(
        turns in proptest::collection::vec((0..5_i64, 0..5_u64), 0..40),
        room in 0..20_u64,
    ) {
        let mut cut = Cut::new(room);
        let turns: Vec<Turn> =
            turns.into_iter().map(|(at, digest)| Turn { last_seen: EpochSeconds(at), digest }).collect();
        for turn in &turns {
            cut.offer(*turn);
        }
        match cut.end() {
            None => prop_assert!(turns.len() as u64 <= room),
            Some((end, n_in)) => {
                prop_assert_eq!(turns.iter().filter(|turn| **turn < end).count() as u64, n_in);
                prop_assert!(n_in <= room);
                // One more would be too many.
                prop_assert!(room < turns.iter().filter(|turn| **turn <= end).count() as u64);
            }
        }
    }
}
