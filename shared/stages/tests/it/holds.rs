//! Legal holds: while one stands nothing leaves, by whichever way, and its release decides afresh.

use std::time::Duration;

use futures::executor::block_on;
use lethe_domain::row::RowVersion;
use lethe_domain::subject::{SubjectKey, SubjectRow};
use lethe_domain::token::ShardCount;
use lethe_stages::ports::Vault;
use lethe_testkit::{FaultKind, SHARDS, START, row, tenant};

use crate::house::{House, SECOND, like, reached, results, shortly_before, start_plus, tokens, two_tenants};
use crate::world::{DAY, HOUR, remain};

const ALICE: &str = r#""subject":"alice","hold_id":"case-1""#;
const OF_ALICE: [&str; 11] =
    ["acc-1", "acc-2", "acc-3", "card-1", "code-1", "ref-1", "ref-2", "ref-3", "ses-1", "ses-2", "ses-3"];

fn held_by(hold: &str, names: &[&str]) -> String {
    format!(r#""hold_id":"{hold}",{}"#, tokens(names))
}

/// The subject's row says so, and no token's does yet: as between a hold's write and its fan-out.
fn hold_alice_only(house: &House) {
    let key = SubjectKey::new(&tenant("acme"), "alice", ShardCount::new(SHARDS).unwrap());
    let held = SubjectRow::default().held("case-1").unwrap();
    assert!(block_on(house.world.cloud.vault.write_subject(&key, RowVersion(0), &held)).unwrap());
}

#[test]
fn a_hold_on_a_subject_is_put_on_everything_it_has_and_takes_nothing_out_of_service() {
    let house = House::new();
    let answer = house.say("hold", ALICE);
    assert_eq!(reached(&answer), (200, true, 11, 0));
    house.all(&OF_ALICE, "active held case-1");
    assert_eq!(house.valid(&OF_ALICE), OF_ALICE);
    assert_eq!(house.touched(), OF_ALICE);
    for name in OF_ALICE {
        assert_eq!(house.record(name), ["held by app: ticket 7"]);
    }
    assert_eq!(house.subject("alice").unwrap().hold.as_deref(), Some("case-1"));
    // Once more is once.
    assert_eq!(reached(&house.say("hold", ALICE)), (200, true, 0, 11));
    assert_eq!(reached(&house.say("release", ALICE)), (200, true, 11, 0));
    assert_eq!(house.valid(&OF_ALICE), OF_ALICE);
    assert_eq!(house.subject("alice").unwrap().hold, None);
    assert_eq!(house.record("acc-1"), ["held by app: ticket 7", "released by app: ticket 7"]);
    assert_eq!(reached(&house.say("release", ALICE)), (200, true, 0, 11));
}

#[test]
fn nothing_of_a_held_subject_leaves_by_its_end_by_a_command_or_by_ttl() {
    let (end, known) = (start_plus(HOUR), start_plus(HOUR * 2));
    let house = House::with("command_floor = 100", |name, row| match name {
        "acc-1" => row.expires_at(end).due_at(end),
        "acc-2" => row.known_end(end, HOUR),
        _ => row,
    });
    house.say("logout", r#""subject":"alice","session":"s3""#);
    assert_eq!(house.line("ses-3"), "sentenced logout leaves 24h");
    house.say("hold", ALICE);
    // The hold lifts what was set, known ends too.
    house.all(&["acc-3", "ref-3", "ses-3"], "cooling logout held case-1");
    house.all(&["acc-1", "acc-2"], "active held case-1");
    house.world.cloud.clock.set(known);
    house.world.cloud.vault.expire_by_ttl();
    house.after(Duration::ZERO);
    // A command ends them, and they stay.
    house.say("account_deleted", r#""subject":"alice","erase_now":true"#);
    house.all(&OF_ALICE, "cooling account_deleted held case-1");
    assert_eq!(house.valid(&OF_ALICE), [""; 0]);
    for _ in 0..10 {
        house.after(DAY);
        house.world.cloud.vault.expire_by_ttl();
    }
    house.all(&OF_ALICE, "cooling account_deleted held case-1");
    assert!(house.world.cloud.archive.all_versions().is_empty());
    // Whoever removes one by hand removes nothing for good.
    house.world.cloud.vault.delete(house.key("card-1"));
    house.after(Duration::ZERO);
    assert_eq!(house.kept("card-1").as_deref(), Some("held"));
    house.say("release", ALICE);
    // 242 h after the start, and not sooner than a day from then.
    let rest: Vec<&str> = OF_ALICE.into_iter().filter(|name| *name != "card-1").collect();
    house.all(&rest, "sentenced account_deleted leaves 266h");
    house.follow(&rest, DAY, None);
    house.after(DAY * 400);
    assert_eq!(house.kept("card-1").as_deref(), Some("held"));
    assert_eq!(house.valid(&["acc-9", "card-9", "acc-x"]).len(), 3);
}

#[test]
fn what_is_issued_under_a_subjects_hold_is_held_by_the_subjects_row() {
    let house = House::new();
    house.say("hold", ALICE);
    house.after(HOUR);
    let known = |name| like("acc-1", name).created_at(start_plus(HOUR)).known_end(start_plus(HOUR * 2), HOUR);
    let house = house.issue("acc-ttl", known("acc-ttl")).issue("acc-new", known("acc-new"));
    // The service removes one as its TTL says; reconcile comes to the other.
    house.world.cloud.clock.set(start_plus(HOUR * 3));
    let other = house.world.cloud.vault.item(house.key("acc-new")).unwrap();
    house.world.cloud.vault.delete(house.key("acc-new"));
    drop(house.world.cloud.vault.drain_stream());
    house.world.cloud.vault.expire_by_ttl();
    house.world.cloud.vault.insert(other);
    house.after(Duration::ZERO);
    assert_eq!((house.line("acc-ttl").as_str(), house.kept("acc-ttl").as_deref()), ("gone", Some("held")));
    assert_eq!(house.line("acc-new"), "active held case-1");
    house.say("release", ALICE);
    // Its end has passed; it leaves in a day.
    assert_eq!(house.line("acc-new"), "active leaves 27h");
    assert_eq!(house.valid(&["acc-new"]), [""; 0]);
}

#[test]
fn a_verdict_run_sentences_nothing_of_a_held_subject() {
    let config = two_tenants().cadence("24h");
    let house = House::empty(&config);
    for name in ["card-1", "card-9"] {
        house.world.cloud.vault.insert(like(name, name));
    }
    remain(&house.world);
    house.world.round_quietly();
    let house = house.moved_in([("card-1", "acme"), ("card-9", "acme")]);
    house.world.rounds(8, HOUR);
    house.all(&["card-1", "card-9"], "cooling unreferenced");
    hold_alice_only(&house);
    house.world.rounds(7, DAY);
    house.world.rounds(8, HOUR);
    house.world.rounds(3, DAY);
    assert_eq!(house.line("card-9"), "gone");
    assert_eq!(house.line("card-1"), "cooling unreferenced");
}

#[test]
fn a_scan_takes_nothing_that_is_held_itself() {
    let house = House::under(&two_tenants().cadence("24h"), |_, row| row);
    house.say("hold", &held_by("case-1", &["card-1"]));
    house.world.stores.tables.remove("acme-orders", |_| true);
    house.world.rounds(8, HOUR);
    house.world.rounds(8, DAY);
    assert_eq!((house.line("card-1").as_str(), house.valid(&["card-1"]).len()), ("active held case-1", 1));
    assert!(house.line("card-9").contains("unreferenced"), "{}", house.line("card-9"));
}

#[test]
fn release_decides_both_dates_afresh_and_never_sooner_than_a_day() {
    // When the hold comes and goes, and when what was revoked at the start leaves after that.
    for (release_in, leaves) in [(HOUR * 2, "26h"), (HOUR * 240, "264h"), (SECOND * 3601, "90001s")] {
        let house = House::new();
        house.say("revoked", &tokens(&["acc-1"]));
        house.world.cloud.clock.advance(HOUR);
        assert_eq!(results(&house.say("hold", &held_by("case-1", &["acc-1"]))), ["held"]);
        assert_eq!(house.line("acc-1"), "cooling revoked held case-1");
        house.after(release_in.saturating_sub(HOUR));
        assert_eq!(results(&house.say("release", &held_by("case-1", &["acc-1"]))), ["released"]);
        assert_eq!(house.line("acc-1"), format!("sentenced revoked leaves {leaves}"));
        assert_eq!(house.touched(), ["acc-1"]);
        house.follow(&["acc-1"], DAY, Some(("r30", 30)));
        assert_eq!(
            house.record("acc-1"),
            [
                "sentenced revoked by app: ticket 7",
                "held revoked by app: ticket 7",
                "released revoked by app: ticket 7",
                "archived revoked"
            ]
        );
    }
    // A longer cool-off goes on from where it began.
    let sections = "[tenants.acme.override.access.on.revoked]\ncool_off = \"7d\"";
    let house = House::with(sections, |_, row| row);
    house.say("revoked", &tokens(&["acc-1"]));
    house.after(HOUR);
    house.say("hold", &held_by("case-1", &["acc-1"]));
    house.after(HOUR);
    house.say("release", &held_by("case-1", &["acc-1"]));
    assert_eq!(house.line("acc-1"), "sentenced revoked leaves 168h");
}

#[test]
fn a_token_that_ends_under_a_hold_leaves_after_it() {
    let end = start_plus(HOUR);
    let house = House::with("", |name, row| match name {
        "acc-1" => row.expires_at(end).due_at(end),
        "acc-2" => row.known_end(end, DAY),
        _ => row,
    });
    let both = ["acc-1", "acc-2"];
    house.say("hold", &held_by("case-1", &both));
    house.after(DAY * 3);
    house.all(&both, "active held case-1");
    assert_eq!(house.valid(&both), [""; 0]);
    house.say("release", &held_by("case-1", &both));
    house.all(&both, "active leaves 96h");
    house.follow(&both, DAY, Some(("r30", 30)));
}

#[test]
fn what_is_open_when_a_hold_comes_is_open_again_when_it_goes() {
    let house = House::with("command_floor = 0", |_, row| row);
    house.say("rotated", &tokens(&["ref-1"]));
    house.say("revoked", &tokens(&["acc-1"]));
    house.all(&["acc-1"], "cooling revoked due 24h waits");
    house.say("hold", &held_by("case-1", &["ref-1", "acc-1"]));
    house.all(&["ref-1"], "cooling rotated held case-1");
    house.all(&["acc-1"], "cooling revoked waits held case-1");
    house.after(DAY * 3);
    house.say("release", &held_by("case-1", &["ref-1", "acc-1"]));
    // The one waits for its family, the other for a person.
    house.all(&["ref-1"], "cooling rotated due 96h");
    house.all(&["acc-1"], "cooling revoked due 96h waits");
    house.after(DAY);
    assert_eq!(house.line("ref-1"), "gone");
    assert_eq!(house.line("acc-1"), "cooling revoked due 102h waits");
}

#[test]
fn two_holds_on_one_token_are_released_each_by_its_own_id() {
    let house = House::new();
    house.say("revoked", &tokens(&["acc-1"]));
    for case in ["case-2", "case-1", "case-2"] {
        house.say("hold", &held_by(case, &["acc-1"]));
    }
    assert_eq!(house.line("acc-1"), "cooling revoked held case-1 case-2");
    house.after(DAY * 2);
    assert_eq!(results(&house.say("release", &held_by("case-3", &["acc-1"]))), ["kept: already_done"]);
    assert_eq!(results(&house.say("release", &held_by("case-2", &["acc-1"]))), ["released"]);
    assert_eq!(house.line("acc-1"), "cooling revoked held case-1");
    house.after(DAY * 2);
    assert_eq!(results(&house.say("release", &held_by("case-1", &["acc-1"]))), ["released"]);
    assert_eq!(house.line("acc-1"), "sentenced revoked leaves 120h");
    let events = house.record("acc-1");
    let of = |event: &str| events.iter().filter(|told| told.starts_with(event)).count();
    assert_eq!((of("held"), of("released")), (2, 2), "{events:?}");
}

#[test]
fn a_hold_on_a_subject_and_one_on_its_token_are_two() {
    let house = House::new();
    house.say("hold", &held_by("case-9", &["acc-1"]));
    house.say("hold", ALICE);
    assert_eq!(house.line("acc-1"), "active held case-1 case-9");
    house.say("release", ALICE);
    assert_eq!(
        (house.line("acc-1").as_str(), house.line("acc-2").as_str()),
        ("active held case-9", "active")
    );
}

#[test]
fn a_hold_that_is_released_while_it_is_still_being_put_ends_with_no_token_held() {
    let house = House::empty(&two_tenants());
    for n in 0..500 {
        let token = lethe_testkit::token_named(&format!("access-token-number-{n:06}"));
        house.world.cloud.vault.insert(row("acme", &token).kind("access").subject("alice"));
    }
    house.world.round_quietly();
    let key = format!(r#""idempotency_key":"hold-7",{ALICE}"#);
    assert_eq!(house.say("hold", &key).status, 202);
    assert_eq!(house.say("release", ALICE).status, 202);
    house.world.reconcile().unwrap();
    house.after(Duration::from_mins(2));
    let rows = house.world.cloud.vault.rows();
    assert!(rows.values().all(|row| row.hold.is_none()));
    assert_eq!(house.subject("alice").unwrap().hold, None);
    assert!(house.world.cloud.control.all_fan_outs().is_empty());
    // Whoever asks how far the hold is hears that it goes no further.
    assert_eq!(house.say("hold", &key).status, 200);
    // And the other way round: a hold that comes again while its release is going stands in the end.
    assert_eq!(house.say("hold", r#""subject":"alice","hold_id":"case-2""#).status, 202);
    house.world.reconcile().unwrap();
    assert_eq!(house.say("release", r#""subject":"alice","hold_id":"case-2""#).status, 202);
    assert_eq!(house.say("hold", r#""subject":"alice","hold_id":"case-2""#).status, 202);
    house.world.reconcile().unwrap();
    house.after(Duration::from_mins(2));
    assert!(house.world.cloud.vault.rows().values().all(|row| row.hold.as_deref() == Some("case-2")));
}

#[test]
fn a_removal_between_the_subjects_row_and_its_tokens_goes_to_the_held_class() {
    let house = House::new();
    house.say("revoked", &tokens(&["acc-1"]));
    house.world.cloud.clock.advance(DAY);
    hold_alice_only(&house);
    // The service was quicker than the fan-out.
    house.world.cloud.vault.expire_by_ttl();
    house.after(Duration::ZERO);
    assert_eq!((house.line("acc-1").as_str(), house.kept("acc-1").as_deref()), ("gone", Some("held")));
    // Reconcile reads the subject's row first, and puts its hold on what it would have removed.
    let house = House::new();
    house.say("revoked", &tokens(&["acc-1"]));
    house.world.cloud.clock.advance(DAY);
    hold_alice_only(&house);
    house.after(Duration::ZERO);
    assert_eq!(house.line("acc-1"), "cooling revoked held case-1");
    assert_eq!(house.touched(), ["acc-1"]);
    house.say("release", ALICE);
    assert_eq!(house.line("acc-1"), "sentenced revoked leaves 48h");
}

#[test]
fn what_only_its_subjects_hold_kept_gets_its_day_too_when_that_is_released() {
    let house = House::new();
    house.say("hold", ALICE);
    house.after(HOUR);
    let house = house.issue("acc-new", like("acc-1", "acc-new").created_at(start_plus(HOUR)));
    house.say("revoked", &tokens(&["acc-new"]));
    assert_eq!(house.line("acc-new"), "sentenced revoked leaves 25h");
    house.world.cloud.clock.advance(shortly_before(DAY));
    let release = |id: &str| house.send_as(&House::app_at(id, house.world.now()), "acme", "release", ALICE);
    assert_eq!(reached(&release("m-release")), (200, true, 12, 0));
    let day_later = house.world.now().plus(DAY);
    let leaves = || house.row("acc-new").unwrap().purge_at;
    assert_eq!(leaves(), Some(day_later));
    // Neither the second look, nor a redelivery, nor a release of what does not stand any more puts it off again.
    house.after(Duration::from_mins(2));
    assert_eq!(reached(&release("m-release")), (200, true, 12, 0), "the same answer");
    assert_eq!(reached(&release("m-again")), (200, true, 0, 12));
    assert_eq!(leaves(), Some(day_later));
    house.after(DAY);
    assert_eq!(house.line("acc-new"), "gone");
}

#[test]
fn a_release_is_finished_whichever_of_its_calls_failed() {
    for n in 1.. {
        let house = House::new();
        house.say("hold", ALICE);
        let house = house.issue("acc-new", like("acc-1", "acc-new"));
        house.say("revoked", &tokens(&["acc-new"]));
        house.world.cloud.clock.advance(shortly_before(DAY));
        let body = format!(r#"{{"v":1,"tenant":"acme","command":"release",{ALICE}}}"#);
        house.world.cloud.faults.fail_call(n, FaultKind::Killed);
        let died = house.world.command_as(&body, &House::app_at("m-1", house.world.now())).is_err();
        house.world.cloud.faults.calm();
        if !died {
            assert!(15 < n, "{n} calls");
            return;
        }
        // Until the sender says it again, or reconcile takes it up.
        let released_at = house.world.now();
        house.world.command_as(&body, &House::app_at("m-1", released_at)).unwrap();
        house.world.drain();
        assert!(released_at.plus(DAY) <= house.row("acc-new").unwrap().purge_at.unwrap(), "call {n}");
        assert!(house.world.cloud.vault.rows().values().all(|row| row.hold.is_none()), "call {n}");
    }
}

#[test]
fn a_held_token_that_was_only_found_unused_can_come_back() {
    let house = House::under(&two_tenants().cadence("24h"), |_, row| row);
    house.world.stores.tables.remove("acme-orders", |_| true);
    remain(&house.world);
    house.world.rounds(8, HOUR);
    assert_eq!(house.line("card-1"), "cooling unreferenced");
    house.say("hold", &held_by("case-1", &["card-1"]));
    assert_eq!(results(&house.say("reinstate", &tokens(&["card-1"]))), ["reinstated"]);
    assert!(house.line("card-1").starts_with("active"), "{}", house.line("card-1"));
    assert!(house.line("card-1").ends_with("held case-1"), "{}", house.line("card-1"));
    assert_eq!(START, house.world.now().minus(HOUR * 8));
}

#[test]
fn a_hold_on_what_is_not_there_says_so() {
    let house = House::new();
    assert_eq!(house.say("hold", &held_by("case-1", &["nobody"])).status, 404);
    let both = house.say("hold", &held_by("case-1", &["nobody", "acc-1"]));
    assert_eq!((both.status, results(&both)), (207, vec!["unknown".to_owned(), "held".to_owned()]));
    assert_eq!(both.body["results"][0]["status"], 404);
}
