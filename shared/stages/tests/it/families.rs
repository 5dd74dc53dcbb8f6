//! Families of refresh tokens: two tabs are no theft, a spent token that comes again is, and it is still known when
//! it comes late.

use std::time::Duration;

use lethe_domain::audit::Event;
use lethe_domain::time::EpochSeconds;
use lethe_stages::intake::Answer;
use lethe_testkit::START;

use crate::house::{House, SECOND, id, like, results, shortly_before, start_plus, tokens};
use crate::world::{DAY, HOUR};

/// Alice's first sign-in was refreshed at the start: `ref-b` took the place of `ref-1`.
fn refreshed() -> House {
    let house = House::new();
    assert_eq!(results(&rotated_at(&house, "ref-1", "first", START)), ["ended"]);
    house.issue("ref-b", like("ref-1", "ref-b").created_at(START))
}

/// The auth service says that it was presented with this token, in a message of this id and time.
fn rotated_at(house: &House, name: &str, message: &str, sent_at: EpochSeconds) -> Answer {
    let answer = house.send_as(&House::app_at(message, sent_at), "acme", "rotated", &tokens(&[name]));
    house.world.drain();
    answer
}

/// The tokens that a compromise of the family `f1` takes.
const FAMILY: [&str; 2] = ["ref-1", "ref-b"];

#[test]
fn two_tabs_that_refresh_at_once_are_a_retry() {
    for seconds in [0, 1, 29, 30] {
        let house = refreshed();
        house.world.cloud.clock.advance(SECOND * seconds);
        let again = rotated_at(&house, "ref-1", "second", house.world.now());
        assert_eq!((results(&again), again.report.n_reused), (vec!["kept: retry".to_owned()], 0));
        assert_eq!(house.valid(&["ref-b"]), ["ref-b"], "after {seconds} s");
        assert_eq!(house.touched(), ["ref-1"]);
    }
}

#[test]
fn past_the_leeway_it_is_a_theft_and_the_family_is_compromised() {
    for command in ["rotated", "read"] {
        let house = refreshed();
        house.world.cloud.clock.advance(SECOND * 31);
        let theft = house.say(command, &tokens(&["ref-1"]));
        assert_eq!((theft.status, results(&theft)), (200, vec!["reuse: family_compromised".to_owned()]));
        assert_eq!(theft.report.n_reused, 1);
        for name in FAMILY {
            assert!(house.line(name).starts_with("sentenced compromised"), "{command}: {}", house.line(name));
        }
        // The sign-in's other tokens, other families, and Bob's of the same name are not the family.
        assert_eq!((house.valid(&FAMILY), house.touched()), (vec![], FAMILY.to_vec()));
        assert_eq!(house.record("ref-b"), ["sentenced compromised by app: ticket 7"]);
        let alarm = house.world.cloud.audit.items_of(Event::Refused);
        assert_eq!(alarm.len(), 1);
        assert_eq!(
            alarm[0].entries.iter().map(|entry| entry.fingerprint).collect::<Vec<_>>(),
            [house.fingerprint("ref-1")]
        );
        assert_eq!(alarm[0].actor.as_deref(), Some(lethe_testkit::APP));
        house.follow(&FAMILY, DAY, Some(("r90", 90)));
    }
}

#[test]
fn the_leeway_is_the_kinds_own() {
    let sections = "[tenants.acme.override.refresh]\nreuse_leeway = \"0s\"";
    let house = House::with(sections, |_, row| row);
    rotated_at(&house, "ref-1", "first", START);
    assert_eq!(results(&rotated_at(&house, "ref-1", "again", START)), ["kept: retry"]);
    house.world.cloud.clock.advance(SECOND);
    let theft = rotated_at(&house, "ref-1", "second", house.world.now());
    assert_eq!(results(&theft), ["reuse: family_compromised"]);
}

#[test]
fn the_same_message_much_later_is_harmless() {
    let house = refreshed();
    for days in [1, 3] {
        house.after(DAY * days);
        // As the queue shows it: the same id, and sent when it was.
        let again = rotated_at(&house, "ref-1", "first", START);
        assert_eq!(results(&again), ["kept: retry"]);
    }
    assert_eq!(house.valid(&["ref-b"]), ["ref-b"]);
    assert_eq!(house.record("ref-b"), [""; 0]);
}

