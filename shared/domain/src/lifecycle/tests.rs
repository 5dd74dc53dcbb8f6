//! The decisions over one row, each side of each limit, and the laws over many.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::audit::Event;
use crate::policy::{Action, KindPolicy};
use crate::policy::{Cleanup, Retention, Rule, Scope};
use crate::row::Owner;
use crate::row::Phase;
use crate::run::{Purpose, Run, Stage};
use crate::time::EpochMillis;
use crate::token::{RowKey, Shard, TenantId, TokenId};

const DAY: i64 = 86_400;
const NOW: EpochSeconds = EpochSeconds(1_000 * DAY);

fn days(n: u64) -> Duration {
    Duration::from_secs(n * 86_400)
}

fn at(days: i64) -> EpochSeconds {
    EpochSeconds(days * DAY)
}

fn by() -> By {
    By { actor: "app".into(), reason_text: None }
}

fn ending<'a>(trigger: Trigger, by: &'a By) -> Ending<'a> {
    Ending { trigger, at: NOW, issued_until: None, erase_now: false, over_budget: None, by }
}

fn kind() -> KindPolicy {
    let rules = Trigger::ALL.into_iter().map(|trigger| {
        let action = match trigger {
            Trigger::Expired | Trigger::Consumed | Trigger::Superseded => Action::Remove,
            Trigger::Rotated
            | Trigger::Logout
            | Trigger::DeviceLogout
            | Trigger::Compromised
            | Trigger::Revoked
            | Trigger::AccountDeleted
            | Trigger::Idle
            | Trigger::Unreferenced => Action::Invalidate,
        };
        let scope = Scope::Token;
        let rule =
            Rule { action, scope, cool_off: days(7), archive: true, retention: Retention::R7, strikes: 2 };
        (trigger, rule)
    });
    KindPolicy {
        format: Some("card".into()),
        read_granularity: Duration::from_hours(1),
        grace: days(1),
        idle_after: Some(days(90)),
        reuse_leeway: Duration::from_secs(30),
        cleanup: Cleanup::default(),
        rules: rules.collect::<BTreeMap<_, _>>(),
    }
}

fn active() -> VaultRow {
    VaultRow {
        key: RowKey {
            tenant: TenantId::new("acme").unwrap(),
            shard: Shard(0),
            token: TokenId::new("tok_a").unwrap(),
        },
        kind: "vault".into(),
        state: State::Active,
        version: RowVersion(7),
        created_at: EpochMillis(at(979).0 * 1000),
        expires_at: None,
        last_read_at: None,
        purge_at: None,
        due_at: None,
        reason: None,
        cooling_since: None,
        run: None,
        fence: None,
        policy: None,
        hold: None,
        by: None,
        waits_for: None,
        owner: Owner::default(),
    }
}

fn cooling(reason: Trigger, since: EpochSeconds) -> VaultRow {
    VaultRow { state: State::Cooling, reason: Some(reason), cooling_since: Some(since), ..active() }
}

fn run(purpose: Purpose, scan_started_at: EpochSeconds) -> Run {
    let id = RunId::parse("100-03").unwrap();
    let booked = Run::booked(TenantId::new("acme").unwrap(), id, purpose, NOW, NOW);
    Run { stage: Stage::Planning, evidence: Some("e".into()), scan_started_at, ..booked }
}

fn facts(purpose: Purpose) -> RunFacts {
    let run = run(purpose, NOW);
    RunFacts { purpose, scan_started_at: NOW, counts_strikes: true, proof: run.verdict_proof() }
}

fn struck_once() -> Candidate {
    Candidate { strikes: 1, first_scan_at: at(998) }
}

fn scanned(row: &VaultRow, found: u64, prior: Option<Candidate>, purpose: Purpose) -> Scanned {
    decide_scanned(row, found, prior.as_ref(), &kind(), &facts(purpose))
}

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
    assert_eq!(scanned(&active(), 0, Some(struck_once()), Purpose::Confirm), Scanned::Cool(second));
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

#[test]
fn a_hold_keeps_everything() {
    let held = VaultRow { hold: Some("case-1".into()), ..active() };
    assert_eq!(scanned(&held, 0, Some(struck_once()), Purpose::Confirm), Scanned::Keep(Why::OnHold));
    let ended = VaultRow { expires_at: Some(at(1)), ..held.clone() };
    let again = Change::Rearm { due_at: Some(at(1001)) };
    assert_eq!(decide_due(&ended, DueFacts::default(), &kind(), 1, NOW), Verdict::Change(again.clone()));
    assert_eq!(
        decide_due(&again.apply(&ended), DueFacts::default(), &kind(), 1, NOW),
        Verdict::Keep(Why::OnHold)
    );
    assert_eq!(
        decide_removal(&VaultRow { purge_at: Some(at(1)), ..held }, None, Duration::ZERO, NOW),
        Err(Why::OnHold)
    );
}

