//! Stores that hold nothing, or much less than they did, when the next run reads them: the run is void, no token changes
//! state, and it is over once the store is whole again or a person has accepted what was seen.

use std::collections::BTreeMap;

use lethe_domain::row::Phase;
use lethe_domain::run::{Run, Stage};
use lethe_domain::token::TokenId;
use lethe_testkit::{Sample, row, token};

use crate::driver::World;
use crate::world::HOUR;

const LAKE: &str = "acme-lake";
const ORDERS: &str = "acme-orders";

/// Tokens 1 to `n` in the table, and as many after them in one object each; a run a day.
fn stocked(n: u64) -> World {
    let config = Sample::new()
        .tenant("acme")
        .table("orders", ORDERS, 2)
        .bucket("lake", LAKE, "exports/", "jsonl")
        .cadence("24h")
        .rail("shrink_percent", "85");
    let world = World::new(&config.text());
    for seed in 1..=2 * n {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    (1..=n).for_each(|seed| world.store(ORDERS, &token(seed)));
    (n + 1..=2 * n).for_each(|seed| put(&world, seed));
    world
}

fn put(world: &World, seed: u64) {
    let line = format!("{{\"note\":\"{}\"}}\n", token(seed).expose());
    world.stores.objects.put(LAKE, &format!("exports/{seed:04}.jsonl"), line);
}

fn remove(world: &World, seed: u64) {
    world.stores.objects.remove(LAKE, &format!("exports/{seed:04}.jsonl"));
}

fn unstore(world: &World, seed: u64) {
    let text = lethe_sources::Attribute::S(token(seed).expose().to_owned());
    world.stores.tables.remove(ORDERS, |item| item.values().any(|value| *value == text));
}

/// A day's run to its end, and the time to the next.
fn day(world: &World) -> Run {
    world.rounds(3, HOUR);
    let last = world.cloud.control.all_runs().into_iter().filter(|run| run.stage.is_final());
    let last = last.max_by_key(|run| run.scan_started_at).unwrap();
    world.cloud.clock.advance(21 * HOUR);
    last
}

#[track_caller]
fn assert_all_active(world: &World, n: u64) {
    let expected: BTreeMap<TokenId, Phase> = (1..=2 * n).map(|seed| (token(seed), Phase::Active)).collect();
    assert_eq!((world.phases(), world.cloud.vault.n_writes()), (expected, 0));
}

#[track_caller]
fn assert_void(run: &Run, words: &[&str]) {
    let note = run.note.clone().unwrap_or_default();
    assert_eq!(run.stage, Stage::Void, "{note}");
    assert!(words.iter().all(|word| note.contains(word)), "{note}");
}

#[test]
fn each_source_is_counted_once_at_the_seal() {
    let world = stocked(3);
    let run = day(&world);
    let shown: Vec<_> = run
        .sources
        .iter()
        .map(|(name, totals)| (name.as_str(), totals.n_references, totals.n_objects, totals.n_rows))
        .collect();
    assert_eq!(shown, [("lake", 3, 3, 0), ("orders", 3, 0, 3)]);
    assert!(run.sources.values().all(|totals| 0 < totals.n_bytes));
    // What changes meanwhile is read twice, and counted once.
    world.survey().unwrap();
    put(&world, 4);
    let again = day(&world);
    assert_eq!((again.stage, again.round), (Stage::Applied, 1));
    assert_eq!(again.sources, run.sources);
}

#[test]
fn a_wiped_bucket_is_not_an_empty_one_until_a_person_says_so() {
    let world = stocked(3);
    assert_eq!(day(&world).stage, Stage::Applied);
    (4..=6).for_each(|seed| remove(&world, seed));
    let void = day(&world);
    let command = format!("lethe accept acme {}", void.id);
    assert_void(&void, &["source lake holds no references", "3 references, 3 objects", &command]);
    let void = day(&world);
    assert_void(&void, &["source lake holds no references"]);
    assert_all_active(&world, 3);

    world.accept(&void);
    assert_eq!(day(&world).stage, Stage::Applied);
    world.rounds(8, HOUR);
    let cooling: Vec<bool> = (1..=6).map(|seed| world.phases()[&token(seed)] == Phase::Cooling).collect();
    assert_eq!(cooling, [false, false, false, true, true, true]);
}

#[test]
fn a_bucket_that_was_wiped_and_restored_goes_on_by_itself() {
    let world = stocked(3);
    assert_eq!(day(&world).stage, Stage::Applied);
    (4..=6).for_each(|seed| remove(&world, seed));
    assert_eq!(day(&world).stage, Stage::Void);
    (4..=6).for_each(|seed| put(&world, seed));
    assert_eq!(day(&world).stage, Stage::Applied);
    world.rounds(24, HOUR);
    assert_all_active(&world, 3);
}

#[test]
fn a_bucket_wiped_while_it_is_read_is_seen_as_one() {
    let world = stocked(3);
    assert_eq!(day(&world).stage, Stage::Applied);
    world.survey().unwrap();
    (4..=6).for_each(|seed| remove(&world, seed));
    assert_void(&day(&world), &["source lake holds no references"]);
    assert_all_active(&world, 3);
}

#[test]
fn a_source_passes_at_the_share_and_not_just_below() {
    for (n_removed, stage) in [(15, Stage::Applied), (16, Stage::Void)] {
        let world = stocked(100);
        assert_eq!(day(&world).stage, Stage::Applied);
        (1..=n_removed).for_each(|seed| unstore(&world, seed));
        let run = day(&world);
        assert_eq!(run.stage, stage, "{n_removed}: {:?}", run.note);
        if stage == Stage::Void {
            assert_void(
                &run,
                &["orders holds under 85 % of its references and rows", "84 references, 0 objects"],
            );
            assert_all_active(&world, 100);
            world.accept(&run);
            assert_eq!(day(&world).stage, Stage::Applied);
        }
    }
}

#[test]
fn a_listing_that_ends_half_way_each_time_voids_the_run() {
    let world = stocked(4);
    assert_eq!(day(&world).stage, Stage::Applied);
    world.stores.objects.hide_from(Some("exports/0007"));
    assert_void(&day(&world), &["lake holds under 85 % of its references and objects"]);
    assert_all_active(&world, 4);
    world.stores.objects.hide_from(None);
    assert_eq!(day(&world).stage, Stage::Applied);
    assert_all_active(&world, 4);
}

#[test]
fn an_object_cut_short_voids_the_run() {
    let world = stocked(2);
    assert_eq!(day(&world).stage, Stage::Applied);
    world.stores.objects.cut_reads_by(1);
    assert_void(&day(&world), &["source lake, unit 0: read object 0 of the unit: it ends early"]);
    assert_all_active(&world, 2);
}

#[test]
fn a_void_run_that_nobody_accepted_is_compared_with_the_one_before_it() {
    let world = stocked(3);
    assert_eq!(day(&world).stage, Stage::Applied);
    (4..=6).for_each(|seed| remove(&world, seed));
    for _ in 0..3 {
        assert_eq!(day(&world).stage, Stage::Void);
    }
    assert_all_active(&world, 3);
}

#[test]
fn void_runs_without_end_do_not_wear_the_guard_out() {
    let world = stocked(3);
    assert_eq!(day(&world).stage, Stage::Applied);
    (4..=6).for_each(|seed| remove(&world, seed));
    world.rounds(110, 4 * HOUR);
    let n_void = world.cloud.control.all_runs().iter().filter(|run| run.stage == Stage::Void).count();
    assert!(50 < n_void, "only {n_void} void runs");
    assert_all_active(&world, 3);
}
