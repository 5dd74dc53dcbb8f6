//! A stream batch whose worker died comes again, and then it may be cut at another place: with more records behind the
//! same first one, or after its own retention. Whatever the first attempt did, everything is on record in the end.

use std::collections::BTreeSet;

use futures::executor::block_on;
use lethe_domain::audit::{AuditItem, Event, ObjectVersion};
use lethe_domain::row::Phase;
use lethe_domain::token::TokenId;
use lethe_stages::archive::Archiver;
use lethe_stages::error::StageError;
use lethe_stages::react::React;
use lethe_stages::stream::StreamRecord;
use lethe_testkit::{FaultKind, row, token};
use serde_json::json;

use crate::driver::World;
use crate::world::{DAY, HOUR, app, empty_world};

/// Enough tokens that each audit bucket has some.
const TOKENS: u64 = 24;

fn tokens() -> Vec<TokenId> {
    (1..=TOKENS).map(token).collect()
}

/// The records of all tokens' removal, in order.
fn removals(world: &World) -> Vec<StreamRecord> {
    for token in tokens() {
        world.cloud.vault.insert(row("acme", &token));
    }
    world.drain();
    for token in tokens() {
        world.cloud.vault.delete(&row("acme", &token).key());
    }
    world.cloud.vault.drain_stream()
}

fn archive(world: &World, records: &[StreamRecord]) -> Result<(), StageError> {
    let archiver = Archiver {
        control: &world.cloud.control,
        audit: &world.audit,
        vault: &world.cloud.vault,
        archive: &world.cloud.archive,
        settings: &world.settings,
    };
    block_on(archiver.batch(records, world.now())).map(drop)
}

fn react(world: &World, records: &[StreamRecord]) -> Result<(), StageError> {
    let react = React {
        control: &world.cloud.control,
        audit: &world.audit,
        vault: &world.cloud.vault,
        settings: &world.settings,
    };
    block_on(react.batch(records, world.now())).map(drop)
}

fn on_record(world: &World, event: Event) -> BTreeSet<TokenId> {
    tokens().into_iter().filter(|token| world.events_of("acme", token).contains(&event)).collect()
}

fn objects_of(items: &[AuditItem], are_tokens: bool) -> BTreeSet<ObjectVersion> {
    let named = items.iter().filter(|item| item.entries.is_empty() != are_tokens);
    named.filter_map(|item| item.object.clone()).collect()
}

#[test]
fn a_removal_is_on_record_though_a_shorter_batch_began_with_the_same_record() {
    for died_after in 1..=7 {
        let world = empty_world();
        let records = removals(&world);
        world.cloud.faults.fail_call(died_after, FaultKind::AfterEffect);
        let _first = archive(&world, &records[..1]);
        world.cloud.faults.calm();
        archive(&world, &records).unwrap();
        assert_eq!(on_record(&world, Event::Archived), tokens().into_iter().collect(), "call {died_after}");
    }
}

#[test]
fn an_entry_names_no_object_that_confirm_does_not_know() {
    for died_after in 1..=12 {
        let world = empty_world();
        let records = removals(&world);
        world.cloud.faults.fail_call(died_after, FaultKind::AfterEffect);
        let _first = archive(&world, &records[..records.len() / 2]);
        world.cloud.faults.calm();
        archive(&world, &records).unwrap();
        let items = world.cloud.audit.items_of(Event::Archived);
        let known = objects_of(&items, false);
        assert!(objects_of(&items, true).is_subset(&known), "call {died_after}");
        // Both objects hold the first rows; those are purged once both are gone.
        world.rounds(60, DAY);
        assert!(world.cloud.archive.all_versions().is_empty());
        assert_eq!(objects_of(&world.cloud.audit.items_of(Event::Purged), false), known, "call {died_after}");
    }
}

#[test]
fn a_state_change_is_on_record_though_a_shorter_batch_began_with_the_same_record() {
    let world = empty_world();
    for token in tokens() {
        world.cloud.vault.insert(row("acme", &token));
    }
    world.drain();
    // As many as pass the command budget.
    let ended: BTreeSet<TokenId> = tokens().into_iter().take(10).collect();
    for (n, token) in ended.iter().enumerate() {
        world.command_as(&revoked(token), &app(&format!("m-{n}"), world.cloud.clock.millis())).unwrap();
    }
    assert_eq!(world.phases().values().filter(|phase| **phase == Phase::Sentenced).count(), ended.len());
    let records = world.cloud.vault.drain_stream();
    react(&world, &records[..1]).unwrap();
    react(&world, &records).unwrap();
    assert_eq!(on_record(&world, Event::Sentenced), ended);
}

fn revoked(token: &TokenId) -> String {
    json!({ "v": 1, "tenant": "acme", "command": "revoked", "tokens": [token.expose()] }).to_string()
}

#[test]
fn a_batch_past_its_retention_names_the_object_that_an_earlier_attempt_left() {
    let world = empty_world();
    let records = removals(&world);
    // The object is written, and then the worker dies.
    let n_calls = 1..;
    let died = n_calls.into_iter().find(|n| {
        world.cloud.faults.fail_call(*n, FaultKind::Killed);
        archive(&world, &records).is_err() && !world.cloud.archive.all_versions().is_empty()
    });
    world.cloud.faults.calm();
    assert!(died.is_some() && on_record(&world, Event::Archived).is_empty());
    world.cloud.clock.advance(400 * DAY);
    archive(&world, &records).unwrap();
    assert_eq!(on_record(&world, Event::Archived), tokens().into_iter().collect());
    assert!(on_record(&world, Event::Erased).is_empty());
    let left: Vec<_> = world.cloud.archive.all_versions().into_iter().map(|version| version.object).collect();
    let named = objects_of(&world.cloud.audit.items_of(Event::Archived), true);
    assert_eq!(named.into_iter().collect::<Vec<_>>(), left);
    world.rounds(2, HOUR);
    assert_eq!(world.cloud.audit.items_of(Event::Purged).len(), left.len());
}

#[test]
fn a_batch_past_its_retention_that_nobody_wrote_is_erased() {
    let world = empty_world();
    let records = removals(&world);
    world.cloud.clock.advance(400 * DAY);
    archive(&world, &records).unwrap();
    assert_eq!(on_record(&world, Event::Erased), tokens().into_iter().collect());
    assert!(world.cloud.archive.all_versions().is_empty());
}
