//! Ticks and follow-ups: the no-op first, then each side of each limit.

use super::*;
use crate::run::{ApplyTally, PlanTally};
use crate::token::TenantId;

const HOUR: u64 = 3600;
const NOW: EpochSeconds = EpochSeconds(1_000_000);

fn run(ordinal: u8, stage: Stage) -> Run {
    let id = RunId { slot: EpochSeconds(950_400), ordinal };
    let booked = Run::booked(TenantId::new("acme").unwrap(), id, Purpose::Discovery, NOW, NOW);
    Run { stage, dispatched: true, ..booked }
}

fn tick(runs: &[Run]) -> Step {
    tick_in(runs, Opening::ALWAYS)
}

fn tick_in(runs: &[Run], opening: Opening) -> Step {
    decide_tick(runs, (&Cadence::Every(Duration::from_secs(24 * HOUR)), opening), NOW)
}

const CLOSED: Opening = Opening::Closed { until: EpochSeconds(NOW.0 + 1) };

/// A window that opened so many seconds after a run came further for the last time.
fn opened_after(seconds: i64) -> Opening {
    Opening::Open { since: EpochSeconds(NOW.0 + seconds), until: EpochSeconds(i64::MAX) }
}

#[test]
fn a_slot_that_has_its_campaign_waits() {
    assert_eq!(tick(&[run(1, Stage::Applied)]), Step::Wait);
}

#[test]
fn a_slot_without_a_campaign_is_booked_and_the_same_slot_makes_the_same_id() {
    let slot = EpochSeconds(950_400);
    assert_eq!(tick(&[]), Step::Book(RunId { slot, ordinal: 1 }));
    let before = Run { id: RunId { slot: EpochSeconds(slot.0 - 1), ordinal: 1 }, ..run(1, Stage::Applied) };
    assert_eq!(tick(&[before]), Step::Book(RunId { slot, ordinal: 1 }));
}

#[test]
fn a_look_that_only_plans_does_not_take_the_slot() {
    let looked = Run { plan_only: true, id: RunId { slot: NOW, ordinal: 1 }, ..run(1, Stage::Reported) };
    assert_eq!(tick(&[looked]), Step::Book(RunId { slot: EpochSeconds(950_400), ordinal: 1 }));
}

#[test]
fn a_booked_run_opens_at_its_time_and_not_before() {
    let due = Run { resume_at: Some(NOW), ..run(2, Stage::Booked) };
    assert_eq!(tick(std::slice::from_ref(&due)), Step::Open(due.clone()));
    let later = Run { resume_at: Some(EpochSeconds(NOW.0 + 1)), ..due };
    assert_eq!(tick(&[later]), Step::Wait);
}

#[test]
fn while_a_run_is_open_nothing_else_opens() {
    let due = Run { resume_at: Some(NOW), ..run(2, Stage::Booked) };
    for stage in [Stage::Scanning, Stage::Planning, Stage::Applying] {
        assert_eq!(tick(&[due.clone(), run(1, stage)]), Step::Wait, "{stage:?}");
    }
}

#[test]
fn an_open_run_goes_on_where_it_stands() {
    let surveying = run(1, Stage::Surveying);
    assert_eq!(tick(std::slice::from_ref(&surveying)), Step::Survey(surveying));
    let gated = run(1, Stage::Gated);
    assert_eq!(tick(std::slice::from_ref(&gated)), Step::CheckApproval(gated));
    for stage in [Stage::Planning, Stage::Applying] {
        let unsent = Run { dispatched: false, ..run(1, stage) };
        assert_eq!(tick(std::slice::from_ref(&unsent)), Step::Dispatch(unsent));
    }
}

#[test]
fn a_draining_run_is_planned_when_the_drain_is_over() {
    let over = Run { resume_at: Some(NOW), ..run(1, Stage::Draining) };
    assert_eq!(tick(std::slice::from_ref(&over)), Step::LookAgain(over.clone()));
    let not_yet = Run { resume_at: Some(EpochSeconds(NOW.0 + 1)), ..over };
    assert_eq!(tick(&[not_yet]), Step::Wait);
}

#[test]
fn while_the_window_is_closed_nothing_is_booked_or_opened() {
    let due = Run { resume_at: Some(NOW), ..run(2, Stage::Booked) };
    assert_eq!(tick_in(&[], CLOSED), Step::Wait);
    assert_eq!(tick_in(std::slice::from_ref(&due), CLOSED), Step::Wait);
    assert_eq!(tick_in(std::slice::from_ref(&due), opened_after(0)), Step::Open(due));
}

#[test]
fn while_the_window_is_closed_an_open_run_waits() {
    for stage in [Stage::Surveying, Stage::Scanning, Stage::Draining, Stage::Planning] {
        let waits = Run { dispatched: false, resume_at: Some(NOW), ..run(1, stage) };
        assert_eq!(tick_in(&[waits], CLOSED), Step::Wait, "{stage:?}");
    }
}

#[test]
fn a_person_and_a_plans_revivals_do_not_wait_for_the_window() {
    let gated = run(1, Stage::Gated);
    assert_eq!(tick_in(std::slice::from_ref(&gated), CLOSED), Step::CheckApproval(gated));
    let unsent = Run { dispatched: false, ..run(1, Stage::Applying) };
    assert_eq!(tick_in(std::slice::from_ref(&unsent), CLOSED), Step::Dispatch(unsent));
    assert_eq!(tick_in(&[run(1, Stage::Applying)], CLOSED), Step::Wait);
}

