//! Canaries: a scan is asked for tokens whose fate is known beforehand.

use futures::executor::block_on;
use lethe_domain::canary::{CANARY_KIND, Canary, dead_canary, live_canary};
use lethe_domain::marks::{MarkBuilder, MarkKey, PartHeader};
use lethe_domain::policy::Trigger;
use lethe_domain::row::Phase;
use lethe_domain::run::{Run, Stage};
use lethe_domain::token::{Shard, ShardCount, TokenId};
use lethe_stages::ports::{Control, RunRef, Vault};
use lethe_stages::work_keys;
use lethe_testkit::{SHARDS, Sample, row, tenant, token};
use serde_json::json;

use crate::driver::World;
use crate::world::{DAY, HOUR};

const ADA: &str = "arn:aws:iam::000000000000:user/ada";

/// Token 1 is in the lake, token 2 in no store; a table beside the lake is empty.
fn two_stores() -> World {
    let config = Sample::new()
        .tenant("acme")
        .table("orders", "acme-orders", 2)
        .bucket("lake", "acme-lake", "exports/", "jsonl")
        .cadence("24h");
    let world = World::new(&config.text());
    world.stores.tables.create("acme-orders");
    world.stores.objects.create("acme-lake");
    for seed in [1, 2] {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    world.keep_in_lake("a.jsonl", &token(1));
    world.round_quietly();
    world
}

impl World {
    fn keep_in_lake(&self, name: &str, token: &TokenId) {
        let line = format!("{{\"id\":\"{}\"}}\n", token.expose());
        self.stores.objects.put("acme-lake", &format!("exports/{name}"), line.as_bytes());
    }

    /// Does what `lethe canary plant` does, and returns what the tenant must keep in its store.
    fn plant(&self, source: &str) -> Canary {
        let acme = tenant("acme");
        let keys = self.cloud.control.keys_now(&acme).unwrap();
        let stored = block_on(self.cloud.control.current_config()).unwrap().unwrap();
        let config = lethe_domain::config::Config::parse(&stored.text).unwrap();
        let formats = config.scanned_formats(&acme);
        let shards = ShardCount::new(SHARDS).unwrap();
        let canary = live_canary(&keys, source, (&formats, shards), (self.now(), ADA));
        assert!(block_on(self.cloud.control.plant_canary(&acme, &canary)).unwrap());
        for row in canary.rows(&acme) {
            assert!(block_on(self.cloud.vault.create(&row)).unwrap());
        }
        self.round_quietly();
        canary
    }

    fn last_at(&self, stage: Stage) -> Option<Run> {
        self.cloud.control.all_runs().into_iter().rfind(|run| run.stage == stage)
    }
}

fn canary_token(canary: &Canary) -> TokenId {
    canary.tokens[0].token.clone()
}

#[test]
fn a_source_without_a_canary_is_named_in_each_plan() {
    let world = two_stores();
    world.rounds(2, HOUR);
    let run = world.last_at(Stage::Applied).unwrap();
    for source in ["orders", "lake"] {
        let names_it = |note: &String| note.contains(&format!("lethe canary plant acme {source}"));
        assert!(run.notes.iter().any(names_it), "{source}: {:?}", run.notes);
    }
}

#[test]
fn canaries_that_are_seen_let_the_dead_go_and_nothing_else() {
    let world = two_stores();
    let (orders, lake) = (canary_token(&world.plant("orders")), canary_token(&world.plant("lake")));
    world.store("acme-orders", &orders);
    world.keep_in_lake("canary.jsonl", &lake);
    world.cloud.clock.advance(2 * DAY);
    world.rounds(8, HOUR);
    assert_eq!(world.last_at(Stage::Void), None);
    let phases = world.phases();
    assert_eq!(phases[&token(2)], Phase::Cooling);
    assert!([token(1), orders, lake].iter().all(|kept| phases[kept] == Phase::Active));
    let run = world.last_at(Stage::Applied).unwrap();
    assert!(!run.notes.iter().any(|note| note.contains("canary")), "{:?}", run.notes);
    assert_eq!(
        (run.tally.n_rows, run.tally.n_active, run.measured.dangling.n_tokens),
        (2, 2, 0),
        "outside all counts"
    );
}

#[test]
fn a_canary_that_is_not_seen_voids_every_run_and_takes_no_token() {
    let world = two_stores();
    let lake = canary_token(&world.plant("lake"));
    world.cloud.clock.advance(2 * DAY);
    world.rounds(40, HOUR);
    let void = world.last_at(Stage::Void).unwrap();
    let note = void.note.clone().unwrap();
    for part in [
        "canary of source lake",
        "format card",
        ADA,
        "lethe canary list acme",
        "lethe canary retire acme lake",
    ] {
        assert!(note.contains(part), "{part}: {note}");
    }
    assert!(!note.contains(lake.expose()));
    assert_eq!(world.cloud.vault.n_writes(), 0);
    assert!(world.phases().values().all(|phase| *phase == Phase::Active));
    // Put where it belongs, it lets the next run pass.
    world.keep_in_lake("canary.jsonl", &lake);
    world.rounds(20, HOUR);
    assert_eq!(world.phases()[&token(2)], Phase::Cooling);
}

#[test]
fn a_canary_in_another_store_than_its_own_is_not_seen() {
    let world = two_stores();
    let lake = canary_token(&world.plant("lake"));
    world.store("acme-orders", &lake);
    world.cloud.clock.advance(2 * DAY);
    world.rounds(2, HOUR);
    assert!(world.last_at(Stage::Void).unwrap().note.unwrap().contains("canary of source lake"));
}

#[test]
fn a_canary_has_time_to_get_to_its_store() {
    let world = two_stores();
    let lake = canary_token(&world.plant("lake"));
    world.rounds(2, HOUR);
    let run = world.last_at(Stage::Applied).unwrap();
    assert!(run.notes.iter().any(|note| note.contains("was not seen yet")), "{:?}", run.notes);
    world.keep_in_lake("canary.jsonl", &lake);
    world.rounds(40, HOUR);
    assert_eq!(world.last_at(Stage::Void), None);
}

#[test]
fn a_format_that_is_no_more_the_tenants_hides_its_canary_and_voids() {
    let world = two_stores();
    let lake = canary_token(&world.plant("lake"));
    world.keep_in_lake("canary.jsonl", &lake);
    // A slip in the config: the tokens are one character longer than it says now.
    let stored = block_on(world.cloud.control.current_config()).unwrap().unwrap();
    world.cloud.control.put_config(&stored.text.replace("length = 24", "length = 23"), world.now());
    world.cloud.clock.advance(2 * DAY);
    world.rounds(10, HOUR);
    assert!(world.last_at(Stage::Void).unwrap().note.unwrap().contains("canary of source lake"));
    assert!(world.phases().values().all(|phase| *phase == Phase::Active));
}

#[test]
fn a_retired_canary_is_asked_for_no_more() {
    let world = two_stores();
    let canary = world.plant("lake");
    world.cloud.clock.advance(2 * DAY);
    world.rounds(2, HOUR);
    assert!(world.last_at(Stage::Void).is_some());
    assert!(block_on(world.cloud.control.retire_canary(&tenant("acme"), &canary)).unwrap());
    world.rounds(14, HOUR);
    assert_eq!(world.phases()[&token(2)], Phase::Cooling);
}

#[test]
fn a_dead_canary_that_is_found_voids_the_run_and_takes_no_token() {
    let world = two_stores();
    world.survey().unwrap();
    let run = world.cloud.control.all_runs().remove(0);
    // Whoever marks what was never issued marks everything: here the dead canary of shard 0 stands for it.
    let keys = world.cloud.control.keys_now(&tenant("acme")).unwrap();
    let config = Sample::new().tenant("acme").bucket("lake", "acme-lake", "", "jsonl").config();
    let acme = tenant("acme");
    let format = config.scanned_formats(&acme)[0];
    let shards = ShardCount::new(SHARDS).unwrap();
    let canary = dead_canary(&keys, &run.id, format, (Shard(0), shards)).unwrap();
    let mut marks = MarkBuilder::new(MarkKey::new(keys.mark_key), shards);
    marks.add(canary.as_bytes());
    let key = work_keys::marks(&RunRef::from(&run), 0, 0);
    world.cloud.work.overwrite(&key, marks.encode(&PartHeader::default()));
    world.rounds(3, HOUR);
    let void = world.last_at(Stage::Void).unwrap();
    assert!(void.note.as_ref().unwrap().contains("the dead canary"), "{void:?}");
    assert_eq!(world.cloud.vault.n_writes(), 0);
}

#[test]
fn no_decision_takes_a_canary() {
    let world = two_stores();
    let lake = canary_token(&world.plant("lake"));
    world.keep_in_lake("canary.jsonl", &lake);
    let key = block_on(world.cloud.control.canaries(&tenant("acme"))).unwrap()[0]
        .rows(&tenant("acme"))
        .next()
        .unwrap()
        .key;
    // Somebody gives it an end, a date of removal and a place in the due index, and a command wants it gone.
    let past = world.now().minus(DAY).0.to_string();
    for attribute in ["expires_at", "purge_at", "due_at"] {
        world.cloud.vault.set_attribute(&key, attribute, json!({ "N": past }));
    }
    world.cloud.vault.set_attribute(&key, "due_pk", json!({ "S": "due#00" }));
    world.revoke("acme", &lake);
    world.cloud.clock.advance(2 * DAY);
    world.rounds(8, HOUR);
    let stands = world.cloud.vault.row(&key).unwrap();
    assert_eq!((stands.kind.as_str(), stands.phase()), (CANARY_KIND, Phase::Active));
    assert_ne!(stands.reason, Some(Trigger::Revoked));
}
