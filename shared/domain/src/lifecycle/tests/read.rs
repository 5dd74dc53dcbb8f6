//! What a read says, to the second.

use super::*;

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
fn a_read_after_the_end_is_late_from_the_second_after_it() {
    let final_reasons = Trigger::ALL.into_iter().filter(|reason| !reason.is_revivable());
    for reason in final_reasons.filter(|reason| *reason != Trigger::Rotated) {
        for row in [cooling(reason, NOW), leaving(cooling(reason, NOW), at(1007))] {
            let read = |seconds| decide_read(&row, now_plus(seconds), &by(), &kind(), 1);
            assert_eq!(read(-1), Verdict::Keep(Why::OtherReason), "{reason:?}");
            assert_eq!(read(0), Verdict::Keep(Why::OtherReason), "{reason:?}");
            assert_eq!(read(1), Verdict::LateUse, "{reason:?}");
        }
    }
}

#[test]
fn reading_a_spent_token_is_using_it() {
    for row in [of_family(cooling(Trigger::Rotated, NOW)), leaving(cooling(Trigger::Rotated, NOW), at(1007))]
    {
        let read = |seconds| decide_read(&row, now_plus(seconds), &by(), &kind(), 1);
        assert_eq!(read(0), Verdict::Keep(Why::Retry));
        assert_eq!(read(30), Verdict::Keep(Why::Retry));
        assert_eq!(read(31), Verdict::Reuse);
    }
}

#[test]
fn a_read_that_would_have_been_written_down_revives_and_moves_the_next_look() {
    for reason in [Trigger::Idle, Trigger::Unreferenced] {
        let row = VaultRow { last_read_at: Some(at(985)), ..leaving(cooling(reason, at(990)), at(1001)) };
        let read = |when| decide_read(&row, when, &by(), &kind(), 1);
        assert_eq!(read(at(985)), Verdict::Keep(Why::AlreadyDone));
        // Within the granularity of the last one it would not have been written down, had it come in time.
        assert_eq!(read(EpochSeconds(at(985).0 + 3600)), Verdict::Keep(Why::AlreadyDone));
        let when = EpochSeconds(at(985).0 + 3601);
        let back = after(read(when), &row);
        assert_eq!((back.phase(), back.reason, back.last_read_at), (Phase::Active, None, Some(when)));
        assert_eq!(back.due_at, Some(EpochSeconds(when.0 + 90 * DAY + 3600)));
        assert_eq!(back.by, Some(by()));
    }
}

#[test]
fn a_held_token_is_read_like_any_other() {
    let row = held(cooling(Trigger::Idle, at(990)), "case-1");
    let back = after(decide_read(&row, NOW, &by(), &kind(), 1), &row);
    assert_eq!((back.phase(), back.hold.as_deref()), (Phase::Active, Some("case-1")));
    let revoked = held(cooling(Trigger::Revoked, at(990)), "case-1");
    assert_eq!(decide_read(&revoked, NOW, &by(), &kind(), 1), Verdict::LateUse);
}
