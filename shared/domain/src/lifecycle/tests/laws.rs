//! Laws over rows of every shape.

use proptest::prelude::*;

use super::*;

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

fn commanded_triggers() -> Vec<Trigger> {
    Trigger::ALL.into_iter().filter(|trigger| trigger.is_commanded()).collect()
}

/// As it stands once the hold was put on it: without dates.
fn row_under_hold(row: VaultRow) -> VaultRow {
    VaultRow { purge_at: None, due_at: None, ..held(row, "case-1") }
}

proptest! {
    #[test]
    fn nothing_that_is_referenced_read_or_held_is_ever_taken(
        row in any_row(), found in 0..3_u64, strikes in 0..5_u8, purpose in 0..3_usize,
    ) {
        let purpose = [Purpose::Discovery, Purpose::Confirm, Purpose::Verdict][purpose];
        let prior = Candidate { strikes, first_scan_at: at(998) };
        let verdict = decide_scanned(&row, found, Some(&prior), &kind(), &facts(purpose));
        if let Scanned::Cool { .. } | Scanned::Sentence(_) = verdict {
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

    #[test]
    fn what_a_clean_up_writes_starts_none_and_is_not_written_again(row in any_row()) {
        let row = of_client(row);
        if let Verdict::Change(change) = decide_cleanup(&row, &kind(), 1, NOW) {
            let cleaned = change.apply(&row);
            prop_assert!(!cleans_up(Some(&row), &cleaned));
            prop_assert!(matches!(decide_cleanup(&cleaned, &kind(), 1, NOW), Verdict::Keep(_)));
            prop_assert!(row.hold.is_none());
        }
    }

    #[test]
    fn nothing_leaves_under_a_hold_or_within_a_day_of_its_release(row in any_row(), trigger in 0..Trigger::ALL.len()) {
        let row = row_under_hold(row);
        let ending_by = by();
        let ending = ending(Trigger::ALL[trigger], &ending_by);
        let decisions = [
            decide_command(&row, &ending, &kind(), 1, NOW),
            decide_due(&row, DueFacts::default(), &kind(), 1, NOW),
            decide_cleanup(&row, &kind(), 1, NOW),
            decide_hold(&row, "case-2", &by(), 1),
        ];
        for decision in decisions {
            if let Verdict::Change(change) = decision {
                let kept = change.apply(&row);
                prop_assert!(kept.purge_at.is_none() && kept.hold.is_some(), "{:?}", change);
            }
        }
        let notice = days(1);
        let released = after(decide_release(&row, ("case-1", &by()), (&kind(), notice), 1, NOW), &row);
        prop_assert!(released.hold.is_none());
        prop_assert!(released.purge_at.is_none_or(|at| NOW.plus(notice) <= at));
        prop_assert!(released.due_at.is_none_or(|at| NOW.plus(notice) <= at));
    }

    #[test]
    fn the_gravest_reason_stays_in_whatever_order_commands_come(
        order in Just(commanded_triggers()).prop_shuffle(), family in any::<bool>(),
    ) {
        let mut row = if family { of_family(active()) } else { active() };
        let mut soonest = None;
        for trigger in order {
            if let Verdict::Change(change) = decide_command(&row, &ending(trigger, &by()), &kind(), 1, NOW) {
                row = change.apply(&row);
            }
            prop_assert_eq!(row.state, State::Cooling);
            // A date that is set is never put off.
            prop_assert!(soonest.is_none() || (row.purge_at.is_some() && row.purge_at <= soonest));
            soonest = row.purge_at;
        }
        prop_assert_eq!(row.reason, Some(Trigger::AccountDeleted));
    }
}
