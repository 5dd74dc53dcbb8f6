//! `cargo xtask fuzz`: libFuzzer on everything that reads bytes from outside. What is run is in `infra/fuzz`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::stage::Stages;
use crate::{FuzzArgs, command, place};

/// Every target, in the order in which they are run.
const TARGETS: [&str; 7] = ["command", "intake", "stream", "config", "marks", "audit", "message"];

/// How long a target is run where nothing is said.
const DEFAULT_SECONDS: u32 = 60;

/// The version of cargo-fuzz that is installed where there is none.
const CARGO_FUZZ: &str = "0.13.1";

/// An input that takes longer is a finding, and so is one for which the target takes more memory.
const LIMITS: [&str; 2] = ["-timeout=10", "-rss_limit_mb=1024"];

/// Fuzzes one target or all of them; the first finding ends it.
pub fn run(args: &FuzzArgs) -> anyhow::Result<()> {
    let targets: Vec<&str> =
        TARGETS.into_iter().filter(|name| args.target.as_ref().is_none_or(|only| only == name)).collect();
    ensure!(!targets.is_empty(), "there is no such target; there are {}", TARGETS.join(", "));
    let mut stages = Stages::new();
    stages.run("cargo-fuzz", ensure_cargo_fuzz)?;
    stages.run("build", || build(&targets, args.address))?;
    let host = host()?;
    let mut ran = Vec::new();
    for name in targets {
        ran.push((name, stages.run(name, || fuzz(name, &host, args))?));
    }
    stages.close();
    println!("\nExecutions");
    for (name, executions) in &ran {
        println!("  {name:<34} {executions:>11}");
    }
    println!("  {:<34} {:>11}", "all", ran.iter().map(|(_, executions)| executions).sum::<u64>());
    Ok(())
}

/// Where tools are installed that only this needs.
fn tools() -> PathBuf {
    place::target().join("tools")
}

fn ensure_cargo_fuzz() -> anyhow::Result<()> {
    if !command::works(nightly("cargo").arg("--version")) {
        bail!("libFuzzer needs a nightly compiler: rustup toolchain install nightly --profile minimal");
    }
    if tools().join("bin").join("cargo-fuzz").exists() {
        return Ok(());
    }
    let words = ["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ, "--root"];
    command::run(command::cargo().args(words).arg(tools()))
}

/// A program of the nightly toolchain, in the repository's root.
fn nightly(program: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", program]).current_dir(place::root());
    // Set by the cargo that started us; they name its toolchain and its package.
    for name in ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"]
    {
        command.env_remove(name);
    }
    command
}

/// Debug assertions and overflow checks are on. The address sanitizer sees only what unsafe code of dependencies does,
/// ours has none, and costs three of four executions.
fn build(targets: &[&str], address: bool) -> anyhow::Result<()> {
    let old = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(tools().join("bin")).chain(std::env::split_paths(&old));
    let mut cargo = nightly("cargo");
    cargo.env("PATH", std::env::join_paths(path).context("join PATH")?);
    cargo.args(["fuzz", "build", "--fuzz-dir", "infra/fuzz", "--target-dir"]).arg(place::fuzz());
    cargo.args(["--sanitizer", if address { "address" } else { "none" }]);
    if let [only] = targets {
        cargo.arg(only);
    }
    command::run(&mut cargo)
}

/// The platform that the targets are built for: this one.
fn host() -> anyhow::Result<String> {
    let output = nightly("rustc").arg("-vV").output().context("ask rustc for its host")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}

/// Runs one target and returns how many inputs it was given.
fn fuzz(name: &str, host: &str, args: &FuzzArgs) -> anyhow::Result<u64> {
    let [corpus, seeds, artifacts] =
        ["corpus", "seeds", "artifacts"].map(|kind| place::fuzz().join(kind).join(name));
    for directory in [&corpus, &seeds, &artifacts] {
        std::fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
    }
    let log = place::fuzz().join(format!("{name}.log"));
    let program = place::fuzz().join(host).join("release").join(name);
    let mut target = Command::new(&program);
    target.current_dir(place::root()).env("LETHE_FUZZ_SEEDS", &seeds);
    // As cargo-fuzz would run it.
    target.env("ASAN_OPTIONS", "detect_odr_violation=0");
    target.args(LIMITS).args(["-print_final_stats=1", "-close_fd_mask=1"]);
    target.arg(format!("-artifact_prefix={}/", artifacts.display()));
    target.arg(match (args.runs, args.seconds) {
        (Some(runs), _) => format!("-runs={runs}"),
        (None, seconds) => format!("-max_total_time={}", seconds.unwrap_or(DEFAULT_SECONDS)),
    });
    target.args([&corpus, &seeds]);
    target.stderr(File::create(&log).with_context(|| format!("write {}", log.display()))?);
    let ended = command::run(&mut target);
    let said = std::fs::read(&log).with_context(|| format!("read {}", log.display()))?;
    let said = String::from_utf8_lossy(&said);
    if ended.is_err() {
        bail!("{}", finding(&said, &log, &program));
    }
    let executions =
        executions(&said).with_context(|| format!("no count of executions in {}", log.display()))?;
    println!("    {name}: {executions} executions, nothing found");
    Ok(executions)
}

fn executions(said: &str) -> Option<u64> {
    let line = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    line?.trim().parse().ok()
}

/// What the log says about a finding, where its input is, and how to run that again.
fn finding(said: &str, log: &Path, target: &Path) -> String {
    let mut lines =
        said.lines().skip_while(|line| !line.contains("panicked at") && !line.contains("ERROR: "));
    let what: Vec<&str> = lines.by_ref().take(2).collect();
    let reproducer = said.lines().find_map(|line| line.split_once("Test unit written to "));
    let again = reproducer.map_or_else(
        || "no input was written".to_owned(),
        |(_, path)| format!("reproducer: {path}\nagain: {} {path}", target.display()),
    );
    format!("{}\n{again}\nwhole log: {}", what.join("\n"), log.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_read_from_the_final_statistics() {
        let said = "Done 299404 runs in 11 second(s)\nstat::number_of_executed_units: 299404\nstat::peak_rss_mb: 90\n";
        assert_eq!(executions(said), Some(299_404));
        assert_eq!(executions("Done 7 runs"), None);
    }

    #[test]
    fn every_target_is_run() {
        let directory = place::root().join("infra").join("fuzz").join("targets");
        let mut files: Vec<String> = std::fs::read_dir(directory)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_string_lossy().into_owned()))
            .collect();
        files.sort();
        let mut named = TARGETS.to_vec();
        named.sort_unstable();
        assert_eq!(files, named);
    }

    #[test]
    fn a_finding_names_what_and_where() {
        let said = "#12 NEW\nthread '<unnamed>' panicked at src/x.rs:7:9:\nindex out of bounds\n==1== ERROR: libFuzzer\n\
                    artifact_prefix='a/'; Test unit written to a/crash-1\n";
        let found = finding(said, Path::new("a.log"), Path::new("bin/a"));
        let expected = "thread '<unnamed>' panicked at src/x.rs:7:9:\nindex out of bounds\n\
                        reproducer: a/crash-1\nagain: bin/a a/crash-1\nwhole log: a.log";
        assert_eq!(found, expected);
        assert!(finding("killed", Path::new("a.log"), Path::new("bin/a")).contains("no input was written"));
    }
}
