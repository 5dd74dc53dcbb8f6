//! What lifecycle decides when a row's moment has come.

use super::*;

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
    let Verdict::Change(change) = decide_due(&idle, vouched_for(&idle), &unscanned, 4, NOW) else {
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
fn what_nobody_can_have_told_of_is_not_idle() {
    let window = days(90) + Duration::from_hours(1);
    let step = Duration::from_hours(1);
    let row = VaultRow { created_at: at(1).to_millis(), due_at: Some(at(1)), ..active() };
    let due = |row: &VaultRow, proven_for: Option<Duration>| {
        let unread = proven_for.map(|proven_for| Unread { proven_for, step });
        decide_due(row, DueFacts { unread, ..DueFacts::default() }, &kind(), 4, NOW)
    };
    let second = Duration::from_secs(1);
    // Without a feed it never goes idle; with one, not before the feed was alive for the whole window.
    for (proven_for, look_in) in [
        (None, window),
        (Some(Duration::ZERO), window),
        (Some(days(80)), window.checked_sub(days(80)).unwrap()),
        (Some(window.checked_sub(second).unwrap()), step),
    ] {
        let again = Change::Rearm { due_at: Some(NOW.plus(look_in)) };
        assert_eq!(due(&row, proven_for), Verdict::Change(again), "{proven_for:?}");
    }
    let Verdict::Change(change) = due(&row, Some(window)) else { panic!("kept") };
    assert_eq!(change.apply(&row).reason, Some(Trigger::Idle));
    // Its own end comes first.
    let ends = VaultRow { expires_at: Some(now_plus(DAY)), ..row };
    assert_eq!(due(&ends, None), Verdict::Change(Change::Rearm { due_at: Some(now_plus(DAY)) }));
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

fn due_with(row: &VaultRow, facts: DueFacts) -> Verdict {
    decide_due(row, facts, &kind(), 4, NOW)
}

fn approved(approved_at: Option<EpochSeconds>) -> DueFacts {
    DueFacts { approved_at, ..DueFacts::default() }
}

fn family(family_end: Option<EpochSeconds>) -> DueFacts {
    DueFacts { family_end, ..DueFacts::default() }
}

/// Ended at this moment, beyond that day's budget.
fn waiting(since: EpochSeconds) -> VaultRow {
    VaultRow { waits_for: Some(at(990)), due_at: Some(NOW), ..cooling(Trigger::Revoked, since) }
}

#[test]
fn what_waits_for_an_approval_is_looked_at_four_times_in_a_cool_off() {
    let quarter = 7 * DAY / 4;
    for unapproved in [None, Some(EpochSeconds(at(995).0 - 1))] {
        let row = waiting(at(995));
        let again = after(due_with(&row, approved(unapproved)), &row);
        assert_eq!(dates(&again), (None, Some(now_plus(quarter)), Some(at(990))), "{unapproved:?}");
        assert_eq!(again.reason, Some(Trigger::Revoked));
    }
}

#[test]
fn an_approval_is_for_what_had_ended_when_it_was_given() {
    // In time: the cool-off is over when it would have been. Late: now.
    for (since, leaves) in [(at(995), at(1002)), (at(993), NOW), (at(990), NOW)] {
        for approved_at in [since, EpochSeconds(since.0 + 1), NOW] {
            let row = VaultRow { by: Some(by()), ..waiting(since) };
            let sentenced = after(due_with(&row, approved(Some(approved_at))), &row);
            assert_eq!(dates(&sentenced), (Some(leaves), None, None), "{since} {approved_at}");
            // Whoever ended it stays on record.
            assert_eq!((sentenced.by.clone(), sentenced.cooling_since), (Some(by()), Some(since)));
        }
    }
}

#[test]
fn what_would_have_left_by_itself_waits_for_nobody() {
    // Its own end and the cool-off after that.
    for (expires_at, is_over) in [(at(993), true), (EpochSeconds(at(993).0 + 1), false)] {
        let row = VaultRow { expires_at: Some(expires_at), ..waiting(at(992)) };
        let next = after(due_with(&row, approved(None)), &row);
        assert_eq!(next.purge_at.is_some(), is_over, "{expires_at}");
    }
}

#[test]
fn a_spent_token_leaves_when_its_familys_cool_off_is_over_to_the_second() {
    let spent = VaultRow { due_at: Some(NOW), ..of_family(cooling(Trigger::Rotated, at(900))) };
    let free = after(due_with(&spent, family(Some(at(993)))), &spent);
    assert_eq!(dates(&free), (Some(NOW), None, None));
    for (family_end, look_at) in
        [(EpochSeconds(at(993).0 + 1), now_plus(1)), (NOW, at(1007)), (at(1030), at(1037))]
    {
        let kept = after(due_with(&spent, family(Some(family_end))), &spent);
        assert_eq!(dates(&kept), (None, Some(look_at), None));
        assert_eq!(due_with(&kept, family(Some(family_end))), Verdict::Keep(Why::CoolingOff));
    }
    // Where the index shows nothing it is its family by itself.
    assert_eq!(after(due_with(&spent, family(None)), &spent).purge_at, Some(NOW));
}

#[test]
fn a_final_reason_whose_date_was_lifted_gets_a_whole_cool_off_afresh() {
    for reason in Trigger::ALL.into_iter().filter(|reason| !reason.is_revivable()) {
        let row = VaultRow { due_at: Some(NOW), ..cooling(reason, at(1)) };
        assert_eq!(dates(&after(due_with(&row, DueFacts::default()), &row)), (Some(at(1007)), None, None));
        // A policy that has come to ignore the reason does not make it linger: it leaves after the kind's grace.
        let kind = kind_where(reason, |rule| rule.action = Action::Ignore);
        let verdict = decide_due(&row, DueFacts::default(), &kind, 4, NOW);
        assert_eq!(dates(&after(verdict, &row)), (Some(NOW.plus(kind.grace)), None, None), "{reason:?}");
    }
}

#[test]
fn a_date_that_is_set_is_not_looked_at_again() {
    let row = VaultRow { due_at: Some(NOW), ..leaving(cooling(Trigger::Revoked, at(999)), at(1006)) };
    let rested = after(due(&row), &row);
    assert_eq!(dates(&rested), (Some(at(1006)), None, None));
    assert_eq!(due(&rested), Verdict::Keep(Why::AlreadySentenced));
}

#[test]
fn an_ignored_end_is_not_waited_for_again() {
    let kind = kind_where(Trigger::Expired, |rule| rule.action = Action::Ignore);
    let row = VaultRow { expires_at: Some(at(999)), due_at: Some(at(999)), ..active() };
    let rested = after(decide_due(&row, DueFacts::default(), &kind, 4, NOW), &row);
    assert_eq!((rested.phase(), rested.due_at), (Phase::Active, None));
}

#[test]
fn a_familys_end_is_the_latest_of_its_members_ends() {
    let member = |expires_at: Option<i64>| VaultRow { expires_at: expires_at.map(at), ..active() };
    let end = |members: &[VaultRow]| family_end(members, None, NOW);
    assert_eq!(end(&[]), None);
    // In service: its own end, and now where it has none.
    assert_eq!(end(&[member(Some(1030))]), Some(at(1030)));
    assert_eq!(end(&[member(None)]), Some(NOW));
    // Its end has passed, or it was ended before.
    assert_eq!(end(&[member(Some(1000))]), Some(at(1000)));
    assert_eq!(end(&[member(Some(990))]), Some(at(990)));
    let spent = VaultRow { expires_at: Some(at(1030)), ..cooling(Trigger::Rotated, at(980)) };
    assert_eq!(end(std::slice::from_ref(&spent)), Some(at(980)));
    assert_eq!(end(&[spent.clone(), member(Some(990)), member(Some(1002)), member(Some(7))]), Some(at(1002)));
    // One whose end lies ahead is not alive when its subject was cut off.
    let subject = |cutoff_at: EpochSeconds| SubjectRow {
        cutoff_at: Some(cutoff_at.to_millis()),
        ..SubjectRow::default()
    };
    let members = [spent, member(Some(1030))];
    assert_eq!(family_end(&members, Some(&subject(at(990))), NOW), Some(NOW));
    assert_eq!(family_end(&members, Some(&subject(at(970))), NOW), Some(at(1030)));
}
