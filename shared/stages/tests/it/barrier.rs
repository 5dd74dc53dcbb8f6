//! References that move while a run reads its sources: each run of these worlds meets the same move again, so that only
//! the barrier can keep the token, and an unreferenced one beside it cools all the same.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use lethe_domain::barrier::MAX_ROUNDS;
use lethe_domain::message::Wake;
use lethe_domain::row::Phase;
use lethe_domain::run::{Run, Stage};
use lethe_domain::token::TokenId;
use lethe_sources::{Attribute, Item, SourceError};
use lethe_testkit::{CHANGED_AT, Sample, row, token};

use crate::driver::World;
use crate::world::{HOUR, cold_store};

const LAKE: &str = "acme-lake";
const ORDERS: &str = "acme-orders";
const MINUTE: Duration = Duration::from_mins(1);

fn open_run(world: &World) -> Option<Run> {
    world.cloud.control.all_runs().into_iter().find(|run| run.stage.is_open())
}

/// Twelve hours of two runs and more. `meanwhile` happens whenever units were sent out, and is told the round.
fn live(world: &World, meanwhile: impl Fn(&World, u32)) {
    for _ in 0..12 {
        for _ in 0..2 {
            world.survey().unwrap();
            if let Some(run) = open_run(world).filter(|run| run.stage == Stage::Scanning) {
                meanwhile(world, run.round);
            }
            world.drain();
            world.approve_waiting("acme");
        }
        world.expire().unwrap();
        world.reconcile().unwrap();
        world.drain();
        world.cloud.clock.advance(HOUR);
    }
}

/// Only token 2 is in no store.
fn assert_only_the_unreferenced_cooled(world: &World) {
    let expected: BTreeMap<TokenId, Phase> =
        (1..=4).map(|seed| (token(seed), if seed == 2 { Phase::Cooling } else { Phase::Active })).collect();
    assert_eq!(world.phases(), expected, "{:?}", notes(world));
}

fn notes(world: &World) -> Vec<Option<String>> {
    world.cloud.control.all_runs().into_iter().map(|run| run.note).collect()
}

fn void_note(world: &World) -> String {
    let runs = world.cloud.control.all_runs();
    let void = runs.into_iter().find(|run| run.stage == Stage::Void);
    void.and_then(|run| run.note).unwrap_or_else(|| panic!("no void run: {:?}", notes(world)))
}

fn assert_untouched(world: &World) {
    let expected: BTreeMap<TokenId, Phase> = (1..=4).map(|seed| (token(seed), Phase::Active)).collect();
    assert_eq!((world.phases(), world.cloud.vault.n_writes()), (expected, 0));
}

fn holds(item: &Item, token: &TokenId) -> bool {
    let text = Attribute::S(token.expose().to_owned());
    item.values().any(|value| *value == text)
}

impl World {
    fn put_line(&self, key: &str, token: &TokenId) {
        self.stores.objects.put(LAKE, key, format!("{{\"note\":\"{}\"}}\n", token.expose()));
    }

    fn unstore(&self, token: &TokenId) {
        self.stores.tables.remove(ORDERS, |item| holds(item, token));
    }

    fn take_each(&self, units: &[Wake]) {
        for wake in units {
            self.take(wake).unwrap();
        }
    }
}

#[test]
fn what_moved_from_one_object_into_another_during_the_scan_is_kept() {
    let world = cold_store();
    // It moves in every run, to where it was not when that run listed its sources.
    let is_in_c = Cell::new(false);
    live(&world, |world, round| {
        if round == 0 {
            let (from, to) = if is_in_c.get() { ("c", "b") } else { ("b", "c") };
            is_in_c.set(!is_in_c.get());
            for key in ["a", from] {
                world.stores.objects.remove(LAKE, &format!("exports/{key}.jsonl"));
            }
            world.put_line(&format!("exports/{to}.jsonl"), &token(4));
        }
    });
    assert_only_the_unreferenced_cooled(&world);
}

