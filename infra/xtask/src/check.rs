//! `cargo xtask test`: every check and every test, in the order in which a fault is cheapest to see.

use std::process::Command;

use crate::cloud::{Cloud, Stack};
use crate::stage::Stages;
use crate::venv::Installation;
use crate::{Scenario, TestArgs, command, demo, place, schema, simulate, venv};

/// One profile for the demo and every test, so that the SDK is compiled once.
const LOCAL: [&str; 4] = ["--profile", "local", "--workspace", "--locked"];

/// The root's and the two that are not part of it.
const WORKSPACES: [&str; 3] = ["Cargo.toml", "infra/xtask/Cargo.toml", "infra/fuzz/Cargo.toml"];

/// Builds the functions and the operator's command. One test target is part of it: with none, cargo would leave out
/// the features that dev-dependencies add to shared crates, and compile the SDK again for the tests.
pub fn build() -> anyhow::Result<()> {
    command::run(command::cargo().arg("build").args(LOCAL).args(["--bins", "--test", "it"]))
}

/// Builds every test before the cloud is started for them.
fn build_tests() -> anyhow::Result<()> {
    command::run(command::cargo().arg("test").args(LOCAL).arg("--no-run"))
}

/// Runs the checks.
pub fn run(args: &TestArgs) -> anyhow::Result<()> {
    let mut stages = Stages::new();
    // Downloads while the compiler works.
    let cloud = venv::CLOUD.ensure_meanwhile()?;
    let lint = if args.fast { None } else { Some(venv::LINT.ensure_meanwhile()?) };
    stages.run("format", || WORKSPACES.into_iter().try_for_each(format_of))?;
    stages.run("clippy", clippy)?;
    if !args.fast {
        stages.run("docs", docs)?;
    }
    stages.run("xtask's own tests", own_tests)?;
    stages.run("python environment", || cloud.wait())?;
    stages.run("python checks", python)?;
    if args.fast {
        stages.run("unit tests", unit_tests)?;
        println!(
            "\nleft out by --fast: docs, the simulation, everything that needs the local cloud, the template linters"
        );
    } else {
        stages.run("build", build)?;
        stages.run("build tests", build_tests)?;
        // Before the cloud is there, which would want the same cores.
        let simulation = format!("simulation, {} seeds", simulate::SEEDS);
        stages.run(&simulation, || simulate::tell(simulate::SEEDS, 0))?;
        whole(&mut stages)?;
        stages.run("whole line", || demo::line(1_400, false))?;
        stages.run("whole line, functions killed", || demo::line(2_000, true))?;
        stages.run("whole line, an auth service's day", || {
            demo::line_of(Scenario::Auth, "line-auth", 600, false)
        })?;
        stages.run("schemathesis", schema::conform)?;
        stages.run("template linters", || lint.map_or(Ok(()), template))?;
    }
    stages.close();
    println!("\nall checks passed");
    Ok(())
}

/// The tests, with a cloud to run on; it ends with this function.
fn whole(stages: &mut Stages) -> anyhow::Result<()> {
    let cloud = stages.run("local cloud", || Cloud::start("test"))?;
    let stack = stages.run("deploy", || Stack::deploy(&cloud))?;
    stages.run("tests", || {
        let mut tests = command::cargo();
        tests.arg("test").args(LOCAL).env("INSTA_UPDATE", "no").envs(stack.test_environment());
        command::run(&mut tests)
    })
}

fn format_of(manifest: &str) -> anyhow::Result<()> {
    command::run(command::cargo().args(["fmt", "--all", "--check", "--manifest-path", manifest]))
}

fn clippy() -> anyhow::Result<()> {
    command::run(command::cargo().arg("clippy").args(LOCAL).args(["--all-targets", "--", "-D", "warnings"]))?;
    let own = [
        "clippy",
        "--manifest-path",
        "infra/xtask/Cargo.toml",
        "--target-dir",
        "target/xtask",
        "--all-targets",
    ];
    command::run(command::cargo().args(own).args(["--locked", "--", "-D", "warnings"]))
}

fn docs() -> anyhow::Result<()> {
    let words =
        ["doc", "--profile", "local", "--workspace", "--no-deps", "--document-private-items", "--locked"];
    command::run(command::cargo().args(words).env("RUSTDOCFLAGS", "-D warnings"))
}

fn own_tests() -> anyhow::Result<()> {
    let words =
        ["test", "--manifest-path", "infra/xtask/Cargo.toml", "--target-dir", "target/xtask", "--locked"];
    command::run(command::cargo().args(words))
}

fn unit_tests() -> anyhow::Result<()> {
    command::run(command::cargo().arg("test").args(LOCAL).args(["--lib", "--bins"]).env("INSTA_UPDATE", "no"))
}

/// Every file compiles and the pure parts' own tests pass. Compiled files stay out of the source tree.
fn python() -> anyhow::Result<()> {
    let python = || {
        let mut command = Command::new(venv::CLOUD.program("python"));
        command.current_dir(place::local()).env("PYTHONPYCACHEPREFIX", place::cloud("pycache"));
        command
    };
    command::run_quietly(python().args(["-m", "compileall", "-q", "."]))?;
    command::run_to_stdout(python().args(["-m", "unittest", "discover", "-s", "tests", "-t", "."]))
}

fn template(lint: Installation) -> anyhow::Result<()> {
    lint.wait()?;
    let run = |program: &str, words: &[&str]| {
        let mut command = Command::new(venv::LINT.program(program));
        command.args(words).current_dir(place::root());
        command.envs([("SAM_CLI_TELEMETRY", "0"), ("AWS_DEFAULT_REGION", "us-east-1")]);
        command::run(&mut command)
    };
    run("cfn-lint", &["template.yaml"])?;
    run("sam", &["validate", "--lint", "--template-file", "template.yaml", "--region", "us-east-1"])
}
