//! `cargo xtask`: sets up and runs everything around Lethe, from an empty machine.
//!
//! Every command prints its stages with their durations, ends with one clear line when something fails, and stops
//! what it started. What must speak to the local cloud is Python, under `infra/local`; this only runs it.

mod chaos;
mod check;
mod cloud;
mod command;
mod demo;
mod dev;
mod fuzz;
mod place;
mod release;
mod schema;
mod simulate;
mod stage;
mod venv;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Sets up and runs everything around Lethe")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Deploys the real template to a local cloud and runs tokens through their whole life
    Demo(DemoArgs),
    /// Lets tenants, faults and dying functions loose on a local cloud, and checks that no token in use is lost
    Chaos(ChaosArgs),
    /// Passes every check and test: what `.ci/run` calls
    Test(TestArgs),
    /// Watches one function with cargo lambda, against the cloud that `cloud up` left running
    Dev {
        /// One of the nine, e.g. `survey`
        function: String,
    },
    /// Holds the running intake function to its `OpenAPI` page, with schemathesis
    Schema,
    /// Tells seeds of the deterministic simulation of all nine stages
    Simulate(SimulateArgs),
    /// Runs hostile bytes through every entry point, with libFuzzer
    Fuzz(FuzzArgs),
    /// Builds the functions for AWS and runs the checks of a release
    Release(ReleaseArgs),
    /// Leaves a local cloud running for a developer, or stops it
    #[command(subcommand)]
    Cloud(CloudTask),
}

/// What the demo plays.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// A token vault: what no tenant's store holds any more is found and goes
    Vault,
    /// An auth service's day: sign-ins, refreshes, logouts, a stolen session, a deleted account
    Auth,
}

/// What the demo plants and where it runs.
#[derive(Args)]
pub struct DemoArgs {
    /// What is played
    #[arg(long, value_enum, default_value_t = Scenario::Vault)]
    pub scenario: Scenario,
    /// Tokens over all tenants; by default 5000 in a vault, 2000 in a day beside its large account
    #[arg(long, value_parser = clap::value_parser!(u32).range(200..=1_000_000))]
    pub tokens: Option<u32>,
    /// Tenants that share the vault
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub tenants: u32,
    /// The same seed plants the same tokens
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Writes the closing figures here
    #[arg(long, value_name = "PATH")]
    pub json: Option<PathBuf>,
    /// Uses a running `MiniStack` or `LocalStack` instead of starting one
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Leaves the local cloud running, to look around in
    #[arg(long)]
    pub keep: bool,
    /// Kills every function while it runs, to show that recovery is the normal path
    #[arg(long, conflicts_with = "endpoint")]
    pub kill_functions: bool,
}

/// How long the chaos lasts, and over what.
#[derive(Args)]
pub struct ChaosArgs {
    /// How long tenants work and faults are injected; the calm in which everything must end comes after it
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_440))]
    pub minutes: u32,
    /// The same seed plants the same tokens and makes the same schedule of faults
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Tokens over all tenants
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(600..=1_000_000))]
    pub tokens: u32,
    /// Tenants that share the vault
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=8))]
    pub tenants: u32,
    /// Writes the figures here
    #[arg(long, value_name = "PATH")]
    pub json: Option<PathBuf>,
}

/// How much `cargo xtask test` runs.
#[derive(Args)]
pub struct TestArgs {
    /// Leaves out the docs, the local cloud with the tests that need it, and the template linters
    #[arg(long)]
    pub fast: bool,
}

/// Which seeds are told.
#[derive(Args)]
pub struct SimulateArgs {
    /// How many
    #[arg(long, value_name = "N", default_value_t = simulate::SEEDS, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// The first one; a seed tells the same story every time
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub from: u64,
}

/// What is fuzzed, and for how long.
#[derive(Args)]
pub struct FuzzArgs {
    /// Only this one
    pub target: Option<String>,
    /// How long each target runs; 60 s where nothing is said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: Option<u32>,
    /// How many inputs each target is given
    #[arg(long, value_name = "N", conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: Option<u64>,
    /// With the address sanitizer, for the unsafe code of dependencies; a quarter of the executions
    #[arg(long)]
    pub address: bool,
}

/// What a release is built for.
#[derive(Args)]
pub struct ReleaseArgs {
    /// The template's `Architecture`
    #[arg(long, default_value = "arm64", value_parser = ["arm64", "x86_64"])]
    pub arch: String,
}

#[derive(Subcommand)]
enum CloudTask {
    /// Builds, starts and deploys; prints the environment to export
    Up,
    /// Stops the cloud that `up` started
    Down,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("\nxtask: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    command::end_with_signals()?;
    match task {
        Task::Demo(args) => demo::run(&args),
        Task::Chaos(args) => chaos::run(&args),
        Task::Test(args) => check::run(&args),
        Task::Dev { function } => dev::run(&function),
        Task::Schema => schema::run(),
        Task::Simulate(args) => simulate::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Release(args) => release::run(&args),
        Task::Cloud(CloudTask::Up) => cloud::up(),
        Task::Cloud(CloudTask::Down) => cloud::down(),
    }
}
