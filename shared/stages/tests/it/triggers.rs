//! The table of triggers, row by row and for each column that acts: where the token stands, whether a reader lets it
//! through, when it leaves, what is on record, where it is archived, and that its neighbours are as they were.

use std::time::Duration;

use lethe_stages::intake::Sender;
use lethe_testkit::{APP, RowBuilder, START, row};

use crate::house::{
    House, SECOND, id, like, reached, results, shortly_before, start_plus, tokens, two_tenants,
};
use crate::world::{DAY, HOUR};

/// One of each auth kind, all of Alice's first sign-in.
const AUTH: [&str; 4] = ["acc-1", "code-1", "ref-1", "ses-1"];
const R30: Option<(&str, u32)> = Some(("r30", 30));
const R90: Option<(&str, u32)> = Some(("r90", 90));

/// Sorted, as [`House::touched`] names them.
fn sorted<'n>(names: &[&'n str]) -> Vec<&'n str> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names
}

/// Ends `names` one by one by their own tokens, and follows each to its end.
#[track_caller]
fn ends(trigger: &str, names: &[&str], class: Option<(&str, u32)>) {
    let house = House::new();
    let answer = house.say(trigger, &tokens(names));
    assert_eq!((answer.status, results(&answer)), (200, vec!["ended".to_owned(); names.len()]));
    house.all(names, &format!("sentenced {trigger} leaves 24h"));
    assert_eq!(house.valid(names), [""; 0]);
    assert_eq!(house.touched(), sorted(names));
    let last = if class.is_some() { "archived" } else { "erased" };
    house.follow(names, DAY, class);
    for name in names {
        let expected = [format!("sentenced {trigger} by app: ticket 7"), format!("{last} {trigger}")];
        assert_eq!(house.record(name), expected);
    }
    assert_eq!(house.touched(), sorted(names));
}

/// What ignores a trigger is not touched by it.
#[track_caller]
fn ignores(trigger: &str, name: &str) {
    let house = House::new();
    let answer = house.say(trigger, &tokens(&[name]));
    assert_eq!(results(&answer), ["kept: ignored_by_policy"]);
    assert_eq!(house.touched(), [""; 0]);
    assert_eq!(house.record(name), [""; 0]);
}

#[test]
fn expired_removes_auth_tokens_and_takes_nothing_along() {
    let end = start_plus(HOUR);
    let expiring = |name: &str, row: RowBuilder| {
        if AUTH.contains(&name) { row.expires_at(end).due_at(end) } else { row }
    };
    let house = House::with("", expiring);
    house.after(shortly_before(HOUR));
    assert_eq!(house.valid(&AUTH), AUTH);
    house.world.cloud.clock.advance(SECOND);
    // Readers need nobody to tell them.
    assert_eq!((house.valid(&AUTH), house.line("acc-1")), (vec![], "active due 1h".to_owned()));
    house.world.round();
    house.all(&AUTH, "sentenced expired leaves 25h");
    house.follow(&AUTH, DAY, R30);
    for name in AUTH {
        assert_eq!(house.record(name), ["sentenced expired", "archived expired"]);
        assert_eq!(house.world.cloud.vault.n_writes_of(&id(name)), 1);
    }
    assert_eq!(house.touched(), AUTH);
}

#[test]
fn expired_removes_vault_tokens() {
    let end = start_plus(HOUR);
    let house =
        House::with("", |name, row| if name == "card-1" { row.expires_at(end).due_at(end) } else { row });
    house.after(HOUR);
    assert_eq!(house.line("card-1"), "sentenced expired leaves 25h");
    house.follow(&["card-1"], DAY, R30);
    assert_eq!(house.record("card-1"), ["sentenced expired", "archived expired"]);
    assert_eq!(house.touched(), ["card-1"]);
}

#[test]
fn expired_costs_no_write_where_the_end_was_known_at_issue() {
    let known = ["acc-1", "card-1"];
    let house =
        House::with(
            "",
            |name, row| {
                if known.contains(&name) { row.known_end(start_plus(HOUR), DAY) } else { row }
            },
        );
    house.after(HOUR);
    assert_eq!(house.valid(&known), [""; 0]);
    house.all(&known, "active leaves 25h");
    house.follow(&known, DAY, R30);
    for name in known {
        assert_eq!(house.record(name), ["archived"]);
        assert_eq!(house.world.cloud.vault.n_writes_of(&id(name)), 0);
    }
    assert_eq!(house.touched(), known);
}