#[test]
fn what_moved_from_the_table_into_the_bucket_during_the_scan_is_kept() {
    let world = cold_store();
    let at_home = |world: &World| {
        world.stores.objects.remove(LAKE, "exports/moved.jsonl");
        world.unstore(&token(3));
        world.store(ORDERS, &token(3));
    };
    live(&world, |world, round| {
        if round == 0 {
            // The bucket is read, then the token moves there, then the table is read.
            at_home(world);
            let mut units = world.cloud.scan_queue.drain().into_iter();
            world.take(&units.next().unwrap()).unwrap();
            world.unstore(&token(3));
            world.put_line("exports/moved.jsonl", &token(3));
            world.take_each(units.as_slice());
        }
    });
    assert_only_the_unreferenced_cooled(&world);
}

#[test]
fn what_moved_from_the_bucket_into_the_table_during_the_scan_is_kept() {
    let world = cold_store();
    live(&world, |world, round| {
        if round == 0 {
            // The table is read, then the token moves there, then the bucket is read.
            let units = world.cloud.scan_queue.drain();
            let (bucket, table) = units.split_first().unwrap();
            world.take_each(table);
            world.stores.objects.remove(LAKE, "exports/a.jsonl");
            world.unstore(&token(4));
            world.store(ORDERS, &token(4));
            world.take(bucket).unwrap();
        } else {
            world.take_each(&world.cloud.scan_queue.drain());
            // It goes back before the next run lists its sources.
            world.unstore(&token(4));
            world.put_line("exports/a.jsonl", &token(4));
        }
    });
    assert_only_the_unreferenced_cooled(&world);
}

#[test]
fn what_was_in_flight_during_the_whole_scan_has_landed_before_the_last_look() {
    let world = cold_store();
    live(&world, |world, round| {
        if round == 0 {
            world.stores.objects.remove(LAKE, "exports/a.jsonl");
            world.stores.objects.remove(LAKE, "exports/landed.jsonl");
            world.drain();
            world.cloud.clock.advance(14 * MINUTE);
            // A look that came before the drain is over would miss it.
            world.survey().unwrap();
            world.put_line("exports/landed.jsonl", &token(4));
        }
    });
    assert_only_the_unreferenced_cooled(&world);
}

#[test]
fn what_an_object_holds_since_it_was_read_is_kept() {
    let world = cold_store();
    for _ in 0..12 {
        if open_run(&world).is_none() {
            world.put_line("exports/a.jsonl", &token(1));
        }
        for _ in 0..2 {
            world.survey().unwrap();
            let is_first_look =
                open_run(&world).is_some_and(|run| run.stage == Stage::Scanning && run.round == 0);
            world.drain();
            if is_first_look {
                // It was read as it was listed, and is another one since.
                world.put_line("exports/a.jsonl", &token(4));
            }
            world.approve_waiting("acme");
        }
        world.cloud.clock.advance(HOUR);
    }
    assert_only_the_unreferenced_cooled(&world);
}

#[test]
fn a_listing_that_ended_half_way_is_made_whole_by_the_second_look() {
    let world = cold_store();
    for _ in 0..2 {
        world.stores.objects.hide_from(Some("exports/a"));
        world.survey().unwrap();
        assert_eq!(open_run(&world).map(|run| run.n_units), Some(2), "only the table was listed");
        world.stores.objects.hide_from(None);
        world.rounds(4, HOUR);
    }
    world.rounds(4, HOUR);
    assert_only_the_unreferenced_cooled(&world);
}

#[test]
fn a_store_that_never_settles_voids_the_run() {
    let world = cold_store();
    live(&world, |world, round| {
        world.stores.objects.remove(LAKE, &format!("exports/{round}.jsonl"));
        world.put_line(&format!("exports/{}.jsonl", round + 1), &token(4));
        if round == 0 {
            world.stores.objects.remove(LAKE, "exports/a.jsonl");
        }
    });
    assert!(void_note(&world).contains("lake changes faster than it can be read"), "{}", void_note(&world));
    let void = world.cloud.control.all_runs().into_iter().find(|run| run.stage == Stage::Void).unwrap();
    assert_eq!(void.round, MAX_ROUNDS);
    assert_untouched(&world);
}

