//! When an overdue row may be removed.

use super::*;

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
