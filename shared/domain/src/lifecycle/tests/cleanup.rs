//! Inline clean-up: what starts one, what it puts away, and that it comes to rest.

use super::*;

fn clean(row: &VaultRow) -> Verdict {
    decide_cleanup(row, &kind_where(Trigger::Superseded, |rule| rule.cool_off = Duration::ZERO), 3, NOW)
}

#[test]
fn an_issue_a_return_and_a_revocation_start_a_clean_up_and_nothing_else_does() {
    let of = |row: VaultRow| of_client(VaultRow { version: active().version.next(), ..row });
    let old = of_client(active());
    let revoked = cooling(Trigger::Revoked, NOW);
    for (old, new, starts) in [
        (None, active(), true),
        (Some(of_client(cooling(Trigger::Idle, at(999)))), active(), true),
        (Some(old.clone()), VaultRow { created_at: NOW.to_millis(), ..active() }, true),
        (Some(old.clone()), revoked.clone(), true),
        (Some(old.clone()), leaving(revoked.clone(), at(1007)), true),
        (Some(of_client(cooling(Trigger::Logout, at(999)))), revoked.clone(), true),
        // A read, a hold, another end, a further step of what was revoked, a dead insert.
        (Some(old.clone()), VaultRow { last_read_at: Some(NOW), ..active() }, false),
        (Some(old.clone()), held(active(), "case-1"), false),
        (Some(old.clone()), cooling(Trigger::Logout, NOW), false),
        (Some(old), cooling(Trigger::Superseded, NOW), false),
        (Some(of_client(revoked.clone())), leaving(revoked.clone(), at(1007)), false),
        (Some(of_client(revoked.clone())), leaving(cooling(Trigger::Compromised, NOW), at(1007)), false),
        (None, revoked, false),
    ] {
        assert_eq!(cleans_up(old.as_ref(), &of(new.clone())), starts, "{old:?} → {new:?}");
    }
}

#[test]
fn only_a_token_of_a_subject_and_a_client_starts_one() {
    for (subject, client) in [(None, None), (Some("s-1"), None), (None, Some("c-1"))] {
        let owner = Owner {
            subject: subject.map(str::to_owned),
            client: client.map(str::to_owned),
            ..Owner::default()
        };
        assert!(!cleans_up(None, &VaultRow { owner, ..active() }), "{subject:?} {client:?}");
    }
}

#[test]
fn an_expired_token_is_superseded_from_its_very_second() {
    for (expires_at, is_over) in
        [(None, false), (Some(now_plus(1)), false), (Some(NOW), true), (Some(at(1)), true)]
    {
        let row = VaultRow { expires_at, ..active() };
        if !is_over {
            assert_eq!(clean(&row), Verdict::Keep(Why::NotDue), "{expires_at:?}");
            continue;
        }
        let gone = after(clean(&row), &row);
        assert_eq!((gone.phase(), gone.reason), (Phase::Sentenced, Some(Trigger::Superseded)));
        assert_eq!((gone.cooling_since, dates(&gone)), (Some(NOW), (Some(NOW), None, None)));
    }
    let later = kind_where(Trigger::Superseded, |rule| rule.cool_off = days(2));
    let row = VaultRow { expires_at: Some(NOW), ..active() };
    assert_eq!(after(decide_cleanup(&row, &later, 3, NOW), &row).purge_at, Some(at(1002)));
}

#[test]
fn a_known_end_is_brought_forward_and_never_put_off() {
    let known = |purge_at| leaving(VaultRow { expires_at: Some(at(999)), ..active() }, purge_at);
    assert_eq!(after(clean(&known(now_plus(1))), &known(now_plus(1))).purge_at, Some(NOW));
    for purge_at in [NOW, at(999)] {
        assert_eq!(clean(&known(purge_at)), Verdict::Keep(Why::NotDue));
    }
}

#[test]
fn what_has_ended_for_good_goes_at_once_and_evidence_regret_and_what_may_return_do_not() {
    for reason in Trigger::ALL {
        let row = leaving(cooling(reason, at(999)), at(1006));
        let may_go = !reason.is_revivable()
            && !matches!(
                reason,
                Trigger::Compromised | Trigger::AccountDeleted | Trigger::Revoked | Trigger::Rotated
            );
        if !may_go {
            assert_eq!(clean(&row), Verdict::Keep(Why::AlreadySentenced), "{reason:?}");
            continue;
        }
        let sooner = after(clean(&row), &row);
        // The date alone moves: it leaves for the reason that it had.
        assert_eq!((sooner.purge_at, sooner.reason), (Some(NOW), Some(reason)));
        assert_eq!((sooner.cooling_since, sooner.by.clone()), (Some(at(999)), row.by));
        assert_eq!(clean(&sooner), Verdict::Keep(Why::AlreadySentenced));
        let soon = leaving(cooling(reason, at(999)), NOW);
        assert_eq!(clean(&soon), Verdict::Keep(Why::AlreadySentenced));
    }
}

