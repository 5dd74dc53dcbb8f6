//! What a run decides over one row.

use super::*;

#[test]
fn a_referenced_token_is_kept_whatever_was_before() {
    for purpose in [Purpose::Discovery, Purpose::Confirm, Purpose::Verdict] {
        assert_eq!(scanned(&active(), 1, Some(struck_once()), purpose), Scanned::Keep(Why::Referenced));
    }
}

#[test]
fn the_first_miss_is_a_strike_and_the_second_cools() {
    let first = Candidate { strikes: 1, first_scan_at: NOW };
    assert_eq!(scanned(&active(), 0, None, Purpose::Discovery), Scanned::Strike(first));
    let second = Candidate { strikes: 2, first_scan_at: at(998) };
    assert_eq!(scanned(&active(), 0, Some(struck_once()), Purpose::Confirm), cool(second));
}

#[test]
fn age_floor_a_token_of_the_grace_before_the_scan_is_kept() {
    let edge = NOW.minus(days(1));
    let mut row = VaultRow { created_at: edge.to_millis(), ..active() };
    assert_eq!(scanned(&row, 0, Some(struck_once()), Purpose::Confirm), Scanned::Keep(Why::InGrace));
    row.created_at = EpochSeconds(edge.0 - 1).to_millis();
    assert!(matches!(scanned(&row, 0, None, Purpose::Confirm), Scanned::Strike(_)));
    row.last_read_at = Some(edge);
    assert_eq!(scanned(&row, 0, None, Purpose::Confirm), Scanned::Keep(Why::InGrace));
}

#[test]
fn a_strike_from_before_the_token_was_old_enough_does_not_count() {
    // Re-issued after the first miss: its id is the same, its earlier strike is not its own.
    let row = VaultRow { created_at: at(998).to_millis(), ..active() };
    let first = Candidate { strikes: 1, first_scan_at: NOW };
    assert_eq!(scanned(&row, 0, Some(struck_once()), Purpose::Confirm), Scanned::Strike(first));
}

#[test]
fn a_run_too_soon_after_the_last_counts_no_further_strike() {
    let facts = RunFacts { counts_strikes: false, ..facts(Purpose::Discovery) };
    let kept = decide_scanned(&active(), 0, Some(&struck_once()), &kind(), &facts);
    assert_eq!(kept, Scanned::Strike(struck_once()));
}

#[test]
fn a_verdict_run_strikes_nothing() {
    assert_eq!(scanned(&active(), 0, None, Purpose::Verdict), Scanned::Keep(Why::NotDue));
    assert_eq!(scanned(&active(), 0, Some(struck_once()), Purpose::Verdict), Scanned::Strike(struck_once()));
}

#[test]
fn only_a_verdict_run_after_the_whole_cool_off_sentences() {
    let over = cooling(Trigger::Unreferenced, at(993));
    assert!(matches!(scanned(&over, 0, None, Purpose::Verdict), Scanned::Sentence(_)));
    assert_eq!(scanned(&over, 0, None, Purpose::Confirm), Scanned::Keep(Why::CoolingOff));
    let not_over = cooling(Trigger::Unreferenced, EpochSeconds(at(993).0 + 1));
    assert_eq!(scanned(&not_over, 0, None, Purpose::Verdict), Scanned::Keep(Why::CoolingOff));
}

#[test]
fn a_found_or_read_token_comes_back_unless_its_reason_is_final() {
    for reason in Trigger::ALL {
        let found = scanned(&cooling(reason, at(993)), 1, None, Purpose::Discovery);
        let read = VaultRow { last_read_at: Some(at(993)), ..cooling(reason, at(993)) };
        let read = scanned(&read, 0, None, Purpose::Verdict);
        if reason.is_revivable() {
            assert!(matches!(found, Scanned::Reinstate { .. }), "{reason:?}");
            assert!(matches!(read, Scanned::Reinstate { .. }), "{reason:?}");
        } else {
            assert_eq!(found, Scanned::Keep(Why::OtherReason), "{reason:?}");
            assert_eq!(read, Scanned::Keep(Why::OtherReason), "{reason:?}");
        }
    }
}

#[test]
fn a_sentenced_token_that_is_found_comes_back_too() {
    let sentenced = VaultRow { purge_at: Some(at(1001)), ..cooling(Trigger::Unreferenced, at(990)) };
    assert!(matches!(scanned(&sentenced, 1, None, Purpose::Discovery), Scanned::Reinstate { .. }));
    assert_eq!(scanned(&sentenced, 0, None, Purpose::Verdict), Scanned::Keep(Why::AlreadySentenced));
}
