//! Idleness that the scan must confirm: what is idle goes only if no store holds it either.

use std::collections::BTreeMap;

use futures::executor::block_on;
use lethe_domain::audit::Event;
use lethe_domain::policy::Trigger;
use lethe_domain::row::Phase;
use lethe_domain::run::{Run, Stage};
use lethe_domain::token::TokenId;
use lethe_domain::undo::Undo;
use lethe_stages::ports::Undos;
use lethe_testkit::{Sample, row, tenant, token};

use crate::driver::World;
use crate::pauses::OPS;
use crate::world::{DAY, HOUR, remain};

/// Unread for long; a store holds it.
const IDLE_HELD: u64 = 1;
/// Unread for long, and in no store.
const IDLE: u64 = 2;
/// Read two days ago, which is no idleness, and in no store.
const READ: u64 = 3;
/// The same, and a store holds it.
const READ_HELD: u64 = 4;
const ALL: [u64; 4] = [IDLE_HELD, IDLE, READ, READ_HELD];
const CANARY: u64 = 5;

/// Tokens go idle after three days; `lines` stand under the rule of what is unreferenced.
fn world(feed: &str, lines: &str) -> World {
    let config = Sample::new()
        .tenant("acme")
        .table("orders", "acme-orders", 1)
        .cadence("24h")
        .idle_after("3d")
        .idle_waits_for_scan()
        .unreferenced(lines)
        .with("[kinds.vault.on.idle]\ncool_off = \"24h\"\nretention = \"7d\"")
        .reads(feed);
    let world = World::new(&config.text());
    world.stores.tables.create("acme-orders");
    let (now, vault) = (world.now(), &world.cloud.vault);
    for seed in [IDLE_HELD, IDLE] {
        vault.insert(row("acme", &token(seed)).due_at(now));
    }
    for seed in [READ, READ_HELD] {
        let read_at = now.minus(DAY * 2);
        vault.insert(row("acme", &token(seed)).read_at(read_at).due_at(now.plus(DAY + HOUR)));
    }
    vault.insert(row("acme", &token(CANARY)).kind("canary"));
    remain(&world);
    for seed in [IDLE_HELD, READ_HELD] {
        world.store("acme-orders", &token(seed));
    }
    world.round_quietly();
    world
}

/// Hours with every schedule in each, in which the canary and the tokens that are in use are read.
fn hours(world: &World, n: u32, reads_canary: bool) {
    for hour in 0..n {
        if reads_canary {
            assert_eq!(world.read("acme", &token(CANARY)).status, 200);
        }
        if hour % 24 == 20 {
            for seed in [READ, READ_HELD] {
                world.read("acme", &token(seed));
            }
        }
        world.round();
        world.cloud.clock.advance(HOUR);
    }
    assert_eq!(*world.failures.borrow(), [""; 0]);
}

/// Hours with a live feed until something comes of them, two days at most.
fn until_changed(world: &World) {
    let before = out(world);
    for _ in 0..48 {
        if out(world) == before {
            hours(world, 1, true);
        }
    }
}

/// Where those of the four stand that are not in service, and why.
fn out(world: &World) -> BTreeMap<TokenId, (Phase, Option<Trigger>)> {
    let rows = world.cloud.vault.rows().into_iter();
    let of_four = rows.filter(|(held, _)| ALL.iter().any(|seed| token(*seed) == *held));
    of_four
        .map(|(token, row)| (token, (row.phase(), row.reason)))
        .filter(|(_, (phase, _))| *phase != Phase::Active)
        .collect()
}

fn only_idle(phase: Phase) -> BTreeMap<TokenId, (Phase, Option<Trigger>)> {
    [(token(IDLE), (phase, Some(Trigger::Idle)))].into()
}