#[test]
fn consumed_removes_an_auth_token_alone() {
    ends("consumed", &["code-1"], R30);
    for name in ["acc-1", "ref-1", "ses-1"] {
        ends("consumed", &[name], R30);
    }
}

#[test]
fn consumed_rotated_logout_and_device_logout_leave_the_vault_alone() {
    for trigger in ["consumed", "rotated", "logout", "device_logout"] {
        ignores(trigger, "card-1");
    }
}

#[test]
fn rotated_ends_the_predecessor_alone() {
    for name in ["acc-1", "code-1", "ses-1"] {
        ends("rotated", &[name], R30);
    }
    // One of a family has no date before the family has ended.
    let house = House::new();
    assert_eq!(results(&house.say("rotated", &tokens(&["ref-1"]))), ["ended"]);
    assert_eq!(house.line("ref-1"), "cooling rotated due 24h");
    assert_eq!((house.touched(), house.valid(&["ref-1"])), (vec!["ref-1"], vec![]));
    house.follow(&["ref-1"], DAY, R30);
    let expected =
        ["cooled rotated by app: ticket 7", "sentenced rotated by app: ticket 7", "archived rotated"];
    assert_eq!(house.record("ref-1"), expected);
    assert_eq!(house.touched(), ["ref-1"]);
}

