//! Windows and crons, by identity: which runs there are, which tokens are taken and which are kept, on each side of each
//! edge of the night.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use lethe_domain::message::Wake;
use lethe_domain::row::Phase;
use lethe_domain::run::{Purpose, Run, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TokenId;
use lethe_stages::invocation::Invocation;
use lethe_testkit::{Sample, row, token};

use crate::driver::World;
use crate::world::HOUR;

mod crons;
mod edges;
mod unbound;

/// 01:00-05:00 in Berlin is 00:00-04:00 UTC in winter.
const NIGHT: &str = "01:00-05:00 Europe/Berlin";
const TEN_MINUTES: Duration = Duration::from_mins(10);

fn at(time: &str) -> EpochSeconds {
    // The date of a test's night, and a time on it.
    let time = if time.len() == 8 { format!("2027-01-16T{time}Z") } else { time.to_owned() };
    EpochSeconds(time.parse::<jiff::Timestamp>().unwrap().as_second())
}

fn sample() -> Sample {
    Sample::new().tenant("acme").table("orders", "acme-orders", 2).cadence("24h")
}

/// Tokens 1, 3 and 4 are in the table, in pages of their own; token 2 is in no store.
fn world(sample: &Sample) -> World {
    let world = World::new(&sample.text());
    world.stores.tables.create("acme-orders");
    world.stores.tables.set_page_size(2);
    for seed in 1..=4 {
        world.cloud.vault.insert(row("acme", &token(seed)));
        if seed != 2 {
            world.store("acme-orders", &token(seed));
        }
    }
    world.drain();
    world
}

/// Rounds until a moment, which then is now.
fn rounds_until(world: &World, until: EpochSeconds, step: Duration) {
    while world.now() < until {
        world.round();
        let next = world.now().plus(step).min(until);
        world.cloud.clock.set(next);
    }
}

fn runs(world: &World) -> Vec<Run> {
    world.cloud.control.all_runs()
}

fn stages(world: &World) -> Vec<Stage> {
    runs(world).iter().map(|run| run.stage).collect()
}

fn out_of_service(world: &World) -> BTreeSet<TokenId> {
    let phases = world.phases().into_iter().filter(|(_, phase)| *phase != Phase::Active);
    phases.map(|(token, _)| token).collect()
}

fn in_service(world: &World) -> BTreeSet<TokenId> {
    let phases = world.phases().into_iter().filter(|(_, phase)| *phase == Phase::Active);
    phases.map(|(token, _)| token).collect()
}

fn seeds(range: impl IntoIterator<Item = u64>) -> BTreeSet<TokenId> {
    range.into_iter().map(token).collect()
}

/// Takes messages, each by a worker whose window closes after it has looked so often whether it does.
fn take_until_the_edge(world: &World, wakes: &[Wake], n_looks: u32) {
    for wake in wakes {
        let looks = Cell::new(0);
        let has_come = |_| {
            looks.set(looks.get() + 1);
            n_looks < looks.get()
        };
        let at = Invocation { now: world.now(), should_pause: &|| false, has_come: &has_come };
        world.take_at(wake, at).unwrap();
    }
}

/// How often stores were read and rows were written.
fn work_done(world: &World) -> (u64, u64) {
    (world.cloud.faults.n_calls_of("tables.scan_page"), world.cloud.vault.n_writes())
}

#[test]
fn without_a_window_a_run_works_at_any_hour() {
    let world = world(&sample());
    for hour in 0..24 {
        world.cloud.clock.set(EpochSeconds(at("00:00:00").0 + hour * 3600));
        world.round();
    }
    world.rounds(24, HOUR);
    assert_eq!((out_of_service(&world), in_service(&world)), (seeds([2]), seeds([1, 3, 4])));
    let began: BTreeSet<i64> =
        runs(&world).iter().map(|run| run.scan_started_at.0.rem_euclid(86_400) / 3600).collect();
    assert!(began.contains(&0) && began.iter().any(|hour| 4 <= *hour), "{began:?}");
}

#[test]
fn within_a_window_the_same_tokens_are_taken_and_every_run_begins_and_ends_in_it() {
    let world = world(&sample().window(NIGHT));
    rounds_until(&world, at("2027-01-27T12:00:00Z"), TEN_MINUTES);
    // Taken, cooled off for seven days, sentenced, archived.
    assert_eq!(in_service(&world), seeds([1, 3, 4]));
    assert_eq!(world.cloud.vault.row(&row("acme", &token(2)).key()), None);
    for run in runs(&world).iter().filter(|run| run.scan_started_at.0 > 0) {
        assert!(run.scan_started_at.0.rem_euclid(86_400) < 4 * 3600, "{run:?}");
        assert!(run.progressed_at.0.rem_euclid(86_400) < 4 * 3600, "{run:?}");
        assert_eq!(run.stage, Stage::Applied, "{run:?}");
    }
    assert!(world.failures.borrow().is_empty(), "{:?}", world.failures.borrow());
}
