//! Inline clean-up: an issue, a refresh and a revocation put away what the same subject and client have left behind.

use std::time::Duration;

use lethe_testkit::{RowBuilder, row};

use crate::house::{House, id, like, start_plus, tokens};
use crate::world::{DAY, HOUR};

/// What Alice's web client has left behind: expired, signed out, spent, waiting to be looked at; and what must stay.
fn left_behind(sections: &str) -> House {
    let house = House::with(sections, |name, row| {
        let row = row.client(if name == "acc-3" { "app" } else { "web" });
        match name {
            "acc-1" | "acc-3" | "acc-9" | "card-1" => row.expires_at(start_plus(HOUR)),
            "acc-2" => row.known_end(start_plus(HOUR), DAY),
            _ => row,
        }
    });
    house.say("logout", &tokens(&["ses-2"]));
    house.say("rotated", &tokens(&["ref-1"]));
    house.say("compromised", &tokens(&["ses-3"]));
    house.world.cloud.clock.advance(HOUR);
    let before = [
        "acc-1 active",
        "acc-2 sentenced logout leaves 24h",
        "acc-3 sentenced compromised leaves 24h",
        "ref-1 cooling rotated due 24h",
        "ref-2 sentenced logout leaves 24h",
        "ses-2 sentenced logout leaves 24h",
        "ses-3 sentenced compromised leaves 24h",
    ];
    assert_eq!(house.lines(&["acc-1", "acc-2", "acc-3", "ref-1", "ref-2", "ses-2", "ses-3"]), before);
    house
}

fn new(house: &House, name: &str) -> RowBuilder {
    like("acc-1", name).client("web").created_at(house.world.now())
}

/// What is put away at once, and what is not.
#[track_caller]
fn assert_cleaned(house: &House) {
    house.all(&["acc-1"], "sentenced superseded leaves 1h");
    house.all(&["acc-2", "ref-2", "ses-2"], "sentenced logout leaves 1h");
    assert_untouched(house);
}

/// Evidence, what a family still needs, another client's, Bob's, the vault's, and what is in service.
#[track_caller]
fn assert_untouched(house: &House) {
    house.all(&["ses-3", "ref-3", "acc-3"], "sentenced compromised leaves 24h");
    house.all(&["ref-1"], "cooling rotated due 24h");
    house.all(&["acc-9", "card-1", "ses-1", "code-1", "ref-9", "ses-x"], "active");
}

#[test]
fn an_issue_cleans_up() {
    let house = left_behind("");
    let row = new(&house, "acc-new");
    let house = house.issue("acc-new", row);
    assert_cleaned(&house);
    assert_eq!(house.record("acc-1"), ["sentenced superseded"]);
    house.after(Duration::ZERO);
    house.all(&["acc-1", "acc-2", "ref-2", "ses-2"], "gone");
    assert_eq!(house.kept("acc-1").as_deref(), Some("r30"));
    assert_eq!(house.kept("ref-2").as_deref(), Some("r30"));
    assert_untouched(&house);
}

#[test]
fn a_refresh_cleans_up_by_the_successor_that_it_issues() {
    let house = left_behind("");
    house.say("rotated", &tokens(&["ref-9"]));
    assert_eq!(house.line("acc-1"), "active", "Bob's refresh is nothing to Alice's tokens");
    let row = like("ref-1", "ref-b").client("web").created_at(house.world.now());
    let house = house.issue("ref-b", row);
    house.all(&["acc-1"], "sentenced superseded leaves 1h");
    house.all(&["ref-1"], "cooling rotated due 24h");
    assert_eq!(house.valid(&["ref-b"]), ["ref-b"]);
}

#[test]
fn a_token_that_is_handed_out_again_cleans_up() {
    let house = left_behind("");
    house.world.cloud.vault.reissue(house.key("ses-1"));
    house.world.drain();
    house.all(&["acc-1"], "sentenced superseded leaves 1h");
}

