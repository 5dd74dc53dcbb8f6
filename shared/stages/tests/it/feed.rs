//! Silence is idleness only where somebody would have told of a read.

use std::time::Duration;

use futures::executor::block_on;
use lethe_domain::policy::Trigger;
use lethe_domain::read_feed::HourOfReads;
use lethe_domain::row::Phase;
use lethe_stages::ports::Control;
use lethe_stages::settings::Mode;
use lethe_testkit::{FaultKind, Sample, row, tenant, token};

use crate::driver::World;
use crate::world::{DAY, HOUR};

/// A token of kind `vault` that nobody reads, a canary, and somebody else's token that is read.
const SILENT: u64 = 1;
const CANARY: u64 = 2;
const BUSY: u64 = 3;

fn world(feed: &str) -> World {
    let config = Sample::new()
        .tenant("acme")
        .table("orders", "acme-orders", 1)
        .cadence("30d")
        .idle_after("3d")
        .with("[kinds.vault.on.idle]\ncool_off = \"24h\"")
        .ratio(5, 10)
        .reads(feed);
    let world = World::new(&config.text());
    world.stores.tables.create("acme-orders");
    let now = world.now();
    world.cloud.vault.insert(row("acme", &token(SILENT)).created_at(now).due_at(now.plus(DAY * 3 + HOUR)));
    world.cloud.vault.insert(row("acme", &token(CANARY)).kind("canary"));
    world.cloud.vault.insert(row("acme", &token(BUSY)));
    world.round_quietly();
    world
}

/// Lets hours pass, in each of which the canary is read or not and somebody else's token so many times.
fn hours(world: &World, n: u32, reads_canary: bool, n_reads: u64) {
    for _ in 0..n {
        if reads_canary {
            assert_eq!(world.read("acme", &token(CANARY)).status, 200);
        }
        for _ in 0..n_reads {
            world.read("acme", &token(BUSY));
        }
        world.cloud.clock.advance(HOUR);
        world.expire().unwrap();
        world.drain();
    }
    assert_eq!(*world.failures.borrow(), [""; 0]);
}

fn phase(world: &World) -> Phase {
    world.phases()[&token(SILENT)]
}

#[test]
fn a_token_is_idle_when_the_feed_was_alive_through_its_whole_window() {
    let world = world("proven");
    hours(&world, 72, true, 1);
    assert_eq!(phase(&world), Phase::Active);
    // The window is idle_after and one granularity.
    hours(&world, 1, true, 1);
    assert_eq!(phase(&world), Phase::Cooling);
    let row = world.cloud.vault.row(&row("acme", &token(SILENT)).key()).unwrap();
    assert_eq!(row.reason, Some(Trigger::Idle));
}

#[test]
fn no_more_tokens_go_idle_in_a_day_than_the_ratio_has_room_for() {
    let world = world("proven");
    let due = world.now().plus(DAY * 3 + HOUR);
    for seed in 10..40 {
        let idle = row("acme", &token(seed)).created_at(world.now()).due_at(due);
        world.cloud.vault.insert(idle);
    }
    // Of 32 tokens 5 % are less than the floor of ten. The thirty and the silent one go idle at once.
    let n_cooling = || world.phases().values().filter(|phase| **phase == Phase::Cooling).count();
    hours(&world, 72, true, 1);
    assert_eq!(n_cooling(), 0);
    // Each day to its last hour. Whoever is put off has a time of its own on the next day, which may be in that hour.
    let days = [14, 24, 24, 24, 24].map(|n| {
        hours(&world, n, true, 1);
        n_cooling()
    });
    assert_eq!(days[..2], [10, 20]);
    assert!(days.windows(2).all(|pair| pair[1] <= pair[0] + 10), "{days:?}");
    assert_eq!(days[4], 31);
}

#[test]
fn a_tenant_without_a_read_feed_never_goes_idle() {
    let world = world("proven");
    for _ in 0..40 {
        world.cloud.clock.advance(DAY);
        world.expire().unwrap();
        world.drain();
    }
    assert_eq!(phase(&world), Phase::Active);
    // One look a window, and not one a tick.
    assert!(world.cloud.vault.n_writes_of(&token(SILENT)) <= 14);
}

#[test]
fn reads_without_a_canary_prove_nothing() {
    let world = world("proven");
    hours(&world, 200, false, 3);
    assert_eq!(phase(&world), Phase::Active);
}

#[test]
fn a_gap_extends_the_window_by_its_length() {
    let world = world("proven");
    hours(&world, 40, true, 1);
    hours(&world, 20, false, 1);
    hours(&world, 32, true, 1);
    assert_eq!(phase(&world), Phase::Active);
    hours(&world, 1, true, 1);
    assert_eq!(phase(&world), Phase::Cooling);
}

#[test]
fn an_hour_with_half_of_the_usual_reads_missing_is_a_gap() {
    let world = world("proven");
    // Four days of ten reads an hour, and then a new token that nobody reads.
    hours(&world, 96, true, 10);
    let (late, now) = (token(4), world.now());
    world.cloud.vault.insert(row("acme", &late).created_at(now).due_at(now.plus(DAY * 3 + HOUR)));
    hours(&world, 24, true, 4);
    hours(&world, 72, true, 10);
    assert_eq!(world.phases()[&late], Phase::Active);
    hours(&world, 1, true, 10);
    assert_eq!(world.phases()[&late], Phase::Cooling);
}

#[test]
fn whoever_vouches_for_the_feed_goes_by_the_clock_and_counts_nothing() {
    let world = world("trusted");
    hours(&world, 72, false, 1);
    assert_eq!(phase(&world), Phase::Active);
    hours(&world, 1, false, 1);
    assert_eq!(phase(&world), Phase::Cooling);
    assert!(counted(&world).is_empty());
}

#[test]
fn the_feed_is_counted_in_report_mode_too_and_once_a_command() {
    let mut world = world("proven");
    world.settings.mode = Mode::Report;
    hours(&world, 1, true, 3);
    hours(&world, 1, false, 0);
    hours(&world, 1, false, 2);
    let expected = [HourOfReads { n_reads: 3, n_canaries: 1 }, HourOfReads { n_reads: 2, n_canaries: 0 }];
    assert_eq!(counted(&world), expected);
    // Guesses at tokens that are nowhere are no pulse.
    world.read("acme", &token(99));
    assert_eq!(counted(&world), expected);
}

#[test]
fn a_count_that_fails_keeps_no_read_from_its_token() {
    let body =
        format!(r#"{{"v":1,"tenant":"acme","command":"read","tokens":["{}"]}}"#, token(SILENT).expose());
    for n in 1.. {
        let world = world("proven");
        world.cloud.clock.advance(Duration::from_hours(2));
        world.cloud.faults.fail_call(n, FaultKind::BeforeEffect);
        let answer = world.try_command(&body);
        let fired = world.cloud.faults.fired().expect("some call counts");
        if fired == "control.count_reads" {
            assert_eq!(answer.unwrap().status, 200);
            let row = world.cloud.vault.row(&row("acme", &token(SILENT)).key()).unwrap();
            assert_eq!(row.last_read_at, Some(world.now()));
            assert!(counted(&world).is_empty());
            return;
        }
    }
}

fn counted(world: &World) -> Vec<HourOfReads> {
    let since = world.now().minus(DAY * 365);
    block_on(world.cloud.control.reads_by_hour(&tenant("acme"), since)).unwrap().into_values().collect()
}
