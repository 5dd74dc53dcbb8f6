//! Commands that reach many tokens: the subject's row first, the rest in bounded pieces, by whoever comes next.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use lethe_domain::fan_out::FanOut;
use lethe_domain::policy::Trigger;
use lethe_domain::row::{VaultRow, is_good};
use lethe_domain::token::TokenId;
use lethe_stages::intake::{Answer, Caller, Sender};
use lethe_testkit::{APP, FaultKind, RowBuilder, START, row, token_named};
use serde_json::json;

use crate::house::{House, SECOND, id, like, reached, results, shortly_before, tokens, two_tenants};
use crate::world::HOUR;

const MINUTE: Duration = Duration::from_mins(1);
const EVERYWHERE: &str = r#""subject":"many","everywhere":true"#;

fn nth(n: u64) -> TokenId {
    token_named(&format!("access-token-number-{n:06}"))
}

fn of_many(n: u64) -> RowBuilder {
    row("acme", &nth(n)).kind("access").subject("many").session("s1").device("laptop")
}

/// A subject with so many tokens, and one neighbour.
fn crowd(n: u64) -> House {
    let house = House::empty(&two_tenants());
    for n in 0..n {
        house.world.cloud.vault.insert(of_many(n));
        if n % 1000 == 0 {
            drop(house.world.cloud.vault.drain_stream());
        }
    }
    drop(house.world.cloud.vault.drain_stream());
    house.issue("acc-9", like("acc-9", "acc-9"))
}

/// How many tokens of the subject stand for which reason.
fn reasons(house: &House) -> BTreeMap<Option<Trigger>, u64> {
    let mut reasons = BTreeMap::new();
    for row in house.world.cloud.vault.rows().into_values() {
        if row.owner.subject.as_deref() == Some("many") {
            *reasons.entry(row.reason).or_default() += 1;
        }
    }
    reasons
}

fn all_for(reason: Option<Trigger>, n: u64) -> BTreeMap<Option<Trigger>, u64> {
    BTreeMap::from([(reason, n)])
}

/// How many of the subject's tokens a reader lets through.
fn n_valid(house: &House) -> usize {
    let (subject, now) = (house.subject("many"), house.world.now());
    let of_subject = |row: &VaultRow| row.owner.subject.as_deref() == Some("many");
    let rows = house.world.cloud.vault.rows().into_values().filter(of_subject);
    rows.filter(|row| is_good(row, subject.as_ref(), now)).count()
}

fn n_waiting(house: &House) -> usize {
    house.world.cloud.control.all_fan_outs().len()
}

/// The second look, too, is over.
fn look_again(house: &House) {
    house.after(MINUTE * 2);
    assert_eq!(n_waiting(house), 0);
}

