//! What a command does to one token, by its reason and the one before.

use super::*;

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

fn commanded() -> impl Iterator<Item = Trigger> {
    Trigger::ALL.into_iter().filter(|trigger| trigger.is_commanded())
}

fn decide(row: &VaultRow, ending: &Ending<'_>) -> Verdict {
    decide_command(row, ending, &kind(), 3, NOW)
}

#[test]
fn every_command_ends_an_active_token_in_one_write_that_names_who_asked() {
    let by = By { actor: "app".into(), reason_text: Some("ticket 7".into()) };
    for trigger in commanded() {
        let ended = after(decide(&active(), &ending(trigger, &by)), &active());
        assert_eq!(
            (ended.state, ended.phase(), ended.reason),
            (State::Cooling, Phase::Sentenced, Some(trigger))
        );
        assert_eq!((ended.cooling_since, ended.purge_at), (Some(NOW), Some(at(1007))), "{trigger:?}");
        assert_eq!(
            (ended.policy, ended.by, ended.version),
            (Some(3), Some(by.clone()), active().version.next())
        );
    }
}

#[test]
fn an_ignored_trigger_does_nothing_to_any_token() {
    for trigger in commanded() {
        let kind = kind_where(trigger, |rule| rule.action = Action::Ignore);
        for row in [active(), cooling(Trigger::Unreferenced, at(990)), cooling(Trigger::Logout, at(990))] {
            let verdict = decide_command(&row, &ending(trigger, &by()), &kind, 1, NOW);
            assert_eq!(verdict, Verdict::Keep(Why::Ignored), "{trigger:?}");
        }
    }
}

#[test]
fn a_graver_reason_replaces_a_lesser_one_and_no_other_does() {
    for old in Trigger::ALL {
        let row = leaving(cooling(old, at(990)), at(1001));
        for new in commanded() {
            let verdict = decide(&row, &ending(new, &by()));
            if old.rank() == 0 {
                // What was only found unused begins to cool anew, for good.
                let ended = after(verdict, &row);
                assert_eq!((ended.reason, ended.cooling_since), (Some(new), Some(NOW)), "{old:?} {new:?}");
                assert_eq!(ended.purge_at, Some(at(1001)));
            } else if old.rank() < new.rank() {
                let ended = after(verdict, &row);
                assert_eq!(
                    (ended.reason, ended.cooling_since),
                    (Some(new), Some(at(990))),
                    "{old:?} {new:?}"
                );
                assert_eq!(ended.purge_at, Some(at(1001)));
            } else if (old, new) == (Trigger::Rotated, Trigger::Rotated) {
                assert_eq!(verdict, Verdict::Reuse);
            } else {
                assert_eq!(verdict, Verdict::Keep(Why::AlreadyDone), "{old:?} {new:?}");
            }
        }
    }
}

#[test]
fn a_further_reason_never_puts_a_date_off() {
    for (set, leaves) in [(at(1006), at(1006)), (at(1007), at(1007)), (at(1008), at(1007))] {
        let row = leaving(cooling(Trigger::Logout, at(999)), set);
        let ended = after(decide(&row, &ending(Trigger::Revoked, &by())), &row);
        assert_eq!(ended.purge_at, Some(leaves));
    }
    // Without a date there is nothing that goes on: the cool-off is the new reason's, from now.
    let spent = of_family(cooling(Trigger::Rotated, at(990)));
    let ended = after(decide(&spent, &ending(Trigger::Compromised, &by())), &spent);
    assert_eq!((ended.cooling_since, ended.purge_at), (Some(NOW), Some(at(1007))));
}

#[test]
fn a_command_reaches_what_was_issued_up_to_its_moment_to_the_millisecond() {
    let by = by();
    let created_at = active().created_at.0;
    for (until, is_meant) in [(None, true), (Some(0), true), (Some(1), true), (Some(-1), false)] {
        let issued_until = until.map(|millis| EpochMillis(created_at + millis));
        let ending = Ending { issued_until, ..ending(Trigger::Revoked, &by) };
        let is_kept = decide(&active(), &ending) == Verdict::Keep(Why::IssuedLater);
        assert_eq!(is_kept, !is_meant, "{until:?}");
    }
}