#[test]
fn a_message_that_says_when_it_happened_is_believed_and_not_about_the_future() {
    let house = refreshed();
    house.world.cloud.clock.advance(HOUR);
    let fields = |at: EpochSeconds| format!(r#"{},"at":{}"#, tokens(&["ref-1"]), at.0);
    // Sent an hour later, about the same moment.
    assert_eq!(results(&house.say("rotated", &fields(start_plus(SECOND * 30)))), ["kept: retry"]);
    let late = house.say("rotated", &fields(house.world.now().plus(Duration::from_secs(301))));
    assert_eq!(late.status, 400);
    assert_eq!(late.body["faults"][0], "at: lies in the future");
    let reuse = house.say("rotated", &fields(start_plus(SECOND * 31)));
    assert_eq!(results(&reuse), ["reuse: family_compromised"]);
}

#[test]
fn a_queue_that_lags_hides_no_theft() {
    let house = House::new();
    let house = house.issue("ref-b", like("ref-1", "ref-b").created_at(START));
    house.world.cloud.clock.advance(HOUR);
    // Both messages were held up for an hour; the token was used twice, ten minutes apart.
    rotated_at(&house, "ref-1", "first", START);
    let theft = rotated_at(&house, "ref-1", "second", start_plus(Duration::from_mins(10)));
    assert_eq!(results(&theft), ["reuse: family_compromised"]);
    assert_eq!(house.valid(&FAMILY), [""; 0]);
}

#[test]
fn reuse_on_day_20_is_still_seen() {
    // Refreshed every five days; each token would live for thirty.
    let names = ["ref-1", "ref-b", "ref-c", "ref-d", "ref-e"];
    let mut house =
        House::with("", |name, row| if name == "ref-1" { row.expires_at(start_plus(DAY * 30)) } else { row });
    for pair in names.windows(2) {
        let (old, new) = (pair[0], pair[1]);
        assert_eq!(results(&house.say("rotated", &tokens(&[old]))), ["ended"]);
        let issued_at = house.world.now();
        let row = like("ref-1", new).created_at(issued_at).expires_at(issued_at.plus(DAY * 30));
        house = house.issue(new, row);
        for _ in 0..5 {
            house.after(DAY);
        }
    }
    assert_eq!(house.world.now(), start_plus(DAY * 20));
    assert_eq!(house.line("ref-1"), "cooling rotated due 744h");
    assert_eq!(house.valid(&names), ["ref-e"]);
    let theft = house.say("rotated", &tokens(&["ref-1"]));
    assert_eq!(results(&theft), ["reuse: family_compromised"]);
    for name in names {
        assert_eq!(house.line(name), "sentenced compromised leaves 504h", "{name}");
    }
    assert_eq!(house.touched(), ["ref-1", "ref-b", "ref-c", "ref-d", "ref-e"]);
    house.follow(&names, DAY, Some(("r90", 90)));
}

/// `ref-1`, which would have lived for two days, was replaced at once by `ref-b`, which lives for thirty.
fn long_family(known_end: bool) -> House {
    let house =
        House::with("", |name, row| if name == "ref-1" { row.expires_at(start_plus(DAY * 2)) } else { row });
    house.say("rotated", &tokens(&["ref-1"]));
    let (end, row) = (start_plus(DAY * 30), like("ref-1", "ref-b").created_at(START));
    let row = if known_end { row.known_end(end, DAY) } else { row.expires_at(end).due_at(end) };
    house.issue("ref-b", row)
}

#[test]
fn a_spent_token_leaves_a_day_after_its_familys_last_live_member() {
    for known_end in [false, true] {
        let house = long_family(known_end);
        assert_eq!(house.line("ref-1"), "cooling rotated due 72h");
        for _ in 0..30 {
            house.after(DAY);
            assert!(house.row("ref-1").is_some(), "on {}", house.world.now());
        }
        house.after(shortly_before(DAY));
        assert_eq!(house.line("ref-1"), "cooling rotated due 744h");
        house.after(SECOND);
        assert_eq!(house.line("ref-1"), "gone");
        assert_eq!(house.kept("ref-1").as_deref(), Some("r30"));
        let expected =
            ["cooled rotated by app: ticket 7", "sentenced rotated by app: ticket 7", "archived rotated"];
        assert_eq!(house.record("ref-1"), expected);
        house.after(DAY);
        assert_eq!(house.line("ref-b"), "gone");
    }
}

#[test]
fn a_family_that_goes_on_keeps_its_spent_tokens_and_one_that_ends_early_lets_them_go() {
    let house = long_family(false);
    for _ in 0..25 {
        house.after(DAY);
    }
    house.say("rotated", &tokens(&["ref-b"]));
    let (issued_at, end) = (house.world.now(), start_plus(DAY * 55));
    let row = like("ref-1", "ref-c").created_at(issued_at).expires_at(end).due_at(end);
    let house = house.issue("ref-c", row);
    for _ in 25..35 {
        house.after(DAY);
    }
    house.all(&["ref-1", "ref-b"], "cooling rotated due 1344h");
    // Signed out on day 35: nobody lives any more, and what was spent still goes, on the day it was put off to.
    house.say("logout", r#""subject":"alice","session":"s1""#);
    assert_eq!(house.line("ref-c"), "sentenced logout leaves 864h");
    house.all(&["ref-1", "ref-b"], "cooling rotated due 1344h");
    for _ in 35..56 {
        house.after(DAY);
    }
    house.all(&["ref-1", "ref-b", "ref-c"], "gone");
}

#[test]
fn a_member_in_service_without_an_end_keeps_the_spent_ones_for_as_long() {
    let house = refreshed();
    for _ in 0..40 {
        house.after(DAY);
    }
    assert!(house.line("ref-1").starts_with("cooling rotated due"), "{}", house.line("ref-1"));
    assert_eq!(house.valid(&["ref-b"]), ["ref-b"]);
}

#[test]
fn a_family_is_found_over_many_pages_of_the_index() {
    let house = long_family(false);
    house.world.cloud.set_page_size(1);
    for _ in 0..4 {
        house.after(DAY);
    }
    // The only live member was found, on whichever page it lies.
    assert_eq!(house.line("ref-1"), "cooling rotated due 744h");
    let theft = house.say("rotated", &tokens(&["ref-1"]));
    assert_eq!(results(&theft), ["reuse: family_compromised"]);
    assert_eq!(house.valid(&FAMILY), [""; 0]);
}

#[test]
fn a_spent_token_of_no_known_family_takes_its_session_along() {
    let house = House::new();
    let house = house.issue("ref-0", {
        let row = lethe_testkit::row("acme", &id("ref-0"));
        row.kind("refresh").subject("alice").session("s1").device("laptop")
    });
    house.say("rotated", &tokens(&["ref-0"]));
    assert_eq!(house.line("ref-0"), "sentenced rotated leaves 24h");
    house.world.cloud.clock.advance(SECOND * 31);
    assert_eq!(results(&house.say("rotated", &tokens(&["ref-0"]))), ["reuse: family_compromised"]);
    assert_eq!(house.touched(), ["acc-1", "card-1", "code-1", "ref-0", "ref-1", "ses-1"]);
}

#[test]
fn two_stolen_tokens_in_one_message_compromise_both_families() {
    let house = House::new();
    house.say("rotated", &tokens(&["ref-1", "ref-2"]));
    let house = house.issue("ref-b", like("ref-1", "ref-b")).issue("ref-c", like("ref-2", "ref-c"));
    house.world.cloud.clock.advance(HOUR);
    let theft = house.say("rotated", &tokens(&["ref-1", "ref-3", "ref-2"]));
    assert_eq!(results(&theft), ["reuse: family_compromised", "ended", "reuse: family_compromised"]);
    assert_eq!((theft.status, theft.report.n_reused, theft.report.n_changed), (200, 2, 1));
    assert_eq!(house.touched(), ["ref-1", "ref-2", "ref-3", "ref-b", "ref-c"]);
    assert_eq!(house.line("ref-3"), "cooling rotated due 25h");
    for name in ["ref-1", "ref-2", "ref-b", "ref-c"] {
        assert!(house.line(name).starts_with("sentenced compromised"), "{}", house.line(name));
    }
}

#[test]
fn an_ended_access_token_never_takes_its_refresh_token_along() {
    let end = start_plus(HOUR);
    for trigger in ["revoked", "compromised", "consumed", "expired"] {
        let house = House::with("", |name, row| {
            let row = row.client("web");
            if name == "acc-1" { row.expires_at(end).due_at(end) } else { row }
        });
        if trigger == "expired" {
            house.after(HOUR);
        } else {
            house.say(trigger, &tokens(&["acc-1"]));
        }
        house.after(DAY * 2);
        assert_eq!(house.line("acc-1"), "gone", "{trigger}");
        assert_eq!(house.touched(), ["acc-1"], "{trigger}");
        assert_eq!(house.valid(&["ref-1", "ses-1"]), ["ref-1", "ses-1"], "{trigger}");
    }
}
