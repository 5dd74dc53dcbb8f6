//! What others learn: the six events on the bus, with the tokens' fingerprints and counts, each from the record.

use lethe_domain::event::{AnnouncedEvent, OutEvent};
use lethe_domain::fingerprint::Fingerprint;
use lethe_sources::SourceError;
use lethe_testkit::{START, row, token, token_named};

use crate::driver::Operator;
use crate::house::{House, id, tokens, two_tenants};
use crate::world::{DAY, HOUR, hardly_referenced};

fn published(house: &House, event: AnnouncedEvent) -> Vec<OutEvent> {
    house.world.cloud.bus.published().into_iter().filter(|out| out.event == event).collect()
}

/// Every fingerprint that events of this kind told of one tenant, sorted.
fn told(house: &House, event: AnnouncedEvent, tenant: &str) -> Vec<Fingerprint> {
    let events = published(house, event).into_iter().filter(|out| out.tenant.as_str() == tenant);
    let mut told: Vec<_> = events.flat_map(|out| out.fingerprints).collect();
    told.sort();
    told
}

fn fingerprints(house: &House, names: &[&str]) -> Vec<Fingerprint> {
    let mut all: Vec<_> = names.iter().map(|name| house.fingerprint(name)).collect();
    all.sort();
    all
}

fn count(events: &[OutEvent]) -> u64 {
    events.iter().map(|event| event.count).sum()
}

#[test]
fn a_token_that_is_sentenced_archived_and_purged_is_announced_each_time() {
    let house = House::new();
    let session = ["acc-1", "code-1", "ref-1", "ses-1"];
    house.say("logout", r#""subject":"alice","session":"s1""#);
    let sentenced = published(&house, AnnouncedEvent::Sentenced);
    assert_eq!(told(&house, AnnouncedEvent::Sentenced, "acme"), fingerprints(&house, &session));
    assert_eq!(count(&sentenced), 4);
    for event in &sentenced {
        assert_eq!((event.at, event.reason_text.as_deref(), &event.run), (START, Some("ticket 7"), &None));
        assert_eq!(event.count, event.fingerprints.len() as u64);
    }
    assert!(told(&house, AnnouncedEvent::Sentenced, "globex").is_empty());

    house.after(DAY);
    let archived = published(&house, AnnouncedEvent::Archived);
    assert_eq!(told(&house, AnnouncedEvent::Archived, "acme"), fingerprints(&house, &session));
    assert_eq!(count(&archived), 4);
    let object = house.object_of("acc-1").unwrap();
    assert!(archived.iter().all(|event| event.object.as_ref() == Some(&object.key)));
    assert!(published(&house, AnnouncedEvent::Purged).is_empty());

    house.after(DAY * 34);
    let purged = published(&house, AnnouncedEvent::Purged);
    assert_eq!(purged.len(), 1);
    assert_eq!((purged[0].tenant.as_str(), purged[0].count), ("acme", 4));
    assert_eq!((purged[0].object.as_ref(), purged[0].fingerprints.len()), (Some(&object.key), 0));
    assert!(published(&house, AnnouncedEvent::Cooled).is_empty());
    assert_no_secret(&house);
}

/// No token and no subject is on the bus.
fn assert_no_secret(house: &House) {
    for event in house.world.cloud.bus.published() {
        let text = event.to_json();
        for secret in [id("acc-1"), id("ref-1"), id("card-1"), id("acc-9")] {
            assert!(!text.contains(secret.expose()), "{text}");
        }
        assert!(!text.contains("alice"), "{text}");
    }
}

#[test]
fn a_token_that_cools_is_announced_with_its_run_where_a_run_decided() {
    let house = House::under(&two_tenants().cadence("24h"), |_, row| row);
    house.say("rotated", &tokens(&["ref-1"]));
    let cooled = published(&house, AnnouncedEvent::Cooled);
    assert_eq!(told(&house, AnnouncedEvent::Cooled, "acme"), fingerprints(&house, &["ref-1"]));
    assert_eq!((cooled.len(), cooled[0].run.as_ref()), (1, None));
    house.world.stores.tables.remove("acme-orders", |_| true);
    // One that stays in use, or nothing would remain.
    house.world.cloud.vault.insert(row("acme", &token(9_999)));
    house.world.store("acme-orders", &token(9_999));
    house.world.rounds(8, HOUR);
    let by_run: Vec<_> =
        published(&house, AnnouncedEvent::Cooled).into_iter().filter(|event| event.run.is_some()).collect();
    assert_eq!(count(&by_run), 2);
    let mut told: Vec<_> = by_run.iter().flat_map(|event| event.fingerprints.clone()).collect();
    told.sort();
    assert_eq!(told, fingerprints(&house, &["card-1", "card-9"]));
}

#[test]
fn each_tenant_learns_of_its_own_tokens_in_an_object_that_both_share() {
    let house = House::new();
    house.say("revoked", &tokens(&["acc-1", "acc-2"]));
    let app = house.caller(lethe_stages::intake::Sender::Principal(lethe_testkit::APP.to_owned()));
    house.send_as(&app, "globex", "revoked", &tokens(&["acc-x"]));
    house.world.drain();
    house.after(DAY);
    assert_eq!(house.object_of("acc-1"), house.object_of("acc-x"));
    assert_eq!(told(&house, AnnouncedEvent::Archived, "acme"), fingerprints(&house, &["acc-1", "acc-2"]));
    assert_eq!(told(&house, AnnouncedEvent::Archived, "globex"), fingerprints(&house, &["acc-x"]));
    house.after(DAY * 34);
    let mut purged: Vec<_> = published(&house, AnnouncedEvent::Purged)
        .into_iter()
        .map(|event| (event.tenant.to_string(), event.count))
        .collect();
    purged.sort();
    assert_eq!(purged, [("acme".to_owned(), 2), ("globex".to_owned(), 1)]);
}

#[test]
fn a_void_run_and_a_plan_that_waits_are_announced() {
    let house = House::new();
    house.world.stores.tables.refuse(Some(SourceError::Missing));
    house.world.rounds(3, HOUR);
    let void = published(&house, AnnouncedEvent::RunVoid);
    let tenants: std::collections::BTreeSet<_> = void.iter().map(|event| event.tenant.to_string()).collect();
    assert_eq!(tenants, ["acme".to_owned(), "globex".to_owned()].into());
    for event in &void {
        assert!(event.run.is_some() && event.fingerprints.is_empty() && event.count == 0);
        assert!(event.reason_text.as_deref().unwrap().contains("orders"), "{event:?}");
    }

    let world = hardly_referenced(20);
    world.operator.set(Operator::Away);
    world.rounds(8, HOUR);
    let waiting: Vec<_> = world
        .cloud
        .bus
        .published()
        .into_iter()
        .filter(|event| event.event == AnnouncedEvent::PlanWaiting)
        .collect();
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].tenant.as_str(), waiting[0].count), ("acme", 20));
    assert!(waiting[0].run.is_some() && waiting[0].reason_text.is_some());
    world.approve_waiting("acme");
    world.rounds(2, HOUR);
    let cooled: Vec<_> =
        world.cloud.bus.published().into_iter().filter(|out| out.event == AnnouncedEvent::Cooled).collect();
    assert_eq!(count(&cooled), 20);
    assert!(!format!("{cooled:?}").contains(token(1).expose()));
}