#[test]
fn only_what_is_idle_and_unreferenced_goes_the_whole_way() {
    let world = world("trusted", "");
    hours(&world, 3, false);
    assert!(out(&world).is_empty(), "one miss is not enough, and no timer takes it");
    hours(&world, 4, false);
    assert_eq!(out(&world), only_idle(Phase::Cooling));
    hours(&world, 36, false);
    assert_eq!(out(&world), only_idle(Phase::Sentenced));
    hours(&world, 24 * 12, false);
    assert_eq!(world.events_of("acme", &token(IDLE)), [Event::Cooled, Event::Sentenced, Event::Archived]);
    assert_eq!(world.cloud.audit.items_of(Event::Purged).len(), 1);
    for seed in [IDLE_HELD, READ, READ_HELD] {
        assert_eq!(world.phases()[&token(seed)], Phase::Active, "{seed}");
        assert_eq!(world.events_of("acme", &token(seed)), [], "{seed}");
    }
    // What is in no store and stays is told of.
    let tells = |run: &Run| (run.tally.n_not_idle, run.tally.n_struck) == (1, 0);
    assert!(world.cloud.control.all_runs().iter().any(tells));
}

#[test]
fn what_is_unreferenced_alone_goes_where_the_policy_asks_for_that_too() {
    let world = world("trusted", "action = \"invalidate\"\n");
    hours(&world, 7, false);
    let unreferenced = |seed| (token(seed), (Phase::Cooling, Some(Trigger::Unreferenced)));
    assert_eq!(out(&world), [unreferenced(IDLE), unreferenced(READ)].into());
}

#[test]
fn without_a_scan_nothing_goes_however_long_it_is_unread() {
    let mut world = world("trusted", "");
    world.settings.scan = false;
    hours(&world, 24 * 10, false);
    assert!(out(&world).is_empty());
    // It is looked at once, and not in each tick.
    assert_eq!(world.cloud.vault.n_writes_of(&token(IDLE)), 1);
}

#[test]
fn a_token_that_is_read_or_found_in_the_cool_off_comes_back() {
    for is_read in [true, false] {
        let world = world("trusted", "");
        hours(&world, 7, false);
        assert_eq!(out(&world), only_idle(Phase::Cooling));
        if is_read {
            world.read("acme", &token(IDLE));
        } else {
            world.store("acme-orders", &token(IDLE));
        }
        hours(&world, 30, false);
        assert!(out(&world).is_empty(), "read: {is_read}");
        assert_eq!(world.events_of("acme", &token(IDLE)), [Event::Cooled, Event::Reinstated]);
    }
}

#[test]
fn a_feed_that_nobody_proves_keeps_everything() {
    let world = world("proven", "");
    hours(&world, 24 * 10, false);
    assert!(out(&world).is_empty());
    let runs = world.cloud.control.all_runs();
    let n_applied = runs.iter().filter(|run| run.stage == Stage::Applied).count();
    assert!((9..=11).contains(&n_applied), "one run a campaign: {n_applied}");
    // The window begins with the first proven hour, and the gap before counts for nothing.
    hours(&world, 73, true);
    assert!(out(&world).is_empty());
    hours(&world, 30, true);
    assert_eq!(out(&world), only_idle(Phase::Cooling));
}

#[test]
fn a_feed_that_dies_in_the_cool_off_puts_the_sentence_off() {
    let world = world("proven", "");
    hours(&world, 73, true);
    until_changed(&world);
    assert_eq!(out(&world), only_idle(Phase::Cooling));
    hours(&world, 24 * 5, false);
    assert_eq!(out(&world), only_idle(Phase::Cooling));
    // It is alive again for as long as was missing, and a campaign begins.
    hours(&world, 22, true);
    assert_eq!(out(&world), only_idle(Phase::Cooling));
    until_changed(&world);
    assert_eq!(out(&world), only_idle(Phase::Sentenced));
}

#[test]
fn an_undo_brings_back_what_its_run_found_idle() {
    let world = world("trusted", "");
    hours(&world, 7, false);
    let run = world.cloud.control.all_runs().into_iter().find(|run| run.applied.n_cooled > 0).unwrap();
    let order = Undo::new(tenant("acme"), run.id, (OPS, Some("INC-7")), world.now());
    assert!(block_on(world.cloud.control.create_undo(&order)).unwrap());
    hours(&world, 1, false);
    assert!(out(&world).is_empty());
    assert_eq!(world.events_of("acme", &token(IDLE)), [Event::Cooled, Event::Reinstated]);
}
