//! Notices: reads, copies made and deleted, and the way back. None of them takes a token out of service.

use futures::executor::block_on;
use lethe_domain::audit::{Event, Standing};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::token_digest;
use lethe_stages::ports::{Control, ShardRef};
use lethe_stages::settings::Mode;
use lethe_testkit::{APP, START, Sample, row, token_named};

use crate::house::{House, SECOND, id, results, start_plus, tokens, two_tenants};
use crate::world::{DAY, HOUR};

fn told(event: &str, names: &[&str]) -> String {
    format!(r#""event_id":"{event}",{}"#, tokens(names))
}

fn read_at(names: &[&str], at: EpochSeconds) -> String {
    format!(r#"{},"at":{}"#, tokens(names), at.0)
}

/// What the ledger says of a token of acme's.
fn count_of(house: &House, name: &str) -> Option<i64> {
    let key = lethe_testkit::key("acme", &id(name), lethe_testkit::SHARDS);
    let at = ShardRef { tenant: key.tenant, shard: key.shard };
    let hash = hex::encode(token_digest(id(name).expose().as_bytes()));
    block_on(house.world.cloud.control.references(&at, &hash)).unwrap()
}

/// Alice's card was found in no store and is out of service; Bob's is where it was.
fn cooled() -> House {
    let house = House::under(&two_tenants().cadence("30d"), |_, row| row);
    house.world.stores.tables.remove("acme-orders", |item| {
        item.values().any(|value| *value == lethe_sources::Attribute::S(id("card-1").expose().to_owned()))
    });
    house.world.rounds(8, HOUR);
    assert_eq!(house.line("card-1"), "cooling unreferenced");
    house
}

#[test]
fn a_ledger_counts_each_notice_once_and_cools_nothing() {
    let house = House::new();
    let card = ["card-1"];
    for (command, event, word, count) in [
        ("created", "e-1", "noted", 1),
        ("created", "e-1", "noted", 1),
        ("created", "e-2", "noted", 2),
        ("deleted", "e-3", "noted", 1),
        ("deleted", "e-3", "noted", 1),
        ("deleted", "e-4", "candidate", 0),
        ("deleted", "e-4", "candidate", 0),
        ("created", "e-5", "noted", 1),
        ("deleted", "e-6", "candidate", 0),
    ] {
        let answer = house.say(command, &told(event, &card));
        assert_eq!((answer.status, results(&answer)), (200, vec![word.to_owned()]), "{event}");
        assert_eq!(count_of(&house, "card-1"), Some(count), "{event}");
    }
    // No copy is left, as far as the tenant tells. Its stores still hold one, and that decides.
    house.world.rounds(8, HOUR);
    house.world.rounds(10, DAY);
    assert_eq!((house.touched(), house.record("card-1")), (vec![], vec![]));
    assert!(house.world.cloud.audit.items_of(Event::Refused).is_empty());
}

#[test]
fn below_zero_is_drift_on_record_and_the_token_is_kept() {
    let house = House::new();
    let answer = house.say("deleted", &told("e-1", &["card-1", "card-9"]));
    assert_eq!(results(&answer), ["drift", "drift"]);
    assert_eq!(count_of(&house, "card-1"), Some(-1));
    let items = house.world.cloud.audit.items_of(Event::Refused);
    assert_eq!((items.len(), items[0].actor.as_deref()), (1, Some(APP)));
    assert!(items[0].reason_text.as_deref().unwrap().starts_with("drift: more copies of 2 token(s)"));
    // One that comes back makes up for it.
    assert_eq!(results(&house.say("created", &told("e-2", &["card-1"]))), ["candidate"]);
    assert_eq!(house.touched(), [""; 0]);
}

#[test]
fn a_notice_of_many_tokens_counts_each_by_itself() {
    let house = House::new();
    house.say("created", &told("e-1", &["card-1", "card-9"]));
    house.say("created", &told("e-2", &["card-9"]));
    let answer = house.say("deleted", &told("e-3", &["card-1", "card-9", "card-q"]));
    assert_eq!(results(&answer), ["candidate", "noted", "drift"]);
    assert_eq!(
        [count_of(&house, "card-1"), count_of(&house, "card-9"), count_of(&house, "card-q")],
        [Some(0), Some(1), Some(-1)]
    );
}

#[test]
fn a_token_is_one_however_it_is_spelled() {
    let config = Sample::new()
        .tenant("acme")
        .table("orders", "acme-orders", 1)
        .with("[formats.order]\ntype = \"uuid\"\n[kinds.order]\nformat = \"order\"\n");
    let text = config.text().replace("\"auth_code\"]", "\"auth_code\", \"order\"]");
    let world = crate::driver::World::new(&text);
    let say = |command: &str, event: &str, token: &str| {
        let body = format!(
            r#"{{"v":1,"tenant":"acme","command":"{command}","event_id":"{event}","tokens":["{token}"]}}"#
        );
        results(&world.command_as(&body, &House::app_at(event, START)).unwrap())
    };
    assert_eq!(say("created", "e-1", "0F8FAD5B-D9CB-469F-A165-70867728950E"), ["noted"]);
    assert_eq!(say("deleted", "e-2", "0f8fad5bd9cb469fa16570867728950e"), ["candidate"]);
}

#[test]
fn reads_are_coalesced_never_move_back_and_say_when() {
    let house = House::new();
    let card = ["card-1"];
    assert_eq!(results(&house.say("read", &tokens(&card))), ["stamped"]);
    let last_read = || house.row("card-1").unwrap().last_read_at;
    assert_eq!(last_read(), Some(START));
    // Within the kind's hour nothing is written, from the second after it is.
    house.world.cloud.clock.advance(HOUR);
    assert_eq!(results(&house.say("read", &tokens(&card))), ["kept: already_done"]);
    house.world.cloud.clock.advance(SECOND);
    assert_eq!(results(&house.say("read", &tokens(&card))), ["stamped"]);
    assert_eq!(last_read(), Some(start_plus(HOUR + SECOND)));
    let before = start_plus(HOUR);
    assert_eq!(results(&house.say("read", &read_at(&card, before))), ["kept: already_done"]);
    assert_eq!(last_read(), Some(start_plus(HOUR + SECOND)));
    assert_eq!(house.record("card-1"), [""; 0]);
    let future = house.say("read", &read_at(&card, house.world.now().plus(HOUR)));
    assert_eq!(future.status, 400);
}

#[test]
fn a_read_of_a_cooling_token_revives_it_where_its_reason_allows() {
    let house = cooled();
    let answer = house.answer("card-1");
    assert_eq!((answer.status, answer.valid, answer.may_return), (403, false, true));
    assert_eq!(results(&house.say("read", &tokens(&["card-1"]))), ["reinstated"]);
    assert_eq!(house.valid(&["card-1"]), ["card-1"]);
    assert_eq!(house.row("card-1").unwrap().last_read_at, Some(house.world.now()));
    assert_eq!(house.record("card-1"), ["cooled unreferenced", "reinstated unreferenced by app: ticket 7"]);
}

#[test]
fn a_read_of_what_is_out_of_service_for_good_is_on_record_and_rings() {
    let house = House::new();
    house.say("revoked", &tokens(&["acc-1"]));
    // Read before it ended, told of later: nobody uses it.
    let early = house.say("read", &read_at(&["acc-1"], START));
    assert_eq!((results(&early), early.report.n_late), (vec!["kept: not_revivable".to_owned()], 0));
    assert!(house.world.cloud.audit.items_of(Event::Refused).is_empty());
    house.world.cloud.clock.advance(SECOND);
    let late = house.say("read", &tokens(&["acc-1", "acc-2"]));
    assert_eq!(results(&late), ["late: out_of_service", "stamped"]);
    assert_eq!((late.status, late.report.n_late, late.report.n_changed), (200, 1, 1));
    let items = house.world.cloud.audit.items_of(Event::Refused);
    assert_eq!(items.len(), 1);
    let item = &items[0];
    assert_eq!((item.pk.as_str(), item.actor.as_deref()), ("acme#run", Some(APP)));
    let [entry] = item.entries.as_slice() else { panic!("{item:?}") };
    assert_eq!(entry.fingerprint, house.fingerprint("acc-1"));
    assert_eq!((entry.from, entry.to), (Standing::Sentenced, Standing::Sentenced));
    assert_eq!(house.line("acc-1"), "sentenced revoked leaves 24h");
}

#[test]
fn a_person_takes_back_what_cools_and_hears_clearly_when_it_is_too_late() {
    let house = cooled();
    let back = house.say("reinstate", &tokens(&["card-1"]));
    assert_eq!((back.status, results(&back)), (200, vec!["reinstated".to_owned()]));
    assert_eq!(house.valid(&["card-1"]), ["card-1"]);
    assert_eq!(results(&house.say("reinstate", &tokens(&["card-1"]))), ["kept: already_done"]);
    // The next campaign does not miss it again at once.
    house.world.rounds(10, HOUR);
    assert_eq!(house.valid(&["card-1"]), ["card-1"]);

    let house = cooled();
    house.world.rounds(7, DAY);
    house.world.rounds(4, HOUR);
    // Sentenced is not too late.
    assert!(house.line("card-1").starts_with("sentenced unreferenced"));
    house.world.rounds(2, DAY);
    assert_eq!(house.line("card-1"), "gone");
    let late = house.say("reinstate", &tokens(&["card-1"]));
    assert_eq!((late.status, results(&late)), (410, vec!["gone: too_late".to_owned()]));
    let unknown = house.say("reinstate", &tokens(&["card-q"]));
    assert_eq!((unknown.status, results(&unknown)), (404, vec!["unknown".to_owned()]));
    house.say("revoked", &tokens(&["acc-1"]));
    let last = house.say("reinstate", &tokens(&["acc-1"]));
    assert_eq!((last.status, results(&last)), (409, vec!["kept: not_revivable".to_owned()]));
    let all = house.say("reinstate", &tokens(&["card-1", "card-q", "acc-1", "card-9"]));
    assert_eq!(all.status, 207);
    let statuses: Vec<u64> = all.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [410, 404, 409, 200]);
    assert_eq!(house.line("card-9"), "active");
}

#[test]
fn what_was_erased_is_gone_too_however_long_the_record_is() {
    let house = House::new();
    house.world.cloud.set_page_size(1);
    house.say("account_deleted", r#""subject":"bob""#);
    house.after(DAY);
    assert_eq!(house.line("card-9"), "gone");
    assert_eq!(house.say("reinstate", &tokens(&["card-9"])).status, 410);
    assert_eq!(house.say("reinstate", &tokens(&["card-x"])).status, 404);
}

#[test]
fn a_sentenced_token_can_still_be_taken_back() {
    let house = cooled();
    house.world.rounds(7, DAY);
    house.world.rounds(4, HOUR);
    assert!(house.line("card-1").starts_with("sentenced unreferenced"));
    assert_eq!(results(&house.say("reinstate", &tokens(&["card-1"]))), ["reinstated"]);
    house.world.rounds(3, DAY);
    assert_eq!(house.valid(&["card-1"]), ["card-1"]);
}

#[test]
fn in_report_mode_every_command_but_a_read_is_refused_and_nothing_is_written() {
    let mut house = House::new();
    house.world.settings.mode = Mode::Report;
    let (card, subject) = (tokens(&["card-1"]), r#""subject":"alice""#);
    let commands = [
        ("rotated", tokens(&["ref-1"])),
        ("consumed", tokens(&["code-1"])),
        ("logout", format!(r#"{subject},"everywhere":true"#)),
        ("device_logout", format!(r#"{subject},"device":"laptop""#)),
        ("compromised", card.clone()),
        ("revoked", card.clone()),
        ("account_deleted", subject.to_owned()),
        ("created", told("e-1", &["card-1"])),
        ("deleted", told("e-2", &["card-1"])),
        ("hold", format!(r#"{subject},"hold_id":"case-1""#)),
        ("release", format!(r#"{card},"hold_id":"case-1""#)),
        ("reinstate", card.clone()),
        ("revoked", tokens(&["nobody"])),
    ];
    let faults = &house.world.cloud.faults;
    faults.calm();
    for (command, fields) in &commands {
        let keyed = format!(r#""idempotency_key":"k-{command}",{fields}"#);
        let answer = house.send(command, &keyed);
        assert_eq!((answer.status, &answer.body["error"]), (409, &"report_mode".into()), "{command}");
        assert!(answer.report.is_refused);
    }
    let written: Vec<_> =
        faults.calls().into_keys().filter(|call| !call.contains("current_config")).collect();
    assert_eq!(written, ["audit.record"]);
    let refused = house.world.cloud.audit.items_of(Event::Refused);
    assert_eq!(refused.len(), commands.len());
    assert!(refused.iter().all(|item| item.reason_text.as_deref() == Some("report_mode")));
    assert_eq!((house.touched(), house.subject("alice")), (vec![], None));
    assert_eq!(results(&house.say("read", &card)), ["stamped"]);
}

#[test]
fn in_report_mode_a_read_revives_nothing_and_a_late_one_is_on_record() {
    let mut house = cooled();
    house.say("revoked", &tokens(&["acc-1"]));
    house.say("rotated", &tokens(&["ref-1"]));
    house.world.settings.mode = Mode::Report;
    house.world.cloud.clock.advance(HOUR);
    let answer = house.say("read", &tokens(&["card-1"]));
    assert_eq!((answer.status, &answer.body["error"]), (409, &"report_mode".into()));
    let late = house.say("read", &tokens(&["acc-1", "ref-1"]));
    assert_eq!(results(&late), ["late: out_of_service", "reuse: family_compromised"]);
    assert_eq!((late.report.n_late, late.report.n_reused), (1, 1));
    assert_eq!(house.line("card-1"), "cooling unreferenced");
    assert!(house.line("ref-1").starts_with("cooling rotated"), "{}", house.line("ref-1"));
}

#[test]
fn a_row_that_nobody_understands_is_kept_and_said_to_be_so() {
    let house = House::new();
    house.world.cloud.vault.insert(row("acme", &token_named("odd")).kind("access"));
    house.world.drain();
    let key = row("acme", &token_named("odd")).key();
    house.world.cloud.vault.set_attribute(&key, "state", serde_json::json!({ "S": "odd" }));
    for command in ["revoked", "read", "reinstate"] {
        let answer = house.say(command, r#""tokens":["odd"]"#);
        assert_eq!((answer.status, results(&answer)), (422, vec!["unreadable".to_owned()]), "{command}");
    }
    assert!(house.world.cloud.vault.item(&key).is_some());
}
