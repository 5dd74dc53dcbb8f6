//! Who may say what, how often, and how much of it without a person.

use futures::executor::block_on;
use lethe_domain::audit::{AuditItem, Event};
use lethe_domain::event::AnnouncedEvent;
use lethe_domain::time::EpochSeconds;
use lethe_stages::intake::{Answer, Intake, Sender};
use lethe_stages::invocation::Invocation;
use lethe_stages::ports::Control;
use lethe_testkit::{APP, FakeCloud, START, Sample, row, tenant, token_named};

use crate::house::{House, SECOND, id, results, shortly_before, tokens, two_tenants};
use crate::world::{DAY, HOUR};

const AUTH_ROLE: &str = "arn:aws:iam::123456789012:role/path/auth";
const AUTH_SESSION: &str = "arn:aws:sts::123456789012:assumed-role/auth/i-0123";
const STAFF_ID: &str = "AROAEXAMPLEEXAMPLE123";

/// Acme lets its auth service, the issuers' queue, the tenants' queue and its staff in; globex its own app alone.
fn guarded() -> House {
    let acme = format!(
        r#"auth = {{ principals = ["{AUTH_ROLE}"], may = ["logout", "read"] }}
issuers = {{ queue = "issuer", may = ["rotated", "consumed"] }}
stores = {{ queue = "tenant", may = ["created", "deleted"] }}
staff = {{ queue = "operator", principals = ["{STAFF_ID}"], may = ["hold", "revoked"] }}
"#
    );
    let globex = format!("app = {{ principals = [\"{APP}\"], may = [\"logout\", \"revoked\"] }}\n");
    let config = Sample::new().tenant("acme").callers(&acme).table("orders", "acme-orders", 1);
    let config = config.tenant("globex").callers(&globex).table("orders", "globex-orders", 1);
    House::under(&config.cadence("30d"), |_, row| row)
}

fn principal(arn: &str) -> Sender {
    Sender::Principal(arn.to_owned())
}

fn queue(class: &str, sender: Option<&str>) -> Sender {
    Sender::Queue { class: class.to_owned(), sender: sender.map(str::to_owned) }
}

fn says(house: &House, sender: Sender, tenant: &str, command: &str, fields: &str) -> Answer {
    let answer = house.send_as(&house.caller(sender), tenant, command, fields);
    house.world.drain();
    answer
}

fn refused(house: &House) -> Vec<AuditItem> {
    house.world.cloud.audit.items_of(Event::Refused)
}

/// The caller is turned away, nothing happens, and the tenant's record says who it was.
#[track_caller]
fn assert_forbidden(house: &House, sender: Sender, tenant: &str, command: &str, fields: &str) {
    let n_before = refused(house).len();
    let caller = house.caller(sender);
    let answer = house.send_as(&caller, tenant, command, fields);
    house.world.drain();
    assert_eq!((answer.status, &answer.body["error"]), (403, &"forbidden".into()), "{command}");
    assert!(answer.report.is_refused);
    let items = refused(house);
    assert_eq!(items.len(), n_before + 1);
    let item = items.iter().find(|item| item.sk == format!("refused#{}", caller.id)).unwrap();
    assert_eq!(item.pk, format!("{tenant}#run"));
    assert_eq!((item.actor.clone(), item.reason_text.as_deref()), (Some(caller.actor()), Some("forbidden")));
    assert!(item.entries.is_empty());
}

#[test]
fn a_caller_of_one_tenant_cannot_command_another() {
    let house = guarded();
    assert_forbidden(&house, principal(AUTH_SESSION), "globex", "logout", &tokens(&["ses-x"]));
    assert_forbidden(&house, principal(APP), "acme", "logout", &tokens(&["ses-1"]));
    assert_forbidden(&house, queue("issuer", None), "globex", "rotated", &tokens(&["ref-x"]));
    assert_eq!(house.touched(), [""; 0]);
    assert_eq!(says(&house, principal(APP), "globex", "logout", &tokens(&["ses-x"])).status, 200);
    assert_eq!(house.touched(), ["acc-x", "ref-x", "ses-x"]);
}

