//! A first purge leaves in slices, what was unused longest first, under one approval.

use lethe_domain::run::Purpose;
use lethe_stages::first_purge;

use super::*;

/// Forty of a hundred look unused; a slice has ten.
fn backlog() -> World {
    world(&sample().rail("slice_floor", "10"), 40, 100)
}

fn approved() -> World {
    let world = backlog();
    world.rounds(8, HOUR);
    world.approve_waiting("acme");
    world.rounds(1, HOUR);
    world
}

fn slices(world: &World) -> Vec<u64> {
    let backlog = world.cloud.control.backlog_now(&tenant("acme")).unwrap();
    backlog.slices.iter().map(|slice| slice.n_tokens).collect()
}

#[test]
fn nothing_leaves_before_the_whole_backlog_is_approved() {
    let world = backlog();
    world.rounds(8, HOUR);
    assert_eq!(cooling(&world), seeds([]));
    let [run] = world.waiting("acme").try_into().unwrap();
    assert_eq!((run.tally.n_cool, run.tally.n_deferred, run.n_persons), (10, 30, 2));
    let note = run.note.unwrap();
    assert!(
        note.starts_with("this is its first purge. 40 of 100 active tokens (40.00 %) look unused"),
        "{note}"
    );
    assert_eq!(world.cloud.control.backlog_now(&tenant("acme")), None);
}

#[test]
fn one_slice_a_day_leaves_and_who_was_unused_longest_goes_first() {
    let world = approved();
    assert_eq!(cooling(&world), seeds(31..=40));
    for first in [21, 11, 1] {
        // One a day, however often the tenant is looked at meanwhile.
        world.rounds(22, HOUR);
        assert_eq!(cooling(&world), seeds(first + 10..=40));
        world.rounds(4, HOUR);
        assert_eq!(cooling(&world), seeds(first..=40));
    }
    assert!(world.waiting("acme").is_empty());
    assert_eq!(slices(&world), [10; 4]);
    let backlog = world.cloud.control.backlog_now(&tenant("acme")).unwrap();
    assert!(backlog.finished_at.is_some());
    // Each slice has its verdict when its own cool-off is over.
    world.rounds(5, DAY);
    world.rounds(36, HOUR);
    let sentenced = world.phases().into_iter().filter(|(_, phase)| *phase == Phase::Sentenced);
    assert!(sentenced.count() >= 10);
    world.rounds(96, HOUR);
    assert_eq!(world.phases().into_keys().collect::<BTreeSet<_>>(), seeds(41..=100));
    assert!(world.failures.borrow().is_empty(), "{:?}", world.failures.borrow());
}

#[test]
fn a_campaign_in_between_shares_the_days_room() {
    let world = backlog();
    let config = sample().rail("slice_floor", "10").cadence("4h").text();
    world.cloud.control.put_config(&config, world.now());
    world.rounds(8, HOUR);
    world.approve_waiting("acme");
    world.rounds(20, HOUR);
    assert_eq!(cooling(&world), seeds(31..=40));
    assert_eq!(slices(&world), [10]);
}

#[test]
fn a_token_that_is_found_again_keeps_its_place_in_service_and_the_others_move_up() {
    let world = approved();
    world.store("acme-orders", &token(30));
    world.rounds(26, HOUR);
    assert_eq!(cooling(&world), seeds((20..=29).chain(31..=40)));
}

#[test]
fn what_was_not_in_the_approval_asks_again() {
    let world = approved();
    for seed in 201..=230 {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    world.rounds(26, HOUR);
    // The new ones have one strike; the second slice is within the approval.
    assert_eq!(cooling(&world), seeds(21..=40));
    world.rounds(26, HOUR);
    let [run] = world.waiting("acme").try_into().unwrap();
    assert!(
        run.note.as_ref().unwrap().starts_with("its first purge has grown beyond the 40 tokens"),
        "{run:?}"
    );
    assert_eq!(cooling(&world), seeds(21..=40));
    world.approve_waiting("acme");
    world.rounds(2, HOUR);
    assert_eq!(cooling(&world), seeds(11..=40));
}

#[test]
fn a_stopped_purge_goes_on_after_a_new_approval() {
    let world = approved();
    futures::executor::block_on(first_purge::stop(&world.cloud.control, &tenant("acme"), "7 late reads"))
        .unwrap();
    world.rounds(26, HOUR);
    let [run] = world.waiting("acme").try_into().unwrap();
    assert!(run.note.as_ref().unwrap().starts_with("its first purge was stopped: 7 late reads."), "{run:?}");
    assert_eq!(cooling(&world), seeds(31..=40));
    world.approve_waiting("acme");
    world.rounds(2, HOUR);
    assert_eq!(cooling(&world), seeds(21..=40));
}

#[test]
fn a_first_purge_within_the_cohort_is_everyday_life() {
    let world = world(&sample().rail("slice_floor", "10"), 10, 100);
    world.rounds(8, HOUR);
    assert_eq!(cooling(&world), seeds(1..=10));
    let backlog = world.cloud.control.backlog_now(&tenant("acme")).unwrap();
    assert!(backlog.finished_at.is_some() && backlog.approved.is_none());
}

#[test]
fn a_plan_that_only_reports_says_what_it_would_put_off_and_books_no_slice() {
    let world = backlog();
    world.rounds(2, HOUR);
    let plan_only = |run: &Run| run.purpose == Purpose::Confirm;
    let run = world.cloud.control.all_runs().into_iter().find(plan_only).unwrap();
    world.cloud.control.put_run(Run { plan_only: true, ..run });
    world.rounds(8, HOUR);
    let reported = last_at(&world, Stage::Reported);
    assert_eq!((reported.tally.n_cool, reported.tally.n_deferred), (10, 30));
    assert_eq!(world.cloud.control.all_runs().len(), 2);
}
