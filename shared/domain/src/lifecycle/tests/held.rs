//! Legal holds: what they stop, and the dates after their release.

use super::*;

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

const NOTICE: Duration = Duration::from_hours(24);

fn release(row: &VaultRow, kind: &KindPolicy) -> Verdict {
    decide_release(row, ("case-1", &by()), (kind, NOTICE), 3, NOW)
}

#[test]
fn a_hold_lifts_both_dates_and_is_put_once() {
    let rows = [
        VaultRow { due_at: Some(at(1001)), ..active() },
        leaving(VaultRow { expires_at: Some(at(1001)), ..active() }, at(1008)),
        leaving(cooling(Trigger::Revoked, at(999)), at(1006)),
        VaultRow { waits_for: Some(at(999)), due_at: Some(at(1001)), ..cooling(Trigger::Revoked, at(999)) },
    ];
    for row in rows {
        let kept = after(decide_hold(&row, "case-1", &by(), 3), &row);
        assert_eq!((kept.hold.as_deref(), kept.by.clone()), (Some("case-1"), Some(by())));
        assert_eq!(dates(&kept), (None, None, row.waits_for));
        assert_eq!((kept.state, kept.reason, kept.cooling_since), (row.state, row.reason, row.cooling_since));
        assert_eq!(decide_hold(&kept, "case-1", &by(), 3), Verdict::Keep(Why::AlreadyDone));
        // A second one stands beside it.
        let twice = after(decide_hold(&kept, "case-0", &by(), 3), &kept);
        assert_eq!(twice.hold.as_deref(), Some("case-0 case-1"));
        // A date that somebody else sets beside a hold is lifted by the same hold again.
        for dated in [leaving(kept.clone(), at(1001)), VaultRow { due_at: Some(NOW), ..kept.clone() }] {
            assert_eq!(dates(&after(decide_hold(&dated, "case-1", &by(), 3), &dated)), dates(&kept));
        }
    }
}

#[test]
fn a_release_of_one_of_two_holds_sets_no_date() {
    let row = held(cooling(Trigger::Revoked, at(1)), "case-1 case-2");
    let rest = after(release(&row, &kind()), &row);
    assert_eq!((rest.hold.as_deref(), dates(&rest)), (Some("case-2"), (None, None, None)));
    assert_eq!(release(&rest, &kind()), Verdict::Keep(Why::AlreadyDone));
    assert_eq!(release(&active(), &kind()), Verdict::Keep(Why::AlreadyDone));
}

#[test]
fn a_released_token_leaves_when_it_would_have_but_no_sooner_than_the_notice() {
    // Ended so many seconds ago; the cool-off is seven days, the notice one.
    let cool_off = 7 * DAY;
    for (ago, leaves_in) in [
        (0, cool_off),
        (cool_off - DAY - 1, DAY + 1),
        (cool_off - DAY, DAY),
        (cool_off - DAY + 1, DAY),
        (cool_off, DAY),
        (400 * DAY, DAY),
    ] {
        for reason in Trigger::ALL.into_iter().filter(|reason| !reason.is_revivable()) {
            let row = held(cooling(reason, now_plus(-ago)), "case-1");
            let free = after(release(&row, &kind()), &row);
            assert_eq!(dates(&free), (Some(now_plus(leaves_in)), None, None), "{reason:?} {ago}");
            assert_eq!((free.hold, free.reason, free.by), (None, Some(reason), Some(by())));
        }
    }
}

#[test]
fn a_released_token_in_service_has_its_known_end_again_but_no_sooner_than_the_notice() {
    let timeless = KindPolicy { idle_after: None, ..kind() };
    for (expires_at, leaves_at) in [
        (None, None),
        (Some(at(990)), Some(at(1001))),
        (Some(at(1001)), Some(at(1008))),
        (Some(now_plus(DAY + 1)), Some(now_plus(8 * DAY + 1))),
    ] {
        let row = held(VaultRow { expires_at, ..active() }, "case-1");
        let free = after(release(&row, &timeless), &row);
        assert_eq!((free.phase(), dates(&free)), (Phase::Active, (leaves_at, None, None)), "{expires_at:?}");
    }
}

#[test]
fn what_was_open_before_a_hold_is_open_after_it() {
    // Found unused: a verdict run decides, where there is one.
    for reason in [Trigger::Idle, Trigger::Unreferenced] {
        let row = held(cooling(reason, at(1)), "case-1");
        assert_eq!(dates(&after(release(&row, &kind()), &row)), (None, None, None), "{reason:?}");
        assert_eq!(dates(&after(release(&row, &unscanned()), &row)), (Some(at(1001)), None, None));
    }
    // Spent: its family. Over the budget: a person.
    let spent = held(of_family(cooling(Trigger::Rotated, at(1))), "case-1");
    assert_eq!(dates(&after(release(&spent, &kind()), &spent)), (None, Some(at(1001)), None));
    let waits = held(VaultRow { waits_for: Some(at(999)), ..cooling(Trigger::Revoked, at(999)) }, "case-1");
    assert_eq!(dates(&after(release(&waits, &kind()), &waits)), (None, Some(at(1006)), Some(at(999))));
    let kind = kind_where(Trigger::Revoked, |rule| rule.action = Action::Ignore);
    let ignored = held(cooling(Trigger::Revoked, at(1)), "case-1");
    assert_eq!(dates(&after(release(&ignored, &kind), &ignored)), (Some(at(1001)), None, None));
}

#[test]
fn what_only_its_subjects_hold_kept_gets_the_same_notice() {
    let soonest = at(1001);
    let decide = |row: &VaultRow| decide_uncovered(row, &by(), (&kind(), soonest), 3, NOW);
    for purge_at in [at(990), NOW, EpochSeconds(soonest.0 - 1)] {
        let row = leaving(cooling(Trigger::Revoked, at(980)), purge_at);
        let free = after(decide(&row), &row);
        assert_eq!((dates(&free), free.hold.clone()), ((Some(soonest), None, None), None));
        assert_eq!(decide(&free), Verdict::Keep(Why::AlreadyDone));
        let known = leaving(VaultRow { expires_at: Some(at(980)), ..active() }, purge_at);
        let free = after(decide(&known), &known);
        assert_eq!((free.phase(), dates(&free)), (Phase::Active, (Some(soonest), None, None)));
        assert_eq!(decide(&free), Verdict::Keep(Why::AlreadyDone));
    }
    for row in [
        active(),
        cooling(Trigger::Revoked, at(980)),
        leaving(cooling(Trigger::Revoked, at(980)), soonest),
        held(cooling(Trigger::Revoked, at(980)), "case-2"),
    ] {
        assert_eq!(decide(&row), Verdict::Keep(Why::AlreadyDone), "{row:?}");
    }
}

#[test]
fn a_subjects_hold_keeps_its_tokens_from_removal_too() {
    let row = leaving(cooling(Trigger::Revoked, at(1)), at(8));
    let subject = SubjectRow::default().held("case-1").unwrap();
    assert_eq!(decide_removal(&row, None, Duration::ZERO, NOW), Ok(()));
    assert_eq!(decide_removal(&row, Some(&SubjectRow::default()), Duration::ZERO, NOW), Ok(()));
    assert_eq!(decide_removal(&row, Some(&subject), Duration::ZERO, NOW), Err(Why::OnHold));
    let released = subject.released("case-1").unwrap();
    assert_eq!(decide_removal(&row, Some(&released), Duration::ZERO, NOW), Ok(()));
}
