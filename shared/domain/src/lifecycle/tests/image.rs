//! What a changed row puts on record, and what is lifted.

use super::*;

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

/// What a change of a row, with a step of its version, puts on record; it lifts nothing.
#[track_caller]
fn event(old: &VaultRow, new: VaultRow) -> Option<Event> {
    let verdict = decide_image(Some(old), &VaultRow { version: old.version.next(), ..new }, NOW);
    assert_eq!(verdict.lift, None);
    verdict.transition.map(|transition| transition.event)
}

#[test]
fn holds_that_come_and_go_are_named_whatever_else_follows_from_them() {
    let sentenced = leaving(cooling(Trigger::Revoked, at(999)), at(1006));
    let cold = VaultRow { purge_at: None, ..sentenced.clone() };
    for (old, new, expected) in [
        (active(), held(active(), "a"), Some(Event::Held)),
        (held(active(), "a"), held(active(), "a b"), Some(Event::Held)),
        (held(active(), "a b"), held(active(), "b"), Some(Event::Released)),
        (held(active(), "a"), active(), Some(Event::Released)),
        // The dates that go and come with it are no events of their own.
        (sentenced.clone(), held(cold.clone(), "a"), Some(Event::Held)),
        (held(cold.clone(), "a"), sentenced.clone(), Some(Event::Released)),
        // What happens to a held token is.
        (held(active(), "a"), held(cold.clone(), "a"), Some(Event::Cooled)),
        (held(cold.clone(), "a"), held(active(), "a"), Some(Event::Reinstated)),
        (held(active(), "a"), held(active(), "a"), None),
    ] {
        assert_eq!(event(&old, new.clone()), expected, "{old:?} → {new:?}");
    }
    let from_to = decide_image(
        Some(&sentenced),
        &held(VaultRow { version: sentenced.version.next(), ..cold }, "a"),
        NOW,
    );
    let transition = from_to.transition.unwrap();
    assert_eq!((transition.from, transition.to), (Some(Phase::Sentenced), Phase::Cooling));
}

#[test]
fn a_further_reason_is_a_change_of_its_own() {
    let (logout, revoked) = (cooling(Trigger::Logout, at(999)), cooling(Trigger::Revoked, at(999)));
    let dated = |row: &VaultRow| leaving(row.clone(), at(1006));
    assert_eq!(event(&logout, revoked.clone()), Some(Event::Cooled));
    assert_eq!(event(&dated(&logout), dated(&revoked)), Some(Event::Sentenced));
    assert_eq!(event(&logout, dated(&revoked)), Some(Event::Sentenced));
    // A date that moves is none.
    assert_eq!(event(&dated(&revoked), leaving(revoked.clone(), at(1001))), None);
    assert_eq!(event(&logout, VaultRow { due_at: Some(at(1001)), ..logout.clone() }), None);
    // A wait for an approval is a token that cools.
    let waits = VaultRow { waits_for: Some(at(999)), ..revoked };
    assert_eq!(event(&active(), waits.clone()), Some(Event::Cooled));
    assert_eq!(
        event(&waits, leaving(VaultRow { waits_for: None, ..waits.clone() }, at(1006))),
        Some(Event::Sentenced)
    );
}

#[test]
fn a_token_that_comes_into_the_vault_condemned_is_out_of_band() {
    assert_eq!(decide_image(None, &active(), NOW), ImageVerdict::default());
    let sentenced = leaving(cooling(Trigger::Revoked, at(999)), at(1006));
    let verdict = decide_image(None, &sentenced, NOW);
    assert_eq!(verdict.transition.unwrap().event, Event::OutOfBand);
    assert_eq!(verdict.lift, Some(Change::Lift { due_at: NOW }));
    let verdict = decide_image(None, &cooling(Trigger::Revoked, at(999)), NOW);
    assert_eq!((verdict.transition.unwrap().event, verdict.lift), (Event::OutOfBand, None));
}

#[test]
fn a_known_end_may_lie_on_the_tokens_end_and_not_before_it() {
    let known = |purge_at| leaving(VaultRow { expires_at: Some(at(1010)), ..active() }, purge_at);
    assert_eq!(decide_image(None, &known(at(1010)), NOW), ImageVerdict::default());
    let verdict = decide_image(None, &known(EpochSeconds(at(1010).0 - 1)), NOW);
    assert_eq!(verdict.lift, Some(Change::Lift { due_at: at(1010) }));
}
