//! `cargo xtask dev FUNCTION`: cargo lambda's watch loop, with the running local cloud's settings.

use anyhow::{Context as _, bail};

use crate::cloud::Stack;
use crate::stage::Stages;
use crate::{command, place, venv};

/// Watches one function until it is interrupted.
pub fn run(function: &str) -> anyhow::Result<()> {
    if !place::FUNCTIONS.contains(&function) {
        bail!("no function `{function}`; the nine are {}", place::FUNCTIONS.join(", "));
    }
    let stack = Stack::running()?;
    let mut stages = Stages::new();
    stages.run("python environment", || venv::DEV.ensure().context("install cargo-lambda"))?;
    println!("\nin another shell:  cargo lambda invoke lethe-{function} --data-file tests/events/…");
    println!("the local cloud is at {}\n", stack.value("endpoint"));
    let mut watch = command::cargo();
    watch.env("PATH", venv::DEV.path()?).env("CARGO_LAMBDA_COMPILER", "cargo").envs(stack.environment());
    // The profile of everything else, so that nothing is compiled a second time.
    watch.current_dir(place::root().join("functions").join(function));
    command::run(watch.args(["lambda", "watch", "--profile", "local"]))
}