/// Who signs in while a worker goes over the tokens of a logout was issued after that worker's `now`.
#[test]
fn what_was_issued_while_a_worker_lives_is_honest_and_what_was_issued_later_is_not() {
    let by = by();
    let ending = Ending { issued_until: Some(NOW.to_millis()), ..ending(Trigger::Logout, &by) };
    for (seconds, is_kept) in [(0, false), (1, true), (15 * 60, true), (15 * 60 + 1, false)] {
        let row = VaultRow { created_at: now_plus(seconds).to_millis(), ..active() };
        let verdict = decide(&row, &ending);
        assert_eq!(verdict == Verdict::Keep(Why::IssuedLater), is_kept, "{seconds} s");
    }
}

#[test]
fn a_spent_token_that_comes_again_is_a_retry_up_to_the_leeway_and_then_a_theft() {
    let by = by();
    let spent = of_family(cooling(Trigger::Rotated, NOW));
    for (seconds, verdict) in [
        (-100, Verdict::Keep(Why::Retry)),
        (0, Verdict::Keep(Why::Retry)),
        (29, Verdict::Keep(Why::Retry)),
        (30, Verdict::Keep(Why::Retry)),
        (31, Verdict::Reuse),
    ] {
        let ending = Ending { at: now_plus(seconds), ..ending(Trigger::Rotated, &by) };
        // However late the message is read, it says when it happened.
        for now in [now_plus(31), at(1020)] {
            assert_eq!(decide_command(&spent, &ending, &kind(), 1, now), verdict, "{seconds} s");
        }
    }
    let strict = KindPolicy { reuse_leeway: Duration::ZERO, ..kind() };
    let ending = Ending { at: now_plus(1), ..ending(Trigger::Rotated, &by) };
    assert_eq!(decide_command(&spent, &ending, &strict, 1, at(1020)), Verdict::Reuse);
    let ending = Ending { at: NOW, ..ending };
    assert_eq!(decide_command(&spent, &ending, &strict, 1, at(1020)), Verdict::Keep(Why::Retry));
}

#[test]
fn a_token_is_spent_from_when_it_was_used_and_never_from_the_future() {
    let by = by();
    for (seconds, since) in [(-3600, -3600), (0, 0), (200, 0)] {
        let ending = Ending { at: now_plus(seconds), ..ending(Trigger::Rotated, &by) };
        let spent = after(decide(&active(), &ending), &active());
        assert_eq!(spent.cooling_since, Some(now_plus(since)));
        // No other reason is dated back.
        let ending = Ending { trigger: Trigger::Logout, ..ending };
        assert_eq!(after(decide(&active(), &ending), &active()).cooling_since, Some(NOW));
    }
}

#[test]
fn a_spent_token_of_a_family_has_no_date_and_is_looked_at_after_its_own_end() {
    for (expires_at, look_at) in [(None, 1007), (Some(999), 1007), (Some(1000), 1007), (Some(1030), 1037)] {
        let row = of_family(VaultRow { expires_at: expires_at.map(at), ..active() });
        let spent = after(decide(&row, &ending(Trigger::Rotated, &by())), &row);
        assert_eq!(dates(&spent), (None, Some(at(look_at)), None), "{expires_at:?}");
        assert_eq!(spent.phase(), Phase::Cooling);
    }
    // A known end is no date for one that others may still use.
    let row = leaving(of_family(VaultRow { expires_at: Some(at(1030)), ..active() }), at(1037));
    let spent = after(decide(&row, &ending(Trigger::Rotated, &by())), &row);
    assert_eq!(dates(&spent), (None, Some(at(1037)), None));
    // Nobody can look a family up without its subject.
    let nobodys = VaultRow { owner: Owner { family: Some("f-1".into()), ..Owner::default() }, ..active() };
    let spent = after(decide(&nobodys, &ending(Trigger::Rotated, &by())), &nobodys);
    assert_eq!(spent.purge_at, Some(at(1007)));
}