fn keyed(key: &str, fields: &str) -> String {
    format!(r#""idempotency_key":"{key}",{fields}"#)
}

/// Ends all of a subject's `n` tokens: returns when its row is written, from when on no reader lets one through, and
/// the rest costs one write a token and few other calls.
#[track_caller]
#[expect(clippy::print_stdout, reason = "how many calls it took is worth a look")]
fn ends_everything(n: u64, command: &str, fields: &str, trigger: Trigger) {
    let house = crowd(n);
    let (faults, vault) = (&house.world.cloud.faults, &house.world.cloud.vault);
    faults.calm();
    let sent_at = house.world.cloud.clock.millis();
    let answer = house.send(command, fields);
    let (status, is_complete, n_ended, _) = reached(&answer);
    assert_eq!((status, is_complete), (202, false));
    // A first piece is done, and every one of them is out of service already.
    assert!(n_ended < 400 && faults.n_calls() < 500, "{n_ended} ended, {} calls", faults.n_calls());
    assert_eq!((faults.n_calls_of("vault.write_subject"), n_valid(&house)), (1, 0));
    // One that is issued in the same millisecond is cut off too, and one a millisecond later is not.
    let late = of_many(n).key();
    vault.insert(of_many(n));
    for (created_at, is_alive) in [(sent_at.0, false), (sent_at.0 + 1, true)] {
        vault.set_attribute(&late, "created_at", json!({ "N": created_at.to_string() }));
        let row = vault.row(&late).unwrap();
        assert_eq!(is_good(&row, house.subject("many").as_ref(), house.world.now()), is_alive);
    }
    house.world.reconcile().unwrap();
    house.world.cloud.clock.advance(MINUTE * 2);
    house.world.reconcile().unwrap();
    assert_eq!(n_waiting(&house), 0);
    assert_eq!(reasons(&house), BTreeMap::from([(None, 1), (Some(trigger), n)]));
    assert_eq!((vault.row(&late).unwrap().reason, house.touched()), (None, vec![]));
    let (n_writes, n_calls) = (faults.n_calls_of("vault.write"), faults.n_calls());
    println!("{command} of {n} tokens: {n_calls} calls, {:?}", faults.calls());
    assert_eq!(n_writes, n);
    let others = n_calls - n_writes;
    assert!(others * 10 <= n, "{others} calls beside the {n} writes");
}

#[test]
fn a_hundred_thousand_tokens_are_invalid_with_one_write_and_gone_over_in_pieces() {
    ends_everything(100_000, "logout", EVERYWHERE, Trigger::Logout);
}

#[test]
fn a_deleted_account_of_many_tokens_too() {
    // Beyond the command budget, so that most of them also wait for a person.
    ends_everything(20_000, "account_deleted", r#""subject":"many""#, Trigger::AccountDeleted);
}

#[test]
fn more_than_a_page_in_every_bucket_is_reached_whatever_the_pages_size() {
    for page_size in [1, 7, 100] {
        let house = crowd(300);
        house.world.cloud.set_page_size(page_size);
        let answer = house.say("logout", EVERYWHERE);
        let (status, is_complete, n_ended, n_kept) = reached(&answer);
        assert_eq!((status, is_complete, n_kept), (202, false, 0));
        assert!((200..300).contains(&n_ended), "{n_ended}");
        house.world.reconcile().unwrap();
        assert_eq!(reasons(&house), all_for(Some(Trigger::Logout), 300), "pages of {page_size}");
        look_again(&house);
        assert_eq!(house.touched(), [""; 0]);
        let writes = (0..300).map(|n| house.world.cloud.vault.n_writes_of(&nth(n)));
        assert!(writes.into_iter().all(|n_writes| n_writes == 1));
    }
}

#[test]
fn a_fan_out_goes_on_over_as_many_invocations_as_it_takes() {
    let house = crowd(1000);
    house.say("logout", EVERYWHERE);
    let mut n_ticks = 0;
    while n_waiting(&house) > 0 && n_ticks < 100 {
        // The deadline is near after every page.
        let n_asked = Cell::new(0);
        house.world.reconcile_until(&|| n_asked.replace(n_asked.get() + 1) > 1).unwrap();
        house.world.cloud.clock.advance(MINUTE);
        n_ticks += 1;
    }
    assert!((5..100).contains(&n_ticks), "{n_ticks} ticks");
    assert_eq!(reasons(&house), all_for(Some(Trigger::Logout), 1000));
}

#[test]
fn a_crashed_command_is_finished_by_reconcile() {
    let house = crowd(50);
    house.world.cloud.faults.fail_call(12, FaultKind::Killed);
    assert!(
        house
            .world
            .command_as(
                r#"{"v":1,"tenant":"acme","command":"logout","subject":"many","everywhere":true}"#,
                &House::app_at("m-1", START),
            )
            .is_err()
    );
    house.world.cloud.faults.calm();
    house.world.reconcile().unwrap();
    // Whoever had it in hand is given its time.
    assert_ne!(reasons(&house), all_for(Some(Trigger::Logout), 50));
    house.after(MINUTE * 15);
    assert_eq!((reasons(&house), n_valid(&house)), (all_for(Some(Trigger::Logout), 50), 0));
    look_again(&house);
}

#[test]
fn the_same_key_tells_how_far_it_is_and_then_that_it_is_done() {
    let house = crowd(700);
    let fields = keyed("out-7", EVERYWHERE);
    let send = |n: u32| {
        let caller = House::app_at(&format!("try-{n}"), house.world.now());
        house.send_as(&caller, "acme", "logout", &fields)
    };
    let (status, is_complete, n_ended, _) = reached(&send(1));
    assert_eq!((status, is_complete), (202, false));
    // Sent again it goes on from there, and says so.
    let (status, is_complete, n_ended_then, _) = reached(&send(2));
    assert_eq!((status, is_complete), (202, false));
    assert!(n_ended < n_ended_then && n_ended_then < 700, "{n_ended}, then {n_ended_then}");
    assert_eq!(n_waiting(&house), 1);
    house.world.reconcile().unwrap();
    for n in 3..5 {
        assert_eq!(reached(&send(n)), (200, true, 700, 0));
    }
    look_again(&house);
    // What it says is what the command did, not what the second look found.
    assert_eq!(reached(&send(5)), (200, true, 700, 0));
    let caller = House::app_at("other", house.world.now());
    let other = house.send_as(&caller, "acme", "account_deleted", &keyed("out-7", r#""subject":"many""#));
    assert_eq!((other.status, &other.body["error"]), (409, &"idempotency_conflict".into()));
    assert_eq!(reasons(&house), all_for(Some(Trigger::Logout), 700));
}

#[test]
fn a_message_that_comes_twice_without_a_key_is_one_command() {
    let house = crowd(300);
    let caller = House::app_at("m-1", START);
    let send = || house.send_as(&caller, "acme", "logout", EVERYWHERE);
    assert_eq!(send().status, 202);
    // The next delivery goes on where the first one stood.
    assert_eq!(reached(&send()), (200, true, 300, 0));
    // A third finds nothing to do, piece by piece.
    let (_, _, n_ended, n_kept) = reached(&send());
    assert!(n_ended == 0 && 200 <= n_kept);
    house.world.reconcile().unwrap();
    assert_eq!(house.world.cloud.vault.n_writes(), 301);
}

#[test]
fn what_the_index_did_not_show_yet_is_caught_by_the_second_look() {
    for fields in [EVERYWHERE, r#""subject":"many","session":"s1""#] {
        let house = crowd(3);
        assert_eq!(reached(&house.say("logout", fields)), (200, true, 3, 0));
        // Issued before the command, and in the index only now.
        house.world.cloud.vault.insert(of_many(7));
        let later = of_many(8).created_at(START.plus(SECOND));
        house.world.cloud.vault.insert(later);
        house.world.drain();
        house.after(shortly_before(MINUTE * 2));
        assert_eq!(reasons(&house), BTreeMap::from([(None, 2), (Some(Trigger::Logout), 3)]));
        house.after(SECOND);
        assert_eq!(reasons(&house), BTreeMap::from([(None, 1), (Some(Trigger::Logout), 4)]));
        let row = |n| house.world.cloud.vault.row(&of_many(n).key()).unwrap();
        assert_eq!((row(7).reason, row(8).reason), (Some(Trigger::Logout), None));
        assert_eq!(n_waiting(&house), 0);
        assert_eq!(n_valid(&house), 1);
    }
}

/// A worker's time is that of its beginning, and it may be at it for minutes.
#[test]
fn who_signs_in_while_a_logout_is_worked_off_stays_signed_in() {
    let house = crowd(3);
    let signs_in = |n, after| {
        let row = of_many(n).created_at(house.world.now().plus(after));
        house.world.cloud.vault.insert(row);
    };
    // No worker is at it for longer than this: a later time is a lie, and protects nobody.
    signs_in(7, MINUTE * 15);
    signs_in(8, MINUTE * 15 + SECOND);
    assert_eq!(reached(&house.say("logout", EVERYWHERE)), (200, true, 4, 1));
    house.after(MINUTE * 2);
    let reason = |n| house.world.cloud.vault.row(&of_many(n).key()).unwrap().reason;
    assert_eq!((reason(7), reason(8)), (None, Some(Trigger::Logout)));
}

#[test]
fn names_that_begin_alike_are_not_the_same() {
    let mut house = House::new();
    let owned = |name: &str, subject: &str, session: &str| {
        let row = row("acme", &id(name)).kind("access").subject(subject).session(session).device("laptop");
        row.family("f1")
    };
    for (name, subject, session) in [
        ("odd-1", "alice", "s1#"),
        ("odd-2", "alice", "s1#s1"),
        ("odd-3", "alice", "s10"),
        ("odd-4", "alice#s1", "s1"),
        ("odd-5", "alic", "s1"),
        ("odd-6", "alice", ""),
    ] {
        house = house.issue(name, owned(name, subject, session));
    }
    house.say("logout", r#""subject":"alice","session":"s1""#);
    assert_eq!(house.touched(), ["acc-1", "code-1", "ref-1", "ses-1"]);
    house.say("logout", r#""subject":"alice","session":"s1#""#);
    assert_eq!(house.touched(), ["acc-1", "code-1", "odd-1", "ref-1", "ses-1"]);
    // A family has one name in all of its subject's sessions.
    house.say("compromised", r#""subject":"alice","family":"f1""#);
    let family = ["acc-1", "code-1", "odd-1", "odd-2", "odd-3", "odd-6", "ref-1", "ses-1"];
    assert_eq!(house.touched(), family);
}

#[test]
fn a_subject_wide_command_reaches_a_subject_of_whom_nothing_is_known() {
    let house = House::new();
    let answer = house.say("logout", r#""subject":"nobody","everywhere":true"#);
    assert_eq!(reached(&answer), (200, true, 0, 0));
    assert!(house.subject("nobody").is_some());
    assert_eq!(house.touched(), [""; 0]);
}

#[test]
fn a_graver_command_overtakes_one_that_is_still_going_and_none_is_lost() {
    let house = crowd(500);
    assert_eq!(house.say("logout", EVERYWHERE).status, 202);
    assert_eq!(house.say("compromised", EVERYWHERE).status, 202);
    house.world.reconcile().unwrap();
    look_again(&house);
    assert_eq!(reasons(&house), all_for(Some(Trigger::Compromised), 500));
    // The other way round nothing changes any more.
    let house = crowd(500);
    assert_eq!(house.say("compromised", EVERYWHERE).status, 202);
    assert_eq!(house.say("logout", EVERYWHERE).status, 202);
    house.world.reconcile().unwrap();
    look_again(&house);
    assert_eq!(reasons(&house), all_for(Some(Trigger::Compromised), 500));
}

#[test]
fn a_config_that_changes_on_the_way_does_not_stop_a_fan_out() {
    let house = crowd(500);
    assert_eq!(house.say("logout", EVERYWHERE).status, 202);
    // From now on every kind follows a logout, the vault's too.
    let config = two_tenants().with("[tenants.acme.override.vault.on.logout]\naction = \"invalidate\"");
    house.world.cloud.control.put_config(&config.text(), house.world.now());
    house.world.reconcile().unwrap();
    look_again(&house);
    assert_eq!(reasons(&house), all_for(Some(Trigger::Logout), 500));
}

#[test]
fn one_fan_out_that_fails_does_not_hold_up_the_others() {
    // The first look into the index fails, whosever it is.
    for n in 1..100 {
        let house = crowd(300);
        for (n, session) in [(1000, "s1"), (2000, "s2")] {
            let row = |n| row("acme", &nth(n)).kind("access").subject("few").session(session);
            (n..n + 300).for_each(|n| house.world.cloud.vault.insert(row(n)));
        }
        house.world.drain();
        for fields in [EVERYWHERE, r#""subject":"few","session":"s1""#, r#""subject":"few","session":"s2""#] {
            assert_eq!(house.say("logout", fields).status, 202);
        }
        house.world.cloud.faults.fail_call(n, FaultKind::BeforeEffect);
        drop(house.world.reconcile());
        if house.world.cloud.faults.fired() != Some("vault.owned") {
            continue;
        }
        let is_first = |fan_out: &FanOut| !fan_out.is_second_look();
        let n_first = || house.world.cloud.control.all_fan_outs().into_iter().filter(is_first).count();
        assert_eq!(n_first(), 1);
        house.world.cloud.faults.calm();
        house.after(Duration::ZERO);
        assert_eq!(n_first(), 0);
        return;
    }
    panic!("no call looked into the index");
}

#[test]
fn whoever_sends_too_many_large_commands_has_to_come_again() {
    let house = crowd(300);
    let mut answers: Vec<Answer> = Vec::new();
    for n in 0..101 {
        let fields = format!(r#""subject":"many","session":"s{n}""#);
        answers.push(house.send("logout", &fields));
    }
    // Those that are done at once do not count; the subject's is not.
    assert!(answers.iter().enumerate().all(|(n, answer)| answer.status == if n == 1 { 202 } else { 200 }));
    let one = house.world.cloud.control.all_fan_outs().into_iter().find(|fan_out| !fan_out.is_second_look());
    for n in 0..99 {
        let id = format!("{n:064}");
        house.world.cloud.control.put_fan_out(FanOut { id, ..one.clone().unwrap() });
    }
    let answer = house.send("logout", r#""subject":"many","session":"s200""#);
    assert_eq!((answer.status, &answer.body["error"]), (429, &"try_later".into()));
    assert_eq!(answer.body["retry_after_seconds"], 60);
    assert!(answer.report.is_refused);
}

#[test]
fn the_answer_of_a_token_command_stays_its_own_when_what_it_took_along_is_done() {
    let house = crowd(300);
    let fields = format!(r#""idempotency_key":"k-1","tokens":["{}"]"#, nth(0).expose());
    let send = || {
        let caller = house.caller(Sender::Principal(APP.to_owned()));
        house.send_as(&caller, "acme", "logout", &fields)
    };
    let first = send();
    assert_eq!((first.status, results(&first)), (200, vec!["ended".to_owned()]));
    assert_eq!(send().body, first.body);
    house.world.reconcile().unwrap();
    assert_eq!(reasons(&house), all_for(Some(Trigger::Logout), 300));
    assert_eq!(send().body, first.body);
    look_again(&house);
    assert_eq!(send().body, first.body);
}

#[test]
fn a_token_command_that_comes_again_completes_what_it_takes_along() {
    let house = House::new();
    let caller = Caller { id: "m-1".into(), ..house.caller(Sender::Principal(APP.to_owned())) };
    // Killed after the token and before its session.
    house.world.cloud.faults.calm();
    let mut n_calls = 0;
    while house.line("ses-1") == "active" {
        n_calls += 1;
        house.world.cloud.faults.fail_call(n_calls, FaultKind::Killed);
        let body = format!(r#"{{"v":1,"tenant":"acme","command":"logout",{}}}"#, tokens(&["ses-1"]));
        drop(house.world.command_as(&body, &caller));
    }
    house.world.cloud.faults.calm();
    assert_eq!(house.line("acc-1"), "active");
    let again = house.send_as(&caller, "acme", "logout", &tokens(&["ses-1"]));
    assert_eq!(results(&again), ["kept: already_done"]);
    assert_eq!(house.touched(), ["acc-1", "code-1", "ref-1", "ses-1"]);
}

#[test]
fn a_token_handed_out_again_after_the_command_is_another_life() {
    let house = House::new();
    let caller = House::app_at("m-1", house.world.now());
    house.world.cloud.clock.advance(HOUR);
    house.world.cloud.vault.reissue(house.key("acc-1"));
    house.world.drain();
    // Sent before it was handed out again, by more than clocks may differ.
    let answer = house.send_as(&caller, "acme", "revoked", &tokens(&["acc-1", "acc-2"]));
    assert_eq!(results(&answer), ["kept: issued_later", "ended"]);
    house.send_as(&caller, "acme", "logout", r#""subject":"alice","everywhere":true"#);
    assert_eq!(house.valid(&["acc-1", "acc-2", "acc-3", "card-1"]), ["acc-1", "card-1"]);
    // Clocks that differ by minutes let no revocation miss.
    let skewed = house.world.now().minus(Duration::from_mins(5));
    let answer = house.send_as(&House::app_at("m-2", skewed), "acme", "revoked", &tokens(&["acc-1"]));
    assert_eq!(results(&answer), ["ended"]);
}
