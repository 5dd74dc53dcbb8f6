//! `cargo xtask release`: the packages that go to AWS, their sizes, and the checks that a release needs.

use std::process::Command;

use anyhow::Context as _;

use crate::stage::Stages;
use crate::{ReleaseArgs, command, place, venv};

/// Builds, measures and checks.
pub fn run(args: &ReleaseArgs) -> anyhow::Result<()> {
    let mut stages = Stages::new();
    stages.run("cargo-lambda", || venv::DEV.ensure())?;
    stages.run("build", || build(&args.arch))?;
    stages.run("sizes", sizes)?;
    stages.run("dependencies", dependencies)?;
    stages.run("checkov", checkov)?;
    stages.close();
    Ok(())
}

fn build(arch: &str) -> anyhow::Result<()> {
    let mut lambda = command::cargo();
    lambda.env("PATH", venv::DEV.path()?);
    lambda.args(["lambda", "build", "--release", "--output-format", "zip", "--locked"]);
    lambda.arg(if arch == "arm64" { "--arm64" } else { "--x86-64" });
    for name in place::FUNCTIONS {
        lambda.args(["--bin", &format!("lethe-{name}")]);
    }
    command::run(&mut lambda)
}

fn sizes() -> anyhow::Result<()> {
    for name in place::FUNCTIONS {
        let zip = place::target().join("lambda").join(format!("lethe-{name}")).join("bootstrap.zip");
        let bytes = std::fs::metadata(&zip).with_context(|| format!("read {}", zip.display()))?.len();
        println!("    {name:<10} {:>7} KiB zipped", bytes / 1024);
    }
    Ok(())
}

/// Licences and sources, unused dependencies; advisories need a network that may be missing.
fn dependencies() -> anyhow::Result<()> {
    let tools: [(&str, &[&str]); 2] =
        [("deny", &["deny", "check", "bans", "licenses", "sources"]), ("machete", &["machete"])];
    for (name, words) in tools {
        if command::works(command::cargo().args([name, "--version"])) {
            command::run(command::cargo().args(words))?;
        } else {
            println!("    cargo-{name} is not installed: left out (`cargo install cargo-{name}`)");
        }
    }
    Ok(())
}

fn checkov() -> anyhow::Result<()> {
    venv::RELEASE.ensure()?;
    let mut checkov = Command::new(venv::RELEASE.program("checkov"));
    command::run(checkov.args(["--config-file", ".checkov.yaml"]).current_dir(place::root()))
}
