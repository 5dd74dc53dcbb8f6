//! What a pause leaves of decisions, and what a freeze takes back.

use super::*;
use crate::pause::Pause;

fn freeze() -> Pause {
    Pause { by: By { actor: "arn:ops".into(), reason_text: Some("INC-7".into()) }, since: NOW, freezes: true }
}

fn frozen(row: &VaultRow, kind: &KindPolicy) -> Verdict {
    decide_freeze(row, &freeze(), Some(kind), 3, NOW)
}

#[test]
fn a_command_under_a_pause_takes_out_of_service_and_sets_no_date() {
    let by = by();
    for (trigger, erase_now) in [(Trigger::Revoked, false), (Trigger::AccountDeleted, true)] {
        let ending = Ending { erase_now, ..ending(trigger, &by) };
        let free = decide_command(&active(), &ending, &kind(), 3, NOW);
        let leaves_at = after(free.clone(), &active()).purge_at;
        let ended = after(while_paused(free), &active());
        assert_eq!((ended.state, ended.reason), (State::Cooling, Some(trigger)));
        assert_eq!(dates(&ended), (None, leaves_at, None), "looked at when it would have left");
    }
    let spent = of_family(active());
    let verdict = decide_command(&spent, &ending(Trigger::Rotated, &by), &kind(), 3, NOW);
    assert_eq!(while_paused(verdict.clone()), verdict, "it had no date anyway");
}

#[test]
fn a_pause_takes_the_date_from_a_release_and_refuses_a_bare_sentence() {
    let row = held(cooling(Trigger::Revoked, at(900)), "case-1");
    let release = decide_release(&row, ("case-1", &by()), (&kind(), days(1)), 3, NOW);
    let released = after(while_paused(release), &row);
    assert_eq!((released.hold.clone(), dates(&released)), (None, (None, Some(at(1001)), None)));
    let sentence = Change::Sentence { purge_at: NOW, decided: Decided::by_timer(3) };
    assert_eq!(while_paused(Verdict::Change(sentence)), Verdict::Keep(Why::Paused));
}

#[test]
fn what_brings_back_or_keeps_goes_on_under_a_pause() {
    let row = cooling(Trigger::Unreferenced, at(990));
    for verdict in [
        decide_reinstate(&row, &by(), &kind(), 3, NOW),
        decide_read(&row, NOW, &by(), &kind(), 3),
        decide_hold(&row, "case-1", &by(), 3),
        Verdict::LateUse,
        Verdict::Keep(Why::NotDue),
    ] {
        assert_eq!(while_paused(verdict.clone()), verdict);
    }
}

#[test]
fn a_freeze_lifts_each_kind_of_date_and_is_a_fixpoint() {
    let known = leaving(VaultRow { expires_at: Some(at(1002)), ..active() }, at(1009));
    let ended = leaving(cooling(Trigger::Revoked, at(999)), at(1006));
    let unused = leaving(cooling(Trigger::Unreferenced, at(990)), at(1001));
    let idle_session = leaving(cooling(Trigger::Idle, at(990)), at(1001));
    for (row, kind, due_at) in [
        (&known, kind(), Some(at(1002))),
        (&ended, kind(), Some(at(1006))),
        // Only a verdict run may give it a date again.
        (&unused, kind(), None),
        (&idle_session, unscanned(), Some(at(1001))),
    ] {
        let lifted = after(frozen(row, &kind), row);
        assert_eq!(dates(&lifted), (None, due_at, None));
        assert_eq!((lifted.state, lifted.reason), (row.state, row.reason));
        assert_eq!(lifted.by.as_ref().map(|by| by.actor.as_str()), Some("arn:ops"));
        assert_eq!(frozen(&lifted, &kind), Verdict::Keep(Why::NotDue));
    }
    assert_eq!(frozen(&held(ended, "case-1"), &kind()), Verdict::Keep(Why::OnHold));
    assert_eq!(frozen(&active(), &kind()), Verdict::Keep(Why::NotDue));
}

#[test]
fn after_a_freeze_no_timer_sets_a_date_sooner_than_the_notice() {
    let facts = DueFacts { notice: days(1), family_end: Some(at(900)), ..DueFacts::default() };
    let at_once = |trigger| kind_where(trigger, |rule| rule.cool_off = Duration::ZERO);
    let known = leaving(VaultRow { expires_at: Some(at(998)), ..active() }, at(999));
    let ended = leaving(cooling(Trigger::Revoked, at(990)), at(999));
    let spent = leaving(of_family(cooling(Trigger::Rotated, at(900))), at(999));
    let idle_session = leaving(cooling(Trigger::Idle, at(990)), at(999));
    for (row, kind) in [
        (known, at_once(Trigger::Expired)),
        (ended, at_once(Trigger::Revoked)),
        (spent, at_once(Trigger::Rotated)),
        (idle_session, KindPolicy { format: None, ..at_once(Trigger::Idle) }),
    ] {
        let lifted = after(frozen(&row, &kind), &row);
        let dated = after(decide_due(&lifted, facts, &kind, 4, NOW), &lifted);
        assert_eq!(dated.purge_at, Some(at(1001)), "{row:?}");
    }
    let unused = leaving(cooling(Trigger::Unreferenced, at(990)), at(999));
    let lifted = after(frozen(&unused, &kind()), &unused);
    assert_eq!(decide_due(&lifted, facts, &kind(), 4, NOW), Verdict::Keep(Why::CoolingOff));
}

#[test]
fn a_freeze_is_on_record_as_a_pause_and_not_as_somebody_elses_write() {
    let ended = leaving(cooling(Trigger::Revoked, at(999)), at(1006));
    let lifted = after(frozen(&ended, &kind()), &ended);
    let verdict = decide_image(Some(&ended), &lifted, NOW);
    let (from, to) = (Some(Phase::Sentenced), Phase::Cooling);
    assert_eq!(verdict.transition, Some(Transition { event: Event::Paused, from, to }));
    assert_eq!(verdict.lift, None);
}
