//! `cargo xtask simulate`: tells seeds of the simulation in `shared/stages/tests/sim`, as many as are asked for.

use crate::{SimulateArgs, command};

/// What is told where nobody says how many, and with every test run.
pub const SEEDS: u64 = 10_000;

/// Tells the seeds; the first that breaks a promise ends it with its story.
pub fn run(args: &SimulateArgs) -> anyhow::Result<()> {
    tell(args.seeds, args.from)
}

/// Tells so many seeds from this one on.
pub fn tell(n_seeds: u64, from: u64) -> anyhow::Result<()> {
    // The whole workspace's features, so that nothing is compiled a second time.
    let words = ["test", "--profile", "local", "--locked", "--workspace", "--test", "sim"];
    let mut cargo = command::cargo();
    cargo.args(words).args(["--", "--exact", "every_seed_keeps_the_promises", "--nocapture"]);
    cargo.env("LETHE_SIMULATE_SEEDS", n_seeds.to_string()).env("LETHE_SIMULATE_FROM", from.to_string());
    command::run(&mut cargo)
}