fn due(row: &VaultRow) -> Verdict {
    decide_due(row, DueFacts::default(), &kind(), 4, NOW)
}

#[test]
fn what_has_no_moment_coming_is_left_alone() {
    let mut kind = kind();
    kind.idle_after = None;
    assert_eq!(decide_due(&active(), DueFacts::default(), &kind, 4, NOW), Verdict::Keep(Why::NotDue));
}

#[test]
fn an_expired_token_is_sentenced_in_one_write_from_its_very_second() {
    let expired = VaultRow { expires_at: Some(NOW), ..active() };
    let Verdict::Change(change) = due(&expired) else { panic!("kept") };
    let after = change.apply(&expired);
    assert_eq!((after.phase(), after.reason), (Phase::Sentenced, Some(Trigger::Expired)));
    assert_eq!((after.purge_at, after.version, after.policy), (Some(at(1007)), RowVersion(8), Some(4)));
    let alive = VaultRow { expires_at: Some(EpochSeconds(NOW.0 + 1)), ..active() };
    assert!(matches!(due(&alive), Verdict::Change(Change::Rearm { due_at: Some(_) })));
}

#[test]
fn an_idle_token_cools_without_a_date_and_a_read_puts_its_moment_off() {
    let idle_since = NOW.minus(days(90)).minus(Duration::from_hours(1));
    let idle = VaultRow { created_at: idle_since.to_millis(), ..active() };
    let Verdict::Change(change) = due(&idle) else { panic!("kept") };
    assert_eq!(change.apply(&idle).phase(), Phase::Cooling);
    let read = VaultRow { last_read_at: Some(EpochSeconds(idle_since.0 + 1)), ..idle };
    assert_eq!(due(&read), Verdict::Change(Change::Rearm { due_at: Some(EpochSeconds(NOW.0 + 1)) }));
}

#[test]
fn an_idle_token_that_no_scan_can_judge_is_dated_at_once() {
    let idle = VaultRow { created_at: at(1).to_millis(), ..active() };
    let unscanned = KindPolicy { format: None, ..kind() };
    let Verdict::Change(change) = decide_due(&idle, DueFacts::default(), &unscanned, 4, NOW) else {
        panic!("kept")
    };
    let after = change.apply(&idle);
    assert_eq!((after.phase(), after.purge_at), (Phase::Sentenced, Some(at(1007))));
    // A read still brings it back.
    assert!(matches!(
        decide_read(&after, NOW, &by(), &unscanned, 4),
        Verdict::Change(Change::Reinstate { .. })
    ));
}

#[test]
fn a_known_end_is_left_to_ttl() {
    let known = VaultRow { expires_at: Some(at(1)), purge_at: Some(at(9)), ..active() };
    assert_eq!(due(&known), Verdict::Keep(Why::KnownEnd));
    assert_eq!(scanned(&known, 0, Some(struck_once()), Purpose::Confirm), Scanned::Keep(Why::KnownEnd));
}

#[test]
fn no_timer_sentences_what_was_found_unused() {
    for reason in [Trigger::Idle, Trigger::Unreferenced] {
        assert_eq!(due(&cooling(reason, at(985))), Verdict::Keep(Why::CoolingOff), "{reason:?}");
    }
    // A final reason whose date was lifted gets one afresh.
    assert!(matches!(due(&cooling(Trigger::Revoked, at(1))), Verdict::Change(Change::Sentence { .. })));
}

#[test]
fn a_command_ends_a_token_once() {
    let revoked = |row: &VaultRow| decide_command(row, &ending(Trigger::Revoked, &by()), &kind(), 1, NOW);
    let Verdict::Change(change) = revoked(&active()) else { panic!("kept") };
    let after = change.apply(&active());
    assert_eq!(after.purge_at, Some(at(1007)));
    assert_eq!(revoked(&after), Verdict::Keep(Why::AlreadyDone));
    // What was only found unused gives way, so that it cannot be revived any more.
    assert!(matches!(revoked(&cooling(Trigger::Unreferenced, at(990))), Verdict::Change(_)));
}

