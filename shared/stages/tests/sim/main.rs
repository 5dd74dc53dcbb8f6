//! Deterministic simulation: the real stages over the fakes, each seed another schedule.
//!
//! A seed decides everything that is open: how the world is set up, what people do and when, in which order the calls of
//! all invocations under way happen, which of them fail and who is killed, which messages are late, doubled or lost, how
//! stream batches are cut, and how the clock moves. The same seed tells the same story again. What is promised is written
//! down in [`promises`] and [`settled`], and held against the truth, which no function has a hand in.
//!
//! `cargo xtask simulate --seeds N --from S` tells more seeds; a seed that breaks a promise prints its story and the
//! command that tells it again.
#![allow(missing_docs, unreachable_pub, reason = "the helpers of one test binary")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests fail as tests do, and say how much was tried"
)]

mod calm;
mod commands;
mod deployment;
mod dice;
mod people;
mod post;
mod promises;
mod seeds;
mod setting;
mod settled;
mod story;
mod tally;
mod truth;
mod worker;

use lethe_testkit::Flaw;
use seeds::{Wanted, tell, tell_all, tell_broken};

/// What must have happened at least once, or the simulation is blind to it.
const MUST_HAPPEN: [&str; 24] = [
    "budget approved",
    "cooled",
    "ended by a command",
    "failed",
    "frozen",
    "held",
    "issued again",
    "killed",
    "moved",
    "paused",
    "plan approved",
    "read",
    "removed",
    "revived",
    "revived by a read",
    "run applied",
    "run undone",
    "run void",
    "sentenced",
    "shadow run",
    "slice of a first purge",
    "source failed",
    "tenant emptied by commands",
    "timed out",
];

/// A flaw must be noticed within so many seeds.
const MAX_SEEDS_UNTIL_NOTICED: u64 = 200;

#[test]
fn every_seed_keeps_the_promises() {
    let wanted = Wanted::from_environment();
    let tally = tell_all(&wanted);
    println!("{} seeds from {}: {tally}", wanted.n_seeds, wanted.from);
    if 200 <= wanted.n_seeds {
        assert_eq!(tally.missing(&MUST_HAPPEN), [""; 0], "never happened");
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in [3, 11] {
        let (first, second) = (tell(seed, true), tell(seed, true));
        assert!(first.script.len() > 1000);
        assert_eq!(first.script, second.script);
        assert_eq!(first.tally, second.tally);
    }
}

/// The judge that lets everything pass proves nothing: it must see each of these.
#[test]
fn whatever_is_broken_for_good_is_noticed() {
    for flaw in Flaw::ALL {
        let noticed = (0..MAX_SEEDS_UNTIL_NOTICED).find_map(|seed| {
            let broken = tell_broken(seed, false, Some(flaw)).broken?;
            Some(format!("{flaw:?} is noticed with seed {seed}: {broken}"))
        });
        println!("{}", noticed.unwrap_or_else(|| panic!("{flaw:?} is not noticed")));
    }
}