#[test]
fn a_tenant_that_does_not_exist_looks_like_one_that_is_not_the_callers() {
    let house = guarded();
    let other = says(&house, principal(AUTH_SESSION), "globex", "logout", &tokens(&["ses-x"]));
    let none = says(&house, principal(AUTH_SESSION), "initech", "logout", &tokens(&["ses-x"]));
    assert_eq!((other.status, &other.body), (none.status, &none.body));
    let items = refused(&house);
    let places: Vec<&str> = items.iter().map(|item| item.pk.as_str()).collect();
    assert_eq!(places, ["globex#run", "refused"]);
}

#[test]
fn a_trigger_that_is_not_allowed_is_refused() {
    let house = guarded();
    for (command, fields) in [
        ("revoked", tokens(&["acc-1"])),
        ("account_deleted", r#""subject":"alice""#.to_owned()),
        ("hold", format!(r#""hold_id":"case-1",{}"#, tokens(&["acc-1"]))),
        ("reinstate", tokens(&["acc-1"])),
        ("created", format!(r#""event_id":"e-1",{}"#, tokens(&["card-1"]))),
    ] {
        assert_forbidden(&house, principal(AUTH_SESSION), "acme", command, &fields);
    }
    assert_eq!(house.touched(), [""; 0]);
    assert_eq!(says(&house, principal(AUTH_SESSION), "acme", "read", &tokens(&["acc-1"])).status, 200);
    assert_eq!(says(&house, principal(AUTH_SESSION), "acme", "logout", &tokens(&["acc-1"])).status, 200);
    // On record is the session of the role, as it was shown.
    let expected = format!("sentenced logout by {}: ticket 7", "i-0123");
    assert_eq!(house.record("acc-1"), [expected]);
}

#[test]
fn each_queue_is_a_class_of_callers() {
    let house = guarded();
    let rotated = tokens(&["ref-1"]);
    assert_forbidden(&house, queue("tenant", None), "acme", "rotated", &rotated);
    assert_forbidden(&house, queue("operator", Some(STAFF_ID)), "acme", "rotated", &rotated);
    assert_forbidden(&house, queue("issuer", None), "acme", "logout", &tokens(&["ses-1"]));
    assert_eq!(
        says(&house, queue("issuer", Some("AIDAANYBODY12345")), "acme", "rotated", &rotated).status,
        200
    );
    assert_eq!(house.record("ref-1"), ["cooled rotated by queue:issuer AIDAANYBODY12345: ticket 7"]);
    let created = format!(r#""event_id":"e-1",{}"#, tokens(&["card-1"]));
    assert_eq!(says(&house, queue("tenant", None), "acme", "created", &created).status, 200);
    // Where the class lists principals too, the sender must be one of them, whatever its session.
    let hold = format!(r#""hold_id":"case-1",{}"#, tokens(&["acc-1"]));
    for sender in [None, Some("AROASOMEBODYELSE12"), Some("AROASOMEBODYELSE12:alice"), Some("")] {
        assert_forbidden(&house, queue("operator", sender), "acme", "hold", &hold);
    }
    let session = format!("{STAFF_ID}:alice");
    assert_eq!(says(&house, queue("operator", Some(&session)), "acme", "hold", &hold).status, 200);
    // The class is the queue's: over the URL the same role may nothing.
    assert_eq!(house.record("acc-1"), [format!("held by queue:operator {session}: ticket 7")]);
}

#[test]
fn whoever_the_way_in_cannot_name_may_nothing() {
    let house = guarded();
    for command in ["logout", "read", "revoked"] {
        assert_forbidden(&house, Sender::Nobody, "acme", command, &tokens(&["acc-1"]));
    }
    assert!(refused(&house).iter().all(|item| item.actor.as_deref() == Some("nobody")));
    assert_eq!(house.touched(), [""; 0]);
}

#[test]
fn what_is_not_a_command_is_refused_with_every_fault_and_without_a_word_of_it() {
    let house = House::new();
    let secret = id("acc-1");
    let body = format!(
        r#"{{"v":2,"tenant":"ACME","command":"revoked","tokens":["{0}","{0}"],"{0}":1,"at":"{0}"}}"#,
        secret.expose()
    );
    let caller = house.caller(principal(APP));
    let answer = house.world.command_as(&body, &caller).unwrap();
    assert_eq!((answer.status, &answer.body["error"]), (400, &"bad_command".into()));
    assert!(4 <= answer.body["faults"].as_array().unwrap().len(), "{}", answer.body);
    let too_many: Vec<String> = (0..101).map(|n| format!("\"t-{n}\"")).collect();
    let fields = format!(r#""tokens":[{}]"#, too_many.join(","));
    assert_eq!(house.say("revoked", &fields).status, 413);
    let long = format!("{}{}", tokens(&["acc-1"]), " ".repeat(64 * 1024));
    assert_eq!(house.say("revoked", &long).status, 413);
    let told = format!("{:?} {:?}", answer.body, house.world.cloud.audit.items());
    assert!(!told.contains(secret.expose()), "{told}");
    assert_eq!((refused(&house).len(), house.touched()), (3, vec![]));
}

#[test]
fn a_reason_that_names_a_secret_is_refused() {
    let house = House::new();
    let caller = |house: &House| house.caller(principal(APP));
    let send = |text: &str, fields: &str| {
        let body =
            format!(r#"{{"v":1,"tenant":"acme","command":"revoked","reason_text":"{text}",{fields}}}"#);
        house.world.command_as(&body, &caller(&house)).unwrap().status
    };
    assert_eq!(send(&format!("see {}", id("acc-1").expose()), &tokens(&["acc-1"])), 400);
    assert_eq!(send(&format!("see {}", id("card-9").expose()), &tokens(&["acc-1"])), 400);
    assert_eq!(send("see ticket 7", &tokens(&["acc-1"])), 200);
    assert!(!format!("{:?}", house.world.cloud.audit.items()).contains(id("card-9").expose()));
}

#[test]
fn nobody_commands_before_a_config_was_applied() {
    let (cloud, settings) = (FakeCloud::new(), House::new().world.settings);
    let intake =
        Intake { control: &cloud.control, audit: &cloud.audit, vault: &cloud.vault, settings: &settings };
    let body = format!(r#"{{"v":1,"tenant":"acme","command":"revoked",{}}}"#, tokens(&["acc-1"]));
    let invocation = Invocation { now: START, should_pause: &|| false, has_come: &|_| false };
    let answer = block_on(intake.command(&body, &House::app_at("m-1", START), invocation)).unwrap();
    assert_eq!((answer.status, &answer.body["error"]), (409, &"no_config".into()));
    assert_eq!(cloud.audit.items_of(Event::Refused).len(), 1);
}

#[test]
fn the_same_key_and_text_get_the_same_answer_and_do_nothing_again() {
    let house = House::new();
    let fields = format!(r#""idempotency_key":"k-1",{}"#, tokens(&["acc-1", "nobody"]));
    let send = || says(&house, principal(APP), "acme", "revoked", &fields);
    let first = send();
    assert_eq!((first.status, results(&first)), (207, vec!["ended".to_owned(), "unknown".to_owned()]));
    let n_writes = house.world.cloud.vault.n_writes();
    house.world.cloud.clock.advance(HOUR);
    let again = send();
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(house.world.cloud.vault.n_writes(), n_writes);
    // Another text under the same key is a mistake of the sender's.
    let other = format!(r#""idempotency_key":"k-1",{}"#, tokens(&["acc-2"]));
    let conflict = says(&house, principal(APP), "acme", "revoked", &other);
    assert_eq!((conflict.status, &conflict.body["error"]), (409, &"idempotency_conflict".into()));
    assert_eq!(house.touched(), ["acc-1"]);
    // Keys are a tenant's own.
    let globex = format!(r#""idempotency_key":"k-1",{}"#, tokens(&["acc-x"]));
    assert_eq!(says(&house, principal(APP), "globex", "revoked", &globex).status, 200);
    assert_eq!(house.touched(), ["acc-1", "acc-x"]);
}

#[test]
fn a_key_does_not_let_a_caller_in() {
    let house = guarded();
    let fields = format!(r#""idempotency_key":"k-1",{}"#, tokens(&["ses-1"]));
    assert_eq!(says(&house, principal(AUTH_SESSION), "acme", "logout", &fields).status, 200);
    assert_forbidden(&house, principal(APP), "acme", "logout", &fields);
}

#[test]
fn what_failed_for_the_moment_is_not_kept_as_an_answer() {
    let house = House::new();
    let fields = format!(r#""idempotency_key":"k-1",{}"#, tokens(&["acc-late"]));
    assert_eq!(house.say("revoked", &fields).status, 404);
    let row = row("acme", &id("acc-late")).kind("access");
    let house = house.issue("acc-late", row);
    assert_eq!(results(&house.say("revoked", &fields)), ["ended"]);
}

/// So many tokens of nobody, beside whom the budget is counted.
fn house_of(n: u64, sections: &str) -> House {
    let house = House::empty(&two_tenants().with(sections));
    for n in 0..n {
        house.world.cloud.vault.insert(row("acme", &nth(n)).kind("access").subject("many"));
    }
    house.world.round_quietly();
    // The walk counts what there is.
    house.world.reconcile().unwrap();
    house
}

fn nth(n: u64) -> lethe_domain::token::TokenId {
    token_named(&format!("access-token-number-{n:06}"))
}

fn these(numbers: std::ops::Range<u64>) -> String {
    let ids: Vec<String> = numbers.map(|n| format!("\"{}\"", nth(n).expose())).collect();
    format!(r#""tokens":[{}]"#, ids.join(","))
}

/// How many are sentenced, and how many wait; all of them are out of service.
fn split(house: &House) -> (usize, usize) {
    let rows = house.world.cloud.vault.rows();
    let ended: Vec<_> = rows.values().filter(|row| row.reason.is_some()).collect();
    assert!(ended.iter().all(|row| row.state == lethe_domain::row::State::Cooling));
    let waits = |row: &&&lethe_domain::row::VaultRow| row.waits_for.is_some();
    assert!(ended.iter().filter(waits).all(|row| row.purge_at.is_none() && row.due_at.is_some()));
    let n_waiting = ended.iter().filter(waits).count();
    (ended.iter().filter(|row| row.purge_at.is_some()).count(), n_waiting)
}

fn gated(house: &House) -> Vec<AuditItem> {
    house.world.cloud.audit.items_of(Event::Gated)
}

fn n_announced(house: &House) -> usize {
    let published = house.world.cloud.bus.published();
    published.iter().filter(|event| event.event == AnnouncedEvent::PlanWaiting).count()
}

/// The operator approves the commands of the day that this moment lies in.
fn approve_day_of(house: &House, moment: EpochSeconds) {
    let (now, day) = (house.world.now(), house.world.settings.limits.budget_day_of(moment));
    let control = &house.world.cloud.control;
    assert!(block_on(control.approve_budget(&tenant("acme"), day, "arn:operator", now)).unwrap());
}

#[test]
fn the_command_budget_is_the_floor_or_the_share_whichever_is_more() {
    // Tokens, sections, and how many may leave.
    for (n, sections, limit) in [
        (30, "command_floor = 5", 5),
        (30, "command_floor = 0", 0),
        (30, "command_floor = 2\ncommand_percent = 10", 3),
        (40, "", 10),
    ] {
        let house = house_of(n, sections);
        house.say("revoked", &these(0..limit));
        assert_eq!(split(&house), (usize::try_from(limit).unwrap(), 0), "{sections}");
        assert!(gated(&house).is_empty() && n_announced(&house) == 0);
        // One above: out of service at once, and no date.
        let answer = house.say("revoked", &these(limit..limit + 1));
        assert_eq!((results(&answer), answer.report.n_waiting), (vec!["ended".to_owned()], 1));
        assert_eq!(split(&house), (usize::try_from(limit).unwrap(), 1), "{sections}");
        assert_eq!((gated(&house).len(), n_announced(&house)), (1, 1));
    }
}

#[test]
fn a_command_that_passes_the_limit_is_divided_at_it() {
    let house = house_of(40, "");
    let answer = house.say("revoked", &these(0..25));
    assert_eq!((answer.status, answer.report.n_changed, answer.report.n_waiting), (200, 25, 15));
    assert_eq!(split(&house), (10, 15));
    let item = &gated(&house)[0];
    assert_eq!(item.tenants, [(tenant("acme"), 15)].into());
    let text = item.reason_text.as_deref().unwrap();
    assert!(text.contains("10 tokens") && text.contains("lethe approve-commands acme"), "{text}");
    // The rest of the day everything waits, and it is said once on record.
    house.world.cloud.clock.advance(HOUR);
    house.say("revoked", &these(25..30));
    assert_eq!((split(&house), gated(&house).len()), ((10, 20), 1));
}

#[test]
fn what_waits_stays_for_as_long_as_nobody_approves_and_leaves_when_somebody_does() {
    let house = house_of(30, "command_floor = 5");
    house.say("revoked", &these(0..8));
    house.after(DAY);
    house.after(DAY * 3);
    assert_eq!(split(&house), (0, 3));
    assert_eq!(house.world.cloud.archive.records().len(), 5);
    let n_announced_before = n_announced(&house);
    // A late approval: the cool-off is over already.
    approve_day_of(&house, START);
    house.after(HOUR * 6);
    assert_eq!((split(&house), house.world.cloud.archive.records().len()), ((0, 0), 8));
    assert_eq!(n_announced(&house), n_announced_before);
}

#[test]
fn an_approval_in_time_costs_no_time() {
    let house = house_of(30, "command_floor = 5");
    house.say("revoked", &these(0..8));
    house.after(HOUR);
    approve_day_of(&house, START);
    house.after(shortly_before(HOUR * 23));
    assert_eq!(split(&house), (5, 3));
    house.after(SECOND);
    assert_eq!((split(&house), house.world.cloud.archive.records().len()), ((0, 0), 8));
}

#[test]
fn an_approval_is_for_what_had_ended_when_it_was_given() {
    let house = house_of(30, "command_floor = 5");
    house.say("revoked", &these(0..8));
    house.after(HOUR);
    approve_day_of(&house, START);
    house.world.cloud.clock.advance(SECOND);
    house.say("revoked", &these(8..10));
    assert_eq!(split(&house), (5, 5));
    house.after(HOUR * 26);
    assert_eq!(split(&house), (0, 2));
    house.after(DAY * 3);
    assert_eq!(split(&house), (0, 2));
    // A further approval of that day lets them go too.
    approve_day_of(&house, START);
    house.after(HOUR * 6);
    assert_eq!(split(&house), (0, 0));
}

#[test]
fn a_new_day_has_a_budget_of_its_own_and_does_not_free_what_waits() {
    let house = house_of(30, "command_floor = 5");
    house.say("revoked", &these(0..8));
    let next_day = house.world.settings.limits.budget_day_of(house.world.now()).plus(DAY);
    house.world.cloud.clock.set(EpochSeconds(next_day.0 - 1));
    house.say("revoked", &these(8..9));
    assert_eq!(split(&house), (5, 4));
    house.world.cloud.clock.set(next_day);
    house.say("revoked", &these(9..14));
    assert_eq!(split(&house), (10, 4));
    house.say("revoked", &these(14..15));
    assert_eq!((split(&house), gated(&house).len()), ((10, 5), 2));
}

#[test]
fn everyday_life_is_not_counted_and_what_is_lost_for_good_is() {
    let house =
        house_of(30, "command_floor = 1\n[tenants.acme.override.vault.on.logout]\naction = \"invalidate\"");
    for n in 0..3 {
        house.world.cloud.vault.insert(row("acme", &lethe_testkit::token(n)).subject("many"));
    }
    house.world.drain();
    for command in ["consumed", "rotated", "logout"] {
        house.say(command, &these(0..10));
    }
    assert_eq!(split(&house), (10, 0));
    // Of a vault token the data is lost, whatever the reason.
    let cards: Vec<String> = (0..3).map(|n| format!("\"{}\"", lethe_testkit::token(n).expose())).collect();
    house.say("logout", &format!(r#""tokens":[{}]"#, cards.join(",")));
    assert_eq!(split(&house), (11, 2));
}

#[test]
fn a_whole_subject_is_cut_off_at_once_and_its_removal_waits() {
    let house = house_of(300, "command_floor = 20\ncommand_percent = 0");
    house.say("account_deleted", r#""subject":"many""#);
    house.world.reconcile().unwrap();
    assert_eq!(split(&house), (20, 280));
    assert_eq!(gated(&house).len(), 1);
    // One for each worker that met the limit, and not one for each page.
    assert_eq!(n_announced(&house), 2);
    // Nor does asking to erase it now go past the person who has to look.
    let answer = house.say("account_deleted", r#""subject":"many","erase_now":true"#);
    assert_eq!(answer.status, 202);
    house.world.reconcile().unwrap();
    assert_eq!(split(&house), (0, 280));
    house.after(DAY * 2);
    assert_eq!(split(&house), (0, 280));
    approve_day_of(&house, START);
    house.after(HOUR * 6);
    assert_eq!(split(&house), (0, 0));
    assert!(house.world.cloud.archive.all_versions().is_empty());
}

#[test]
fn what_was_sentenced_before_the_budget_was_used_up_keeps_its_date() {
    let house = house_of(30, "command_floor = 5");
    house.say("logout", &these(0..8));
    house.world.cloud.clock.advance(HOUR);
    house.say("compromised", &these(0..8));
    assert_eq!(split(&house), (8, 0));
    let rows = house.world.cloud.vault.rows();
    let leaves = START.plus(DAY);
    assert!((0..8).all(|n| rows[&nth(n)].purge_at == Some(leaves)));
}

#[test]
fn what_ends_under_a_hold_is_counted_and_waits_for_the_person_after_its_release() {
    let house = house_of(30, "command_floor = 1\ncommand_percent = 0");
    let held = |numbers| format!(r#""hold_id":"case-1",{}"#, these(numbers));
    house.say("hold", &held(0..3));
    let answer = house.say("revoked", &these(0..3));
    assert_eq!((answer.report.n_changed, answer.report.n_waiting, gated(&house).len()), (3, 2, 1));
    assert!(house.world.cloud.vault.rows().values().all(|row| row.purge_at.is_none()));
    house.after(HOUR);
    house.say("release", &held(0..3));
    assert_eq!(split(&house), (1, 2));
    house.after(DAY * 3);
    assert_eq!(split(&house), (0, 2));
    // The approval is for the day on which they ended.
    approve_day_of(&house, START);
    house.after(HOUR * 6);
    assert_eq!((split(&house), house.world.cloud.archive.records().len()), ((0, 0), 3));
}