#[test]
fn reads_are_coalesced_and_never_move_back() {
    let read = |row: &VaultRow, when| decide_read(row, when, &by(), &kind(), 1);
    assert_eq!(read(&active(), NOW), Verdict::Change(Change::Stamp { last_read_at: NOW }));
    let stamped = VaultRow { last_read_at: Some(NOW), ..active() };
    assert_eq!(read(&stamped, EpochSeconds(NOW.0 + 3600)), Verdict::Keep(Why::AlreadyDone));
    assert!(matches!(read(&stamped, EpochSeconds(NOW.0 + 3601)), Verdict::Change(_)));
    assert_eq!(read(&stamped, at(1)), Verdict::Keep(Why::AlreadyDone));
}

#[test]
fn a_read_that_was_not_known_revives_what_was_found_unused_and_is_stamped() {
    let row = cooling(Trigger::Unreferenced, at(999));
    // Also one from before the verdict whose message came late.
    for when in [at(999), at(991)] {
        let Verdict::Change(change) = decide_read(&row, when, &by(), &kind(), 1) else { panic!("kept") };
        let after = change.apply(&row);
        assert_eq!((after.phase(), after.last_read_at), (Phase::Active, Some(when)));
    }
    assert_eq!(decide_read(&row, at(979), &by(), &kind(), 1), Verdict::Keep(Why::AlreadyDone));
    let revoked = cooling(Trigger::Revoked, at(999));
    // Read before it ended, told of later: nothing. Read since: somebody still uses it.
    assert_eq!(decide_read(&revoked, at(999), &by(), &kind(), 1), Verdict::Keep(Why::OtherReason));
    assert_eq!(decide_read(&revoked, NOW, &by(), &kind(), 1), Verdict::LateUse);
}

#[test]
fn a_row_is_removed_from_its_moment_plus_patience_on() {
    let row = VaultRow { purge_at: Some(at(998)), ..cooling(Trigger::Unreferenced, at(980)) };
    assert_eq!(decide_removal(&row, None, days(2), NOW), Ok(()));
    assert_eq!(decide_removal(&row, None, days(2), EpochSeconds(NOW.0 - 1)), Err(Why::NotDue));
    assert_eq!(decide_removal(&active(), None, Duration::ZERO, NOW), Err(Why::NotDue));
}

#[test]
fn a_known_end_that_was_extended_stays_until_its_new_end() {
    let known = VaultRow { expires_at: Some(at(990)), purge_at: Some(at(997)), ..active() };
    let extended = VaultRow { expires_at: Some(at(1500)), version: known.version.next(), ..known.clone() };
    assert_eq!(decide_removal(&known, None, Duration::ZERO, NOW), Ok(()));
    assert_eq!(decide_removal(&extended, None, Duration::ZERO, NOW), Err(Why::NotDue));
    let verdict = decide_image(Some(&known), &extended, NOW);
    let lifted = verdict.lift.unwrap().apply(&extended);
    assert_eq!((lifted.purge_at, lifted.due_at), (None, Some(at(1500))));
    assert_eq!(decide_image(Some(&extended), &lifted, NOW), ImageVerdict::default());
    assert_eq!(decide_image(Some(&known), &known, NOW), ImageVerdict::default());
}

#[test]
fn what_was_read_or_issued_again_but_left_condemned_is_not_removed_and_comes_back() {
    let condemned = VaultRow { purge_at: Some(at(995)), ..cooling(Trigger::Unreferenced, at(990)) };
    let read = VaultRow { last_read_at: Some(at(992)), ..condemned.clone() };
    let reissued = VaultRow { created_at: at(992).to_millis(), ..condemned.clone() };
    assert_eq!(decide_removal(&condemned, None, Duration::ZERO, NOW), Ok(()));
    for seen in [read, reissued] {
        let seen = VaultRow { version: condemned.version.next(), ..seen };
        assert!(decide_removal(&seen, None, Duration::ZERO, NOW).is_err());
        let lifted = decide_image(Some(&condemned), &seen, NOW).lift.unwrap().apply(&seen);
        assert_eq!(lifted.phase(), Phase::Cooling);
        let Verdict::Change(back) = due(&lifted) else { panic!("kept") };
        assert_eq!(back.apply(&lifted).phase(), Phase::Active);
    }
}

