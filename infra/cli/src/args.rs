//! The command line: what an operator may ask for.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use lethe_domain::limits::Limits;
use lethe_domain::run::RunId;
use lethe_domain::time::{EpochSeconds, TimeScale};
use lethe_domain::token::TenantId;

/// Looks after the tokens that nobody needs any more: applies the config, books runs, approves plans, and tells what
/// became of a token and why.
///
/// Exit codes: 0 done, 1 failed (the service or the network), 2 the input is wrong, 3 `verify` found something wrong.
#[derive(Debug, Parser)]
#[command(name = "lethe", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// The stack that Lethe was deployed as; its tables and buckets are named after it
    #[arg(long, env = "LETHE_STACK", default_value = "lethe", global = true, value_parser = stack_name)]
    pub(crate) stack: String,
    /// Answer in JSON, times in seconds since the epoch
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The profile that the stack was deployed with
    #[arg(long, env = "LETHE_PROFILE", default_value = "production", global = true, value_enum)]
    pub(crate) profile: Profile,
    /// By how much the local profile shortens every duration
    #[arg(long, env = "LETHE_TIME_SCALE", default_value = "1", global = true, value_name = "N")]
    pub(crate) time_scale: NonZeroU32,
}

/// The profile of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Real durations.
    Production,
    /// A local cloud, on which a token's whole life takes minutes.
    Local,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a config file whole and put it in force as a new, immutable version
    Apply {
        /// The file, as `lethe.toml`; `-` reads standard input
        file: PathBuf,
    },
    /// Book a run for a tenant now instead of at its next cadence
    Run {
        /// The tenant
        #[arg(value_parser = tenant)]
        tenant: TenantId,
        /// Make the plan and stop: nothing is taken out of service
        #[arg(long)]
        plan_only: bool,
        /// Stay and show how far the run has come, until it ends or waits for an approval
        #[arg(long)]
        wait: bool,
    },
    /// Show what a run would do and why it waits
    Plan {
        /// The tenant
        #[arg(value_parser = tenant)]
        tenant: TenantId,
        /// The run; without it the one that waits, else the last one with a plan
        #[arg(value_parser = run_id)]
        run: Option<RunId>,
    },
    /// Approve exactly the plan with this hash, in your name
    Approve {
        /// The tenant
        #[arg(value_parser = tenant)]
        tenant: TenantId,
        /// The run
        #[arg(value_parser = run_id)]
        run: RunId,
        /// The plan's hash, as `lethe plan` shows it
        hash: String,
    },
    /// Say in your name that what a void run saw is right, so that the next run is held against it
    Accept {
        /// The tenant
        #[arg(value_parser = tenant)]
        tenant: TenantId,
        /// The run
        #[arg(value_parser = run_id)]
        run: RunId,
    },
    /// Approve what the commands of one day ended beyond the tenant's budget, in your name
    ApproveCommands {
        /// The tenant
        #[arg(value_parser = tenant)]
        tenant: TenantId,
        /// The day, as the second that it begins with: `lethe status` shows it
        #[arg(value_parser = day)]
        day: EpochSeconds,
    },
    /// Stop what Lethe decides by itself, at once: nothing is condemned any more until `lethe resume`
    Pause {
        /// One tenant only; without it every tenant
        #[arg(value_parser = tenant)]
        tenant: Option<TenantId>,
        /// Also take back the dates of removal that are set, and remove nothing
        #[arg(long)]
        freeze: bool,
        /// Why, for the record and for whoever looks at `lethe status`
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// End a pause, in your name
    Resume {
        /// The tenant whose own pause ends; without it the pause of all
        #[arg(value_parser = tenant)]
        tenant: Option<TenantId>,
    },
    /// Bring back every token that a run took out of service or sentenced, as far as it is still there
    Undo {
        /// The tenant
        #[arg(value_parser = tenant)]
        tenant: TenantId,
        /// The run
        #[arg(value_parser = run_id)]
        run: RunId,
        /// Only count what it would do
        #[arg(long)]
        look: bool,
        /// Do not stay to see it done; reconcile does it all the same
        #[arg(long, conflicts_with = "look")]
        no_wait: bool,
        /// Why, for the record
        #[arg(long, value_name = "TEXT", conflicts_with = "look")]
        reason: Option<String>,
    },
    /// Show the tenants, their runs, what waits for a person, what commands still reach, and the first deletion to come
    Status {
        /// One tenant only
        #[arg(value_parser = tenant)]
        tenant: Option<TenantId>,
    },
    /// Plant, list and retire canaries: tokens of ours that a tenant keeps in its stores, which every run must see there
    Canary {
        #[command(subcommand)]
        what: CanaryCommand,
    },
    /// Replay the record of a tenant against its vault and archive, and name what does not add up
    ///
    /// Reads every row, the whole record and the list of the archive, and writes nothing. What seems wrong is looked at
    /// again after the grace, since the record follows the vault by seconds. Exit code 3 when something is wrong.
    Verify {
        /// The tenant
        #[arg(value_parser = tenant)]
        tenant: TenantId,
        /// After how many seconds what seems wrong is looked at again
        #[arg(long, default_value = "120", value_name = "SECONDS")]
        grace: u32,
    },
    /// Show where a token stands and why, and everything on record about it
    Explain {
        /// The tenant
        #[arg(value_parser = tenant)]
        tenant: TenantId,
        /// The token; `-` reads it from standard input, which keeps it out of the shell's history
        token: String,
    },
}