#[test]
fn a_used_up_command_budget_is_a_plan_that_waits() {
    let house = House::with("command_floor = 1", |_, row| row);
    house.say("revoked", &tokens(&["acc-1", "acc-2", "acc-3"]));
    let waiting = published(&house, AnnouncedEvent::PlanWaiting);
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].tenant.as_str(), waiting[0].count, &waiting[0].run), ("acme", 2, &None));
    // They are out of service, and say so: the one that leaves and the two that wait.
    assert_eq!(told(&house, AnnouncedEvent::Sentenced, "acme").len(), 1);
    assert_eq!(told(&house, AnnouncedEvent::Cooled, "acme").len(), 2);
}

#[test]
fn what_a_bus_did_not_take_is_announced_when_the_batch_comes_again() {
    for kind in lethe_testkit::FaultKind::ALL {
        let house = House::new();
        let body = format!(r#"{{"v":1,"tenant":"acme","command":"revoked",{}}}"#, tokens(&["acc-1"]));
        let caller = house.caller(lethe_stages::intake::Sender::Principal(lethe_testkit::APP.to_owned()));
        house.world.command_as(&body, &caller).unwrap();
        // What follows from the write: its record, and then the bus.
        let mut n = 1;
        loop {
            assert!(n < 20);
            house.world.cloud.faults.fail_call(n, kind);
            house.world.drain();
            let fired = house.world.failures.borrow_mut().drain(..).next_back();
            if fired.is_none_or(|failure| failure.contains("bus.publish")) {
                break;
            }
            n += 1;
        }
        house.world.cloud.faults.calm();
        house.world.drain();
        let mut told = told(&house, AnnouncedEvent::Sentenced, "acme");
        told.dedup();
        assert_eq!(told, fingerprints(&house, &["acc-1"]), "{kind:?}");
    }
}

#[test]
fn an_event_of_more_tokens_than_one_holds_is_divided() {
    let house = House::empty(&two_tenants());
    let n_tokens = 9_000;
    for n in 0..n_tokens {
        let token = token_named(&format!("access-token-number-{n:06}"));
        house.world.cloud.vault.insert(row("acme", &token).kind("access").subject("many"));
    }
    house.world.round_quietly();
    house.send("logout", r#""subject":"many","everywhere":true"#);
    house.world.reconcile().unwrap();
    house.world.drain();
    let events = published(&house, AnnouncedEvent::Sentenced);
    assert_eq!(count(&events), n_tokens);
    assert!(events.iter().all(|event| event.count == event.fingerprints.len() as u64));
    let mut all = told(&house, AnnouncedEvent::Sentenced, "acme");
    all.dedup();
    assert_eq!(all.len() as u64, n_tokens);
    assert!(events.iter().all(|event| event.fingerprints.len() <= 1000));
    assert!(events.iter().any(|event| event.fingerprints.len() == 1000));
}

#[test]
fn what_leaves_without_a_copy_was_announced_when_it_was_sentenced() {
    let house = House::new();
    house.say("account_deleted", r#""subject":"bob""#);
    let bobs = ["acc-9", "card-9", "ref-9", "ses-9"];
    assert_eq!(told(&house, AnnouncedEvent::Sentenced, "acme"), fingerprints(&house, &bobs));
    house.after(DAY);
    house.all(&bobs, "gone");
    assert!(published(&house, AnnouncedEvent::Archived).is_empty());
    assert!(published(&house, AnnouncedEvent::Purged).is_empty());
}
