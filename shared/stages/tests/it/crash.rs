//! Invariant: recovery is the normal path, run again. Every call of a whole life fails once, before its effect, after
//! it, or with its worker killed; the end is the calm run's.

use std::collections::{BTreeMap, BTreeSet};

use lethe_domain::audit::Event;
use lethe_domain::row::Phase;
use lethe_domain::token::TokenId;
use lethe_testkit::{FaultKind, row, token};
use serde_json::json;

use crate::driver::World;
use crate::world::{DAY, HOUR, cold_store};

/// What must be the same whatever failed in between.
#[derive(Debug, PartialEq)]
struct End {
    vault: BTreeMap<TokenId, Phase>,
    events: BTreeMap<TokenId, BTreeSet<Event>>,
    writes: BTreeMap<TokenId, u64>,
    n_versions_left: usize,
}

/// Token 2 unreferenced, token 5 expiring, token 6 to be revoked, token 7 to be read too late; the others referenced.
fn start() -> World {
    let world = cold_store();
    let expires_at = world.now().plus(HOUR);
    world.cloud.vault.insert(row("acme", &token(5)).expires_at(expires_at).due_at(expires_at));
    world.store("acme-orders", &token(5));
    world.store("acme-orders", &token(6));
    for seed in [6, 7] {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    world.drain();
    world
}

fn said(command: &str, token: &TokenId) -> String {
    format!(r#"{{"v":1,"tenant":"acme","command":"{command}","tokens":["{}"]}}"#, token.expose())
}

fn live(world: &World) {
    world.rounds(2, HOUR);
    world.until_taken(|world| world.try_command(&said("revoked", &token(6))));
    world.rounds(7, HOUR);
    // Token 7 cools by now and is read; somebody writes the revoked one without a step of its version.
    world.until_taken(|world| world.try_command(&said("read", &token(7))));
    world.store("acme-orders", &token(7));
    let soon = world.now().0.to_string();
    world.cloud.vault.set_attribute(&row("acme", &token(6)).key(), "purge_at", json!({ "N": soon }));
    world.drain();
    world.rounds(7, DAY);
    world.rounds(5, HOUR);
    // Until the copies' locks are over.
    world.rounds(8, DAY * 5);
}

fn end(world: &World) -> End {
    let tokens: Vec<TokenId> = (1..=7).map(token).collect();
    let events = |token: &TokenId| world.events_of("acme", token).into_iter().collect();
    let purged: BTreeSet<_> =
        world.cloud.audit.items_of(Event::Purged).into_iter().filter_map(|item| item.object).collect();
    let archived: BTreeSet<_> =
        world.cloud.audit.items_of(Event::Archived).into_iter().filter_map(|item| item.object).collect();
    assert_eq!(purged, archived, "every archived version is purged");
    End {
        vault: world.phases(),
        events: tokens.iter().map(|token| (token.clone(), events(token))).collect(),
        writes: tokens.iter().map(|token| (token.clone(), world.cloud.vault.n_writes_of(token))).collect(),
        n_versions_left: world.cloud.archive.all_versions().len(),
    }
}

/// A test for each kind of failure, so that they run side by side.
#[test]
fn every_call_of_a_whole_life_may_fail_once_before_its_effect() {
    every_call_may_fail_once(FaultKind::BeforeEffect);
}

#[test]
fn every_call_of_a_whole_life_may_fail_once_after_its_effect() {
    every_call_may_fail_once(FaultKind::AfterEffect);
}

#[test]
fn every_worker_of_a_whole_life_may_be_killed_once_at_each_call() {
    every_call_may_fail_once(FaultKind::Killed);
}

fn every_call_may_fail_once(kind: FaultKind) {
    let calm = start();
    live(&calm);
    assert!(calm.failures.borrow().is_empty(), "{:?}", calm.failures.borrow());
    let expected = end(&calm);
    is_as_it_should_be(&expected);
    let mut n_faults = 0_u32;
    let mut hit = BTreeSet::new();
    for n in 1.. {
        let world = start();
        world.cloud.faults.fail_call(n, kind);
        live(&world);
        if world.failures.borrow().is_empty() && world.cloud.faults.fired().is_none() {
            break;
        }
        hit.extend(world.failures.borrow().iter().cloned());
        n_faults += 1;
        assert_eq!(end(&world), expected, "call {n} failed ({kind:?}): {:?}", world.failures.borrow());
    }
    assert!(n_faults > 500, "only {n_faults} calls were made to fail, at {hit:?}");
}

fn is_as_it_should_be(end: &End) {
    let kept: BTreeSet<_> = end.vault.keys().cloned().collect();
    assert_eq!(kept, [1, 3, 4, 7].map(token).into());
    assert!(end.events[&token(6)].contains(&Event::OutOfBand));
    assert!(end.events[&token(7)].contains(&Event::Reinstated));
    for gone in [2, 5, 6].map(token) {
        assert!(end.events[&gone].contains(&Event::Archived));
    }
    assert_eq!(end.n_versions_left, 0);
}