/// What to do with canaries.
#[derive(Debug, Subcommand)]
pub(crate) enum CanaryCommand {
    /// Write a canary to the vault and show what the tenant must put into that store; twice is once
    Plant {
        /// The tenant
        #[arg(value_parser = tenant)]
        tenant: TenantId,
        /// The source, as the config names it
        source: String,
    },
    /// Show the canaries, whether the last run saw them, and the sources without one
    List {
        /// The tenant
        #[arg(value_parser = tenant)]
        tenant: TenantId,
    },
    /// Take a canary away: runs look for it no more
    Retire {
        /// The tenant
        #[arg(value_parser = tenant)]
        tenant: TenantId,
        /// The source
        source: String,
    },
}

impl Global {
    /// The limits of the deployment's profile; `Err` says what contradicts it.
    pub(crate) fn limits(&self) -> Result<Limits, String> {
        match self.profile {
            Profile::Local => Ok(Limits::local(TimeScale::dividing_by(self.time_scale))),
            Profile::Production if self.time_scale.get() == 1 => Ok(Limits::production()),
            Profile::Production => {
                Err("a time scale needs `--profile local`: production keeps real time".to_owned())
            }
        }
    }
}

fn tenant(text: &str) -> Result<TenantId, String> {
    TenantId::new(text).map_err(|error| error.to_string())
}

fn run_id(text: &str) -> Result<RunId, String> {
    RunId::parse(text)
        .ok_or_else(|| "a run id reads like 1700000000-01; `lethe status` lists them".to_owned())
}

fn day(text: &str) -> Result<EpochSeconds, String> {
    let seconds = text.parse().ok().filter(|seconds| 0 <= *seconds);
    seconds
        .map(EpochSeconds)
        .ok_or_else(|| "a day reads like 1800000000; `lethe status` shows those that wait".to_owned())
}

fn stack_name(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if text.is_empty() || 128 < text.len() || !text.chars().all(good) {
        return Err("a stack name has 1 to 128 of a-z, A-Z, 0-9 and '-'".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["lethe"], args].concat())
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_readme_parses() {
        for args in [
            &["apply", "lethe.toml"][..],
            &["apply", "-"],
            &["run", "acme", "--plan-only", "--wait"],
            &["plan", "acme"],
            &["plan", "acme", "1700000000-02"],
            &["approve", "acme", "1700000000-02", "00ff"],
            &["accept", "acme", "1700000000-02"],
            &["approve-commands", "acme", "1800000000"],
            &["pause"],
            &["pause", "acme", "--freeze", "--reason", "INC-7"],
            &["resume", "acme"],
            &["undo", "acme", "1700000000-02", "--look"],
            &["undo", "acme", "1700000000-02", "--no-wait", "--reason", "INC-7"],
            &["status", "--json"],
            &["status", "acme", "--stack", "lethe-eu"],
            &["canary", "plant", "acme", "orders"],
            &["canary", "list", "acme"],
            &["canary", "retire", "acme", "orders"],
            &["verify", "acme"],
            &["verify", "acme", "--json", "--grace", "5"],
            &["explain", "acme", "-", "--profile", "local", "--time-scale", "20000"],
        ] {
            parse(args).unwrap();
        }
    }

    #[test]
    fn a_name_that_cannot_be_is_refused_with_its_rule() {
        for (args, rule) in [
            (&["run", "Acme"][..], "a tenant name has"),
            (&["plan", "acme", "yesterday"], "a run id reads like"),
            (&["approve-commands", "acme", "2027-01-15"], "a day reads like"),
            (&["approve-commands", "acme", "--", "-1"], "a day reads like"),
            (&["status", "--stack", "a b"], "a stack name has"),
            (&["status", "--time-scale", "0"], "time-scale"),
        ] {
            let error = parse(args).unwrap_err();
            assert!(error.to_string().contains(rule), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn a_time_scale_is_the_local_profiles_alone() {
        let global = |args: &[&str]| parse(args).unwrap().global;
        assert_eq!(global(&["status"]).limits(), Ok(Limits::production()));
        assert!(global(&["status", "--time-scale", "5"]).limits().is_err());
        let local = global(&["status", "--time-scale", "5", "--profile", "local"]).limits().unwrap();
        assert_eq!(local.patience, std::time::Duration::ZERO);
    }
}