#[test]
fn credentials_lost_before_the_second_look_void_the_run() {
    let world = cold_store();
    world.survey().unwrap();
    world.drain();
    assert_eq!(open_run(&world).map(|run| run.stage), Some(Stage::Draining));
    world.stores.objects.refuse(Some(SourceError::Denied { code: "AccessDenied".to_owned() }));
    world.cloud.clock.advance(HOUR);
    world.rounds(12, HOUR);
    assert!(void_note(&world).contains("source lake cannot be listed"), "{}", void_note(&world));
    assert_untouched(&world);
}

#[test]
fn a_row_whose_change_is_not_told_is_read_again() {
    let world = cold_store();
    live(&world, |world, round| {
        if round == 0 {
            let units = world.cloud.scan_queue.drain();
            let (bucket, table) = units.split_first().unwrap();
            world.take_each(table);
            world.stores.objects.remove(LAKE, "exports/a.jsonl");
            // A writer that forgets to set the attribute.
            let text = Attribute::S(token(4).expose().to_owned());
            world.unstore(&token(4));
            world.stores.tables.put(ORDERS, Item::from([("note".to_owned(), text)]));
            world.take(bucket).unwrap();
        } else {
            world.take_each(&world.cloud.scan_queue.drain());
            world.unstore(&token(4));
            world.put_line("exports/a.jsonl", &token(4));
        }
    });
    assert_only_the_unreferenced_cooled(&world);
}

#[test]
fn a_row_that_was_dated_before_the_scan_and_stored_after_it_was_read_is_kept() {
    let world = cold_store();
    live(&world, |world, round| {
        if round == 0 {
            let units = world.cloud.scan_queue.drain();
            let (bucket, table) = units.split_first().unwrap();
            world.take_each(table);
            world.stores.objects.remove(LAKE, "exports/a.jsonl");
            world.unstore(&token(4));
            // Its writer noted the time first and was that long in storing it.
            let noted_at = Attribute::N((world.cloud.clock.millis().0 - 14 * 60_000).to_string());
            let note = Attribute::S(token(4).expose().to_owned());
            let item = [("note".to_owned(), note), (CHANGED_AT.to_owned(), noted_at)];
            world.stores.tables.put(ORDERS, Item::from(item));
            world.take(bucket).unwrap();
        } else {
            world.take_each(&world.cloud.scan_queue.drain());
            world.unstore(&token(4));
            world.put_line("exports/a.jsonl", &token(4));
        }
    });
    assert_only_the_unreferenced_cooled(&world);
}

/// As [`cold_store`], with a table that does not say when its items changed.
fn weak_store() -> World {
    let config = Sample::new()
        .tenant("acme")
        .weak_table("orders", ORDERS, 2)
        .bucket("lake", LAKE, "exports/", "jsonl")
        .cadence("30d");
    let world = World::new(&config.text());
    for seed in 1..=4 {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    world.store(ORDERS, &token(1));
    world.store(ORDERS, &token(3));
    world.put_line("exports/a.jsonl", &token(4));
    world
}

#[test]
fn what_vanished_beside_a_weak_source_voids_the_run() {
    let world = weak_store();
    world.survey().unwrap();
    world.stores.objects.remove(LAKE, "exports/a.jsonl");
    world.rounds(1, HOUR);
    assert!(void_note(&world).contains("may have moved unseen into orders"), "{}", void_note(&world));
    assert_untouched(&world);
}

#[test]
fn a_weak_source_asks_for_three_strikes_and_a_fortnight() {
    let world = weak_store();
    world.rounds(8, HOUR);
    assert_untouched(&world);
    world.rounds(4, HOUR);
    assert_only_the_unreferenced_cooled(&world);
    let verdict = world.cloud.control.all_runs().into_iter().find(|run| run.stage == Stage::Booked).unwrap();
    let cooled_at = world.cloud.vault.rows()[&token(2)].cooling_since.unwrap();
    assert!(cooled_at.plus(14 * 24 * HOUR) <= verdict.resume_at.unwrap());
}