#[test]
fn a_revocation_cleans_up_and_stays_to_be_seen_itself() {
    let house = left_behind("");
    house.say("revoked", &tokens(&["code-1"]));
    house.all(&["acc-1"], "sentenced superseded leaves 1h");
    house.all(&["acc-2", "ref-2", "ses-2"], "sentenced logout leaves 1h");
    house.all(&["code-1"], "sentenced revoked leaves 25h");
    // It stays on record who revoked it.
    let expected = "sentenced revoked by app: ticket 7";
    assert_eq!(house.record("code-1"), [expected]);
    house.after(DAY);
    assert_eq!(house.record("code-1"), [expected, "archived revoked"]);
    assert_eq!(house.valid(&["ses-1"]), ["ses-1"]);
}

#[test]
fn other_commands_do_not_clean_up() {
    for (command, name) in
        [("consumed", "code-1"), ("logout", "ses-9"), ("rotated", "ref-1"), ("read", "ses-1")]
    {
        let house = left_behind("");
        house.say(command, &tokens(&[name]));
        assert_eq!(house.line("acc-1"), "active", "{command}");
    }
}

#[test]
fn what_a_clean_up_writes_cleans_nothing_up_again() {
    let house = left_behind("");
    let row = new(&house, "acc-new");
    let house = house.issue("acc-new", row);
    let n_writes = house.world.cloud.vault.n_writes();
    house.world.drain();
    house.world.drain();
    assert_eq!(house.world.cloud.vault.n_writes(), n_writes);
    // A second issue finds nothing more to do.
    let row = new(&house, "acc-newer");
    let house = house.issue("acc-newer", row);
    assert_eq!(house.world.cloud.vault.n_writes(), n_writes);
}

#[test]
fn a_revocation_that_waits_for_a_person_is_not_hurried() {
    // The stolen session took all of the day's budget.
    let house = left_behind("command_floor = 3");
    house.say("revoked", &tokens(&["code-1"]));
    house.all(&["acc-1"], "sentenced superseded leaves 1h");
    house.all(&["code-1"], "cooling revoked due 25h waits");
}

#[test]
fn what_is_held_is_not_cleaned_up() {
    let house = left_behind("");
    house.say("hold", &format!(r#""hold_id":"case-1",{}"#, tokens(&["acc-1", "ses-2"])));
    let row = new(&house, "acc-new");
    let house = house.issue("acc-new", row);
    house.all(&["acc-1"], "active held case-1");
    house.all(&["ses-2"], "cooling logout held case-1");
    house.all(&["ref-2"], "sentenced logout leaves 1h");
}

#[test]
fn clean_up_can_be_switched_off_for_a_kind_and_for_all() {
    let off = "[tenants.acme.override.access.cleanup]\nenable = false";
    let house = left_behind(off);
    let row = new(&house, "acc-new");
    let house = house.issue("acc-new", row);
    house.all(&["acc-1"], "active");
    house.all(&["ses-2"], "sentenced logout leaves 1h");

    let off: String = ["vault", "access", "refresh", "session", "auth_code"]
        .map(|kind| format!("[tenants.acme.override.{kind}.cleanup]\nenable = false\n"))
        .concat();
    let house = left_behind(&off);
    house.world.cloud.faults.calm();
    let row = new(&house, "acc-new");
    let house = house.issue("acc-new", row);
    house.all(&["acc-1"], "active");
    house.all(&["ses-2"], "sentenced logout leaves 24h");
}

#[test]
fn without_retention_for_the_audit_what_is_superseded_is_not_archived() {
    let house = left_behind("[tenants.acme.override.access.cleanup]\nretain_for_audit = false");
    let row = new(&house, "acc-new");
    let house = house.issue("acc-new", row);
    house.after(Duration::ZERO);
    house.all(&["acc-1", "ref-2"], "gone");
    assert_eq!(house.record("acc-1"), ["sentenced superseded", "erased superseded"]);
    assert_eq!((house.kept("acc-1"), house.kept("ref-2").as_deref()), (None, Some("r30")));
}

#[test]
fn a_token_without_a_subject_or_a_client_cleans_nothing_up() {
    let house = left_behind("");
    house.world.cloud.faults.calm();
    let row_of = |name: &str| row("acme", &id(name)).kind("access").created_at(start_plus(HOUR));
    let house = house.issue("acc-no", row_of("acc-no").subject("alice"));
    let house = house.issue("acc-neither", row_of("acc-neither").client("web"));
    house.all(&["acc-1"], "active");
    assert_eq!(house.world.cloud.faults.n_calls_of("vault.owned"), 0);
}