#[test]
fn logout_ends_the_session_and_no_other() {
    let house = House::new();
    let answer = house.say("logout", r#""subject":"alice","session":"s1""#);
    assert_eq!(reached(&answer), (200, true, 4, 1));
    house.all(&AUTH, "sentenced logout leaves 24h");
    assert_eq!((house.valid(&AUTH), house.touched()), (vec![], AUTH.to_vec()));
    house.follow(&AUTH, DAY, R30);
    for name in AUTH {
        assert_eq!(house.record(name), ["sentenced logout by app: ticket 7", "archived logout"]);
    }
    // The same session's vault token, its other sessions and everybody else's of that name are as they were.
    assert_eq!(house.touched(), AUTH);
}

#[test]
fn logout_of_a_token_ends_its_session() {
    for name in AUTH {
        let house = House::new();
        assert_eq!(results(&house.say("logout", &tokens(&[name]))), ["ended"]);
        house.all(&AUTH, "sentenced logout leaves 24h");
        assert_eq!(house.touched(), AUTH);
    }
}

#[test]
fn logout_everywhere_ends_all_of_the_subject_but_its_vault_tokens() {
    let house = House::new();
    let answer = house.say("logout", r#""subject":"alice","everywhere":true"#);
    assert_eq!(reached(&answer), (200, true, 10, 1));
    let all = ["acc-1", "acc-2", "acc-3", "code-1", "ref-1", "ref-2", "ref-3", "ses-1", "ses-2", "ses-3"];
    house.all(&all, "sentenced logout leaves 24h");
    let subject = house.subject("alice").unwrap();
    assert_eq!((subject.cutoff_of("access"), subject.cutoff_of("vault")), (Some(START.to_millis()), None));
    house.follow(&all, DAY, R30);
    for name in all {
        assert_eq!(house.record(name), ["sentenced logout by app: ticket 7", "archived logout"]);
    }
    assert_eq!(house.touched(), all);
}

#[test]
fn device_logout_ends_one_device_and_leaves_the_others_alone() {
    let of_laptop = ["acc-1", "acc-2", "code-1", "ref-1", "ref-2", "ses-1", "ses-2"];
    let house = House::new();
    let answer = house.say("device_logout", r#""subject":"alice","device":"laptop""#);
    assert_eq!(reached(&answer), (200, true, 7, 1));
    house.all(&of_laptop, "sentenced device_logout leaves 24h");
    assert_eq!((house.valid(&of_laptop), house.touched()), (vec![], of_laptop.to_vec()));
    house.follow(&of_laptop, DAY, R30);
    for name in of_laptop {
        assert_eq!(
            house.record(name),
            ["sentenced device_logout by app: ticket 7", "archived device_logout"]
        );
    }
    assert_eq!(house.touched(), of_laptop);

    let house = House::new();
    assert_eq!(results(&house.say("device_logout", &tokens(&["acc-2"]))), ["ended"]);
    assert_eq!(house.touched(), of_laptop);
}

#[test]
fn compromised_reaches_as_far_as_the_kind_says_and_is_kept_longer() {
    // A refresh token takes its family along, a session all that belongs to it, any other token nothing.
    let reaches: [(&str, &[&str]); 5] = [
        ("ref-1", &["ref-1"]),
        ("ses-1", &["acc-1", "card-1", "code-1", "ref-1", "ses-1"]),
        ("acc-1", &["acc-1"]),
        ("code-1", &["code-1"]),
        ("card-1", &["card-1"]),
    ];
    for (name, taken) in reaches {
        let house = House::new();
        assert_eq!(results(&house.say("compromised", &tokens(&[name]))), ["ended"]);
        house.all(taken, "sentenced compromised leaves 24h");
        assert_eq!((house.valid(taken), house.touched()), (vec![], taken.to_vec()), "{name}");
        house.follow(taken, DAY, R90);
        for name in taken {
            let expected = ["sentenced compromised by app: ticket 7", "archived compromised"];
            assert_eq!(house.record(name), expected);
        }
        assert_eq!(house.touched(), *taken);
    }
}

#[test]
fn compromised_family_session_and_subject_by_name() {
    let of_alice =
        ["acc-1", "acc-2", "acc-3", "card-1", "code-1", "ref-1", "ref-2", "ref-3", "ses-1", "ses-2", "ses-3"];
    let reaches: [(&str, &[&str]); 3] = [
        (r#""subject":"alice","family":"f1""#, &["ref-1"]),
        (r#""subject":"alice","session":"s2""#, &["acc-2", "ref-2", "ses-2"]),
        (r#""subject":"alice","everywhere":true"#, &of_alice),
    ];
    for (target, taken) in reaches {
        // The budget has a test of its own.
        let house = House::with("command_floor = 100", |_, row| row);
        assert_eq!(reached(&house.say("compromised", target)), (200, true, taken.len() as u64, 0));
        house.all(taken, "sentenced compromised leaves 24h");
        assert_eq!(house.touched(), taken);
    }
}

#[test]
fn compromised_and_revoked_are_never_revived() {
    for trigger in ["compromised", "revoked"] {
        let house = House::new();
        house.say(trigger, &tokens(&["card-1", "acc-1"]));
        house.after(HOUR);
        let late = house.say("read", &tokens(&["card-1", "acc-1"]));
        assert_eq!(results(&late), ["late: out_of_service", "late: out_of_service"]);
        let back = house.say("reinstate", &tokens(&["card-1", "acc-1"]));
        assert_eq!((back.status, results(&back)[0].as_str()), (409, "kept: not_revivable"));
        house.all(&["card-1", "acc-1"], &format!("sentenced {trigger} leaves 24h"));
    }
}

#[test]
fn revoked_ends_auth_tokens_alone() {
    for name in AUTH {
        ends("revoked", &[name], R30);
    }
}

#[test]
fn revoked_ends_vault_tokens_though_a_store_still_holds_them() {
    ends("revoked", &["card-1"], R30);
}

#[test]
fn account_deleted_ends_everything_of_the_subject_and_archives_nothing() {
    let of_alice =
        ["acc-1", "acc-2", "acc-3", "card-1", "code-1", "ref-1", "ref-2", "ref-3", "ses-1", "ses-2", "ses-3"];
    let house = House::with("command_floor = 100", |_, row| row);
    let answer = house.say("account_deleted", r#""subject":"alice""#);
    assert_eq!(reached(&answer), (200, true, 11, 0));
    // The time in which the deletion can be regretted.
    house.all(&of_alice, "sentenced account_deleted leaves 24h");
    assert_eq!((house.valid(&of_alice), house.touched()), (vec![], of_alice.to_vec()));
    house.follow(&of_alice, DAY, None);
    for name in of_alice {
        let expected = ["sentenced account_deleted by app: ticket 7", "erased account_deleted"];
        assert_eq!(house.record(name), expected);
    }
    assert!(house.world.cloud.archive.all_versions().is_empty());
    assert_eq!(house.touched(), of_alice);
}

#[test]
fn account_deleted_with_erase_now_waits_for_nothing() {
    let house = House::with("command_floor = 100", |_, row| row);
    house.say("account_deleted", r#""subject":"alice","erase_now":true"#);
    house.all(&["acc-1", "card-1"], "sentenced account_deleted leaves 0h");
    house.after(Duration::ZERO);
    house.all(&["acc-1", "card-1", "ref-3"], "gone");
    assert_eq!(
        house.record("card-1"),
        ["sentenced account_deleted by app: ticket 7", "erased account_deleted"]
    );
    // Asked for later, it cuts the wait short.
    let house = House::with("command_floor = 100", |_, row| row);
    house.say("account_deleted", r#""subject":"alice""#);
    house.after(HOUR);
    let answer = house.say("account_deleted", r#""subject":"alice","erase_now":true"#);
    assert_eq!(reached(&answer), (200, true, 11, 0));
    house.all(&["acc-1", "card-1"], "sentenced account_deleted leaves 1h");
    house.after(Duration::ZERO);
    assert_eq!(house.line("card-1"), "gone");
    assert_eq!(house.valid(&["acc-9", "card-9", "acc-x", "card-x"]).len(), 4);
}

#[test]
fn idle_auth_tokens_cool_with_a_date_and_a_read_brings_them_back() {
    let sections = ["access", "refresh", "session", "auth_code"]
        .map(|kind| format!("[tenants.acme.override.{kind}]\nidle_after = \"30d\"\n"))
        .join("\n");
    let due = |name: &str, row: RowBuilder| {
        if AUTH.contains(&name) { row.due_at(START) } else { row }
    };
    let house = House::with(&sections, due);
    assert_eq!(house.valid(&AUTH), AUTH);
    house.after(Duration::ZERO);
    house.all(&AUTH, "sentenced idle leaves 168h");
    assert_eq!((house.valid(&AUTH), house.touched()), (vec![], AUTH.to_vec()));
    assert!(house.answer("ses-1").may_return);
    house.after(HOUR);
    assert_eq!(results(&house.say("read", &tokens(&["ses-1"]))), ["reinstated"]);
    assert_eq!(house.valid(&["ses-1"]), ["ses-1"]);
    assert_eq!(house.record("ses-1"), ["sentenced idle", "reinstated idle by app: ticket 7"]);
    let rest = ["acc-1", "code-1", "ref-1"];
    house.follow(&rest, HOUR * 167, R30);
    for name in rest {
        assert_eq!(house.record(name), ["sentenced idle", "archived idle"]);
    }
}

#[test]
fn idle_vault_tokens_wait_for_a_verdict_run() {
    let config = two_tenants().idle_after("30d").cadence("24h");
    let house = House::empty(&config);
    // Neither is read; only one of them is still in a store.
    for name in ["card-1", "card-9"] {
        house.world.cloud.vault.insert(like(name, name).due_at(START));
    }
    house.world.store("acme-orders", &id("card-9"));
    house.world.round_quietly();
    let house = house.moved_in([("card-1", "acme"), ("card-9", "acme")]);
    house.world.expire().unwrap();
    house.world.drain();
    house.all(&["card-1", "card-9"], "cooling idle");
    assert_eq!(house.valid(&["card-1", "card-9"]), [""; 0]);
    // The first complete scan finds the one that a store holds.
    house.world.rounds(8, HOUR);
    assert_eq!(house.valid(&["card-1", "card-9"]), ["card-9"]);
    assert_eq!(house.line("card-1"), "cooling idle");
    house.world.rounds(7, DAY);
    house.world.rounds(8, HOUR);
    assert!(house.line("card-1").starts_with("sentenced idle leaves "), "{}", house.line("card-1"));
    house.world.rounds(2, DAY);
    assert_eq!(house.row("card-1"), None);
    assert_eq!(house.kept("card-1").as_deref(), Some("r30"));
    assert_eq!(house.record("card-1"), ["cooled idle", "sentenced idle", "archived idle"]);
    assert!(house.record("card-9").contains(&"reinstated idle".to_owned()));
    house.world.rounds(36, DAY);
    assert!(house.is_purged("card-1"));
}

#[test]
fn unreferenced_vault_tokens_cool_leave_by_a_verdict_run_and_are_purged() {
    let house = House::under(&two_tenants().unreferenced("retention = \"90d\"\n"), |_, row| row);
    house.world.stores.tables.remove("acme-orders", |item| {
        item.values().any(|value| *value == lethe_sources::Attribute::S(id("card-1").expose().to_owned()))
    });
    house.world.rounds(8, HOUR);
    assert_eq!(house.line("card-1"), "cooling unreferenced");
    assert_eq!(house.touched(), ["card-1"]);
    house.world.rounds(7, DAY);
    house.world.rounds(4, HOUR);
    assert!(house.line("card-1").starts_with("sentenced unreferenced leaves "), "{}", house.line("card-1"));
    house.world.rounds(2, DAY);
    assert_eq!(house.kept("card-1").as_deref(), Some("r90"));
    let expected = ["cooled unreferenced", "sentenced unreferenced", "archived unreferenced"];
    assert_eq!(house.record("card-1"), expected);
    house.after(DAY * 95);
    assert!(house.is_purged("card-1"));
    // Tokens of auth kinds are in no store either, and no scan judges them.
    assert_eq!(house.touched(), ["card-1"]);
}

#[test]
fn superseded_removes_older_auth_tokens_that_are_not_active_any_more() {
    let ended = start_plus(HOUR);
    let all = ["acc-1", "acc-2", "ref-1", "ses-1", "card-1", "acc-9", "acc-x"];
    let house = House::with("", |name, row| {
        let row = row.client("web");
        if all.contains(&name) { row.expires_at(ended) } else { row }
    });
    house.world.cloud.clock.advance(HOUR);
    let new = like("acc-1", "acc-new").client("web").created_at(house.world.now());
    let house = house.issue("acc-new", new);
    let superseded = ["acc-1", "acc-2", "ref-1", "ses-1"];
    house.all(&superseded, "sentenced superseded leaves 1h");
    // The vault ignores it; Bob's and the other tenant's have expired, and are not this subject's.
    house.all(&["card-1", "acc-9", "acc-x"], "active");
    house.all(&["acc-new", "acc-3", "ref-2", "code-1"], "active");
    assert_eq!(house.valid(&["acc-new", "acc-3"]), ["acc-new", "acc-3"]);
    house.follow(&superseded, Duration::ZERO, R30);
    for name in superseded {
        assert_eq!(house.record(name), ["sentenced superseded", "archived superseded"]);
    }
}

#[test]
fn a_cell_of_the_table_can_be_changed_for_a_kind_and_for_one_tenant() {
    let config = two_tenants().with(
        "[tenants.acme.override.session.on.logout]\nscope = \"device\"\ncool_off = \"1h\"\nretention = \"365d\"\n\
         [tenants.acme.override.access.on.revoked]\narchive = false\n\
         [tenants.acme.override.vault.on.logout]\naction = \"invalidate\"\n",
    );
    let house = House::under(&config, |_, row| row);
    house.say("logout", &tokens(&["ses-1"]));
    house.all(&["ses-1", "ses-2"], "sentenced logout leaves 1h");
    house.all(&["acc-1", "ref-2", "card-1"], "sentenced logout leaves 24h");
    house.all(&["ses-3", "ses-9", "ses-x"], "active");
    house.say("revoked", &tokens(&["acc-3"]));
    house.after(DAY);
    assert_eq!(house.kept("ses-1").as_deref(), Some("r365"));
    assert_eq!((house.line("acc-3").as_str(), house.kept("acc-3")), ("gone", None));
    // The other tenant has the shipped cells.
    let caller = house.caller(Sender::Principal(APP.to_owned()));
    house.send_as(&caller, "globex", "logout", &tokens(&["ses-x"]));
    house.all(&["acc-x", "ref-x", "ses-x"], "sentenced logout leaves 48h");
    assert_eq!(house.line("card-x"), "active");
}

#[test]
fn a_token_of_a_kind_that_the_config_does_not_know_is_kept() {
    let house = House::new();
    let odd = row("acme", &id("odd-1")).kind("mystery").subject("alice").session("s1");
    let house = house.issue("odd-1", odd);
    assert_eq!(house.say("revoked", &tokens(&["odd-1"])).status, 422);
    house.say("logout", r#""subject":"alice","session":"s1""#);
    assert_eq!(house.line("odd-1"), "active");
}