#[test]
fn what_came_no_further_since_the_window_opened_is_sent_again_and_only_once() {
    for stage in [Stage::Surveying, Stage::Scanning, Stage::Planning, Stage::Applying] {
        let stands = run(1, stage);
        assert_eq!(tick_in(std::slice::from_ref(&stands), opened_after(1)), Step::Resume(stands.clone()));
        assert_ne!(tick_in(std::slice::from_ref(&stands), opened_after(0)), Step::Resume(stands));
    }
    let over = Run { resume_at: Some(NOW), ..run(1, Stage::Draining) };
    assert_eq!(tick_in(std::slice::from_ref(&over), opened_after(1)), Step::LookAgain(over));
}

#[test]
fn a_cron_that_has_fired_is_booked_at_its_firing() {
    // 1970-01-12T13:46:40Z; it fired at noon in Berlin.
    let cadence = Cadence::Cron(crate::cadence::CronTimes::parse("0 12 * * * Europe/Berlin").unwrap());
    let id = RunId { slot: EpochSeconds(990_000), ordinal: 1 };
    let tick = |runs: &[Run]| decide_tick(runs, (&cadence, Opening::ALWAYS), NOW);
    assert_eq!(tick(&[]), Step::Book(id.clone()));
    assert_eq!(tick(&[Run { id, ..run(1, Stage::Applied) }]), Step::Wait);
}

fn pace() -> Pace {
    Pace {
        run_spacing: Duration::from_secs(4 * HOUR),
        cool_off: Duration::from_secs(7 * 24 * HOUR),
        strikes: 2,
        slice_day: Duration::from_secs(24 * HOUR),
    }
}

fn ended(ordinal: u8, purpose: Purpose, tally: PlanTally, applied: ApplyTally) -> Run {
    Run { purpose, look: ordinal, tally, applied, scan_started_at: NOW, ..run(ordinal, Stage::Applying) }
}

#[test]
fn a_run_that_found_nothing_has_no_follow_up() {
    let run = ended(1, Purpose::Discovery, PlanTally::default(), ApplyTally::default());
    assert_eq!(follow_up(&run, pace(), NOW), None);
}

#[test]
fn candidates_get_one_confirming_run_a_further_strike_at_the_spacing() {
    let struck = PlanTally { n_struck: 3, ..PlanTally::default() };
    let next = follow_up(&ended(1, Purpose::Discovery, struck, ApplyTally::default()), pace(), NOW).unwrap();
    assert_eq!((next.purpose, next.id.ordinal), (Purpose::Confirm, 2));
    assert_eq!(next.resume_at, Some(EpochSeconds(NOW.0 + 4 * 3600)));
    // Two strikes need one confirming run; who was missed for the first time in it waits for the next campaign.
    assert_eq!(follow_up(&ended(2, Purpose::Confirm, struck, ApplyTally::default()), pace(), NOW), None);
}

#[test]
fn a_look_that_was_void_and_taken_again_costs_no_confirming_run() {
    let struck = PlanTally { n_struck: 3, ..PlanTally::default() };
    let second_try = Run { look: 1, ..ended(2, Purpose::Discovery, struck, ApplyTally::default()) };
    let next = follow_up(&second_try, pace(), NOW).unwrap();
    assert_eq!((next.purpose, next.id.ordinal, next.look), (Purpose::Confirm, 3, 2));
}

#[test]
fn what_was_cooled_gets_its_verdict_run_after_the_cool_off() {
    let cooled = ApplyTally { n_cooled: 1, ..ApplyTally::default() };
    let next = follow_up(&ended(2, Purpose::Confirm, PlanTally::default(), cooled), pace(), NOW).unwrap();
    assert_eq!(next.purpose, Purpose::Verdict);
    assert_eq!(next.resume_at, Some(EpochSeconds(NOW.0 + 7 * 86_400 + 1)));
}

#[test]
fn what_still_cools_gets_a_verdict_run_when_its_cool_off_ends() {
    let waiting =
        PlanTally { n_awaiting_verdict: 2, verdict_from: Some(EpochSeconds(5)), ..PlanTally::default() };
    let next = follow_up(&ended(3, Purpose::Verdict, waiting, ApplyTally::default()), pace(), NOW).unwrap();
    assert_eq!((next.purpose, next.resume_at), (Purpose::Verdict, Some(EpochSeconds(6))));
}

#[test]
fn a_shadow_run_is_followed_by_the_same_look() {
    let struck = PlanTally { n_struck: 3, n_cool: 2, ..PlanTally::default() };
    let shadow = Run { shadow: Some(1), ..ended(2, Purpose::Confirm, struck, ApplyTally::default()) };
    let next = follow_up(&shadow, pace(), NOW).unwrap();
    assert_eq!((next.purpose, next.look, next.id.ordinal), (Purpose::Confirm, 2, 3));
    assert_eq!(next.resume_at, Some(EpochSeconds(NOW.0 + 4 * 3600)));
}

#[test]
fn what_was_put_off_gets_its_slice_a_day_later_in_a_campaign_of_its_own() {
    let run = |n_deferred| {
        let tally = PlanTally { n_cool: 9, n_deferred, ..PlanTally::default() };
        ended(2, Purpose::Confirm, tally, ApplyTally::default())
    };
    assert_eq!(next_slice(&run(0), pace(), NOW), None);
    let next = next_slice(&run(1), pace(), NOW).unwrap();
    assert_eq!((next.purpose, next.look, next.id.ordinal), (Purpose::Confirm, 2, 1));
    assert_eq!((next.id.slot, next.resume_at), (EpochSeconds(NOW.0 + 1), Some(EpochSeconds(NOW.0 + 86_400))));
}