#[test]
fn erase_now_waits_for_nothing_but_for_who_else_has_a_say() {
    let (by, reason) = (by(), Trigger::AccountDeleted);
    let now = Ending { erase_now: true, ..ending(reason, &by) };
    assert_eq!(after(decide(&active(), &now), &active()).purge_at, Some(NOW));
    let waiting = leaving(cooling(reason, at(999)), at(1006));
    let hurried = after(decide(&waiting, &now), &waiting);
    assert_eq!(
        (hurried.purge_at, hurried.cooling_since, hurried.reason),
        (Some(NOW), Some(at(999)), Some(reason))
    );
    assert_eq!(decide(&hurried, &now), Verdict::Keep(Why::AlreadyDone));
    // Not again for what goes anyway, nor past a hold, nor past a person who has to approve.
    for row in [
        leaving(waiting.clone(), NOW),
        leaving(waiting.clone(), at(999)),
        held(cooling(reason, at(999)), "case-1"),
        VaultRow { waits_for: Some(at(999)), ..cooling(reason, at(999)) },
    ] {
        assert_eq!(decide(&row, &now), Verdict::Keep(Why::AlreadyDone), "{row:?}");
    }
    assert_eq!(decide(&waiting, &ending(reason, &by)), Verdict::Keep(Why::AlreadyDone));
}

#[test]
fn what_is_over_the_budget_is_out_of_service_at_once_and_has_no_date() {
    let by = by();
    let over = Ending { over_budget: Some(at(1000)), ..ending(Trigger::Revoked, &by) };
    let waits = after(decide(&active(), &over), &active());
    assert_eq!((waits.state, waits.phase()), (State::Cooling, Phase::Cooling));
    assert_eq!(dates(&waits), (None, Some(at(1007)), Some(at(1000))));
    // What was found unused and has no date waits as well; what has one leaves then.
    let unused = cooling(Trigger::Unreferenced, at(990));
    assert_eq!(dates(&after(decide(&unused, &over), &unused)), (None, Some(at(1007)), Some(at(1000))));
    for row in [leaving(unused, at(1001)), leaving(cooling(Trigger::Logout, at(999)), at(1001))] {
        assert_eq!(dates(&after(decide(&row, &over), &row)), (Some(at(1001)), None, None));
    }
    // Under a hold both wait: for its release, and then for the approval.
    let row = held(active(), "case-1");
    assert_eq!(dates(&after(decide(&row, &over), &row)), (None, None, Some(at(1000))));
    let spent = Ending { trigger: Trigger::Rotated, ..over };
    let row = of_family(active());
    assert_eq!(dates(&after(decide(&row, &spent), &row)), (None, Some(at(1007)), None));
}

#[test]
fn a_graver_reason_within_the_budget_ends_the_wait_for_an_approval() {
    let waits =
        VaultRow { waits_for: Some(at(999)), due_at: Some(at(1001)), ..cooling(Trigger::Revoked, at(999)) };
    let ended = after(decide(&waits, &ending(Trigger::Compromised, &by())), &waits);
    assert_eq!(dates(&ended), (Some(at(1007)), None, None));
    assert_eq!(decide(&waits, &ending(Trigger::Revoked, &by())), Verdict::Keep(Why::AlreadyDone));
}

#[test]
fn a_held_token_ends_and_gets_no_date() {
    for trigger in commanded() {
        for row in [active(), of_family(active()), cooling(Trigger::Idle, at(990))] {
            let row = held(row, "case-1");
            let ended = after(decide(&row, &ending(trigger, &by())), &row);
            assert_eq!((ended.phase(), ended.reason), (Phase::Cooling, Some(trigger)));
            assert_eq!(dates(&ended), (None, None, None), "{trigger:?}");
            assert_eq!(ended.hold.as_deref(), Some("case-1"));
        }
    }
}

#[test]
fn a_person_takes_back_only_what_was_found_unused() {
    assert_eq!(decide_reinstate(&active(), &by(), &kind(), 3, NOW), Verdict::Keep(Why::AlreadyDone));
    for reason in Trigger::ALL {
        for row in [cooling(reason, at(990)), leaving(cooling(reason, at(990)), at(1001))] {
            let verdict = decide_reinstate(&row, &by(), &kind(), 3, NOW);
            if !reason.is_revivable() {
                assert_eq!(verdict, Verdict::Keep(Why::OtherReason), "{reason:?}");
                continue;
            }
            let back = after(verdict, &row);
            assert_eq!((back.state, back.reason, back.cooling_since), (State::Active, None, None));
            // It counts as a use, or the next run would miss it again.
            assert_eq!((back.last_read_at, back.by.clone()), (Some(NOW), Some(by())));
            assert_eq!(dates(&back), (None, Some(EpochSeconds(at(1090).0 + 3600)), None));
        }
    }
}