#[test]
fn every_state_change_is_named_and_a_survivor_makes_none() {
    let cold = cooling(Trigger::Unreferenced, at(990));
    let dated = VaultRow { purge_at: Some(at(1001)), ..cold.clone() };
    let cases = [
        (active(), active(), None),
        (active(), cold.clone(), Some(Event::Cooled)),
        (active(), dated.clone(), Some(Event::Sentenced)),
        (cold.clone(), dated.clone(), Some(Event::Sentenced)),
        (cold.clone(), active(), Some(Event::Reinstated)),
        (dated.clone(), active(), Some(Event::Reinstated)),
        (dated.clone(), cold.clone(), Some(Event::OutOfBand)),
        (cold.clone(), cold, None),
        (dated.clone(), dated, None),
    ];
    for (old, new, expected) in cases {
        let new = VaultRow { version: old.version.next(), ..new };
        let verdict = decide_image(Some(&old), &new, NOW);
        assert_eq!(verdict.transition.map(|transition| transition.event), expected, "{old:?} → {new:?}");
        assert_eq!(verdict.lift, None);
    }
}

#[test]
fn a_condemned_row_changed_without_a_step_is_lifted_once() {
    let dated = VaultRow { purge_at: Some(at(1001)), ..cooling(Trigger::Unreferenced, at(990)) };
    let touched = VaultRow { purge_at: Some(at(1000)), ..dated.clone() };
    let verdict = decide_image(Some(&dated), &touched, NOW);
    assert_eq!(verdict.transition.unwrap().event, Event::OutOfBand);
    let lifted = verdict.lift.unwrap().apply(&touched);
    assert_eq!((lifted.phase(), lifted.due_at), (Phase::Cooling, Some(NOW)));
    // The lift's own record asks for nothing more.
    assert_eq!(decide_image(Some(&touched), &lifted, NOW).lift, None);
    // An active row is its application's own.
    assert_eq!(decide_image(Some(&active()), &active(), NOW), ImageVerdict::default());
}

prop_compose! {
    fn any_row()(
        created in 900..1001_i64,
        read in proptest::option::of(900..1001_i64),
        expires in proptest::option::of(900..1101_i64),
        cold in proptest::option::of((0..Trigger::ALL.len(), 900..1001_i64)),
        purge in proptest::option::of(990..1101_i64),
        held in any::<bool>(),
    ) -> VaultRow {
        let row = VaultRow {
            created_at: at(created).to_millis(),
            last_read_at: read.map(at),
            expires_at: expires.map(at),
            hold: held.then(|| "case-1".to_owned()),
            ..active()
        };
        match cold {
            None => row,
            Some((reason, since)) => VaultRow {
                state: State::Cooling,
                reason: Some(Trigger::ALL[reason]),
                cooling_since: Some(at(since)),
                purge_at: purge.map(at),
                ..row
            },
        }
    }
}

proptest! {
    #[test]
    fn nothing_that_is_referenced_read_or_held_is_ever_taken(
        row in any_row(), found in 0..3_u64, strikes in 0..5_u8, purpose in 0..3_usize,
    ) {
        let purpose = [Purpose::Discovery, Purpose::Confirm, Purpose::Verdict][purpose];
        let prior = Candidate { strikes, first_scan_at: at(998) };
        let verdict = decide_scanned(&row, found, Some(&prior), &kind(), &facts(purpose));
        if let Scanned::Cool(_) | Scanned::Sentence(_) = verdict {
            prop_assert_eq!(found, 0);
            prop_assert!(row.hold.is_none());
            let floor = if row.phase() == Phase::Active { NOW.minus(days(1)) } else { NOW };
            prop_assert!(row.last_seen() < floor || row.cooling_since.is_some_and(|since| row.last_read_at < Some(since)));
        }
        if let Scanned::Sentence(_) = verdict {
            prop_assert_eq!(purpose, Purpose::Verdict);
            prop_assert!(row.cooling_since.unwrap().plus(days(7)) <= NOW);
        }
    }

    #[test]
    fn deciding_again_and_again_comes_to_rest(row in any_row()) {
        let mut now = row.clone();
        let mut n_changes = 0;
        // Taken back because it was read, then ended because its time is over: two changes, and no third.
        while let Verdict::Change(change) = due(&now) {
            let after = change.apply(&now);
            prop_assert_eq!(after.version, now.version.next());
            now = after;
            n_changes += 1;
            prop_assert!(n_changes <= 2, "{:?} from {:?}", change, row);
        }
        if let Verdict::Change(change) = decide_command(&row, &ending(Trigger::Revoked, &by()), &kind(), 1, NOW) {
            let after = change.apply(&row);
            prop_assert!(matches!(decide_command(&after, &ending(Trigger::Revoked, &by()), &kind(), 1, NOW), Verdict::Keep(_)));
        }
    }
}