#[test]
fn what_was_released_from_a_hold_is_not_hurried_for_its_notice() {
    let row = |released_at| VaultRow {
        released_at: Some(released_at),
        ..leaving(cooling(Trigger::Logout, at(990)), at(1006))
    };
    assert_eq!(clean(&row(EpochSeconds(at(999).0 + 1))), Verdict::Keep(Why::OnHold));
    assert_eq!(after(clean(&row(at(999))), &row(at(999))).purge_at, Some(NOW));
}

#[test]
fn a_token_that_is_issued_into_a_stolen_family_or_sign_in_ends_as_well() {
    let of = |session: &str, family: Option<&str>, row: VaultRow| {
        let (session, family) = (Some(session.to_owned()), family.map(str::to_owned));
        VaultRow { owner: Owner { session, family, ..Owner::default() }, ..row }
    };
    let scoped = |scope: Scope| {
        let mut kind = kind();
        kind.rules.get_mut(&Trigger::Compromised).unwrap().scope = scope;
        kind
    };
    let reborn = |stolen: &VaultRow, row: &VaultRow, scope: Scope| {
        let mut groups = Stolen::default();
        groups.note(stolen, &scoped(scope));
        decide_reborn(row, &groups, &scoped(scope), 3, NOW)
    };
    let issued = |seconds| VaultRow { created_at: EpochSeconds(at(999).0 + seconds).to_millis(), ..active() };
    let stolen = of("s1", Some("f1"), cooling(Trigger::Compromised, at(999)));
    let kin = of("s1", Some("f1"), issued(300));
    let ended = after(reborn(&stolen, &kin, Scope::Family), &kin);
    assert_eq!((ended.reason, ended.purge_at), (Some(Trigger::Compromised), Some(at(1007))));
    let later = of("s1", Some("f1"), issued(301));
    assert_eq!(reborn(&stolen, &later, Scope::Family), Verdict::Keep(Why::IssuedLater));
    let other = of("s2", Some("f2"), issued(1));
    assert_eq!(reborn(&stolen, &other, Scope::Family), Verdict::Keep(Why::NotDue));
    let session = of("s1", None, issued(1));
    assert!(matches!(reborn(&stolen, &session, Scope::Session), Verdict::Change(_)));
    // What ended alone takes nobody along, who signed out may sign in again, and what is out of service stays.
    assert_eq!(reborn(&stolen, &kin, Scope::Token), Verdict::Keep(Why::NotDue));
    let signed_out = of("s1", None, cooling(Trigger::Logout, at(999)));
    assert_eq!(reborn(&signed_out, &session, Scope::Session), Verdict::Keep(Why::NotDue));
    assert_eq!(reborn(&stolen, &stolen, Scope::Family), Verdict::Keep(Why::NotDue));
}

#[test]
fn what_has_no_date_waits_for_whatever_it_waits_for() {
    for reason in Trigger::ALL {
        assert_eq!(clean(&cooling(reason, at(999))), Verdict::Keep(Why::CoolingOff), "{reason:?}");
    }
    let spent = VaultRow { due_at: Some(NOW), ..of_family(cooling(Trigger::Rotated, at(1))) };
    assert_eq!(clean(&spent), Verdict::Keep(Why::CoolingOff));
    let waits = VaultRow { waits_for: Some(at(999)), ..cooling(Trigger::Revoked, at(999)) };
    assert_eq!(clean(&waits), Verdict::Keep(Why::CoolingOff));
}

#[test]
fn a_hold_a_switch_and_a_policy_that_ignores_it_stop_a_clean_up() {
    let row = VaultRow { expires_at: Some(at(999)), ..active() };
    assert_eq!(clean(&held(row.clone(), "case-1")), Verdict::Keep(Why::OnHold));
    let off = KindPolicy { cleanup: Cleanup { enable: false, retain_for_audit: true }, ..kind() };
    assert_eq!(decide_cleanup(&row, &off, 3, NOW), Verdict::Keep(Why::Ignored));
    let ignored = kind_where(Trigger::Superseded, |rule| rule.action = Action::Ignore);
    assert_eq!(decide_cleanup(&row, &ignored, 3, NOW), Verdict::Keep(Why::Ignored));
}
