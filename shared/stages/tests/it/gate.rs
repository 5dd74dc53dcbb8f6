//! The rails at the gate, by identity: what trips them, who lets a plan go on, and which tokens then leave service.

use std::collections::BTreeSet;

use lethe_domain::row::Phase;
use lethe_domain::run::{Run, Stage};
use lethe_domain::token::TokenId;
use lethe_testkit::{LONG_AGO, Sample, row, tenant, token};

use crate::driver::{Operator, World};
use crate::world::{DAY, HOUR, cold_store};

mod age;
mod approvals;
mod crash;
mod pace;
mod shadow;
mod slices;
mod stored;

/// One tenant with a table, one campaign a month, and the shipped ratio.
fn sample() -> Sample {
    Sample::new().tenant("acme").table("orders", "acme-orders", 2).cadence("30d").ratio(5, 10)
}

/// Tokens 1 to `n_dead` are in no store, the last of them unused longest; the others up to `n` are in the table.
fn world(sample: &Sample, n_dead: u64, n: u64) -> World {
    let world = World::new(&sample.text());
    world.operator.set(Operator::AcceptsRecall);
    world.stores.tables.create("acme-orders");
    for seed in 1..=n {
        let older = HOUR * u32::try_from(seed).unwrap();
        world.cloud.vault.insert(row("acme", &token(seed)).created_at(LONG_AGO.minus(older)));
        if n_dead < seed {
            world.store("acme-orders", &token(seed));
        }
    }
    world.drain();
    world
}

fn seeds(range: impl IntoIterator<Item = u64>) -> BTreeSet<TokenId> {
    range.into_iter().map(token).collect()
}

fn cooling(world: &World) -> BTreeSet<TokenId> {
    let out = world.phases().into_iter().filter(|(_, phase)| *phase == Phase::Cooling);
    out.map(|(token, _)| token).collect()
}

fn last_at(world: &World, stage: Stage) -> Run {
    world.cloud.control.all_runs().into_iter().rfind(|run| run.stage == stage).unwrap()
}

#[test]
fn a_plan_under_which_nothing_would_remain_is_void() {
    let world = world(&sample(), 5, 5);
    world.rounds(8, HOUR);
    let void = last_at(&world, Stage::Void);
    let note = void.note.unwrap();
    assert!(note.starts_with("all 5 active tokens of the kinds that are scanned for look unused"), "{note}");
    assert_eq!((cooling(&world), world.cloud.vault.n_writes()), (seeds([]), 0));
    // One that is found is enough for the others to go.
    world.cloud.vault.insert(row("acme", &token(6)));
    world.store("acme-orders", &token(6));
    world.rounds(40, HOUR);
    assert_eq!(cooling(&world), seeds(1..=5));
}
