//! `cargo xtask demo`: the whole line, from an empty machine, on one command.

use std::time::SystemTime;

use anyhow::Context as _;

use crate::cloud::{self, Cloud, Stack};
use crate::stage::Stages;
use crate::{DemoArgs, Scenario, check, command, venv};

/// Sets everything up, then hands over to drive.py, which deploys, plants, ticks, shows and checks.
pub fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let mut stages = Stages::new();
    let python = venv::CLOUD.ensure_meanwhile()?;
    stages.run("build", check::build)?;
    stages.run("python environment", || python.wait())?;
    let started = match &args.endpoint {
        Some(endpoint) => stages.run("reach the cloud", || cloud::reachable(endpoint).map(|()| None))?,
        None if args.keep => Some(stages.run("local cloud", || Cloud::start_to_leave("demo"))?),
        None => Some(stages.run("local cloud", || Cloud::start("demo"))?),
    };
    let result = stages.run("demo", || drive(args, started.as_ref()));
    if let Some(cloud) = started.filter(|_| args.keep) {
        cloud.leave();
        println!(
            "\nThe cloud stays up until `cargo xtask cloud down`. For `target/local/lethe` in a shell:\n"
        );
        cloud::print_exports(Stack::running()?.environment());
    }
    result?;
    stages.close();
    Ok(())
}

/// The line on a cloud of its own, for `cargo xtask test`; everything is built already. The checker decides.
pub fn line(tokens: u32, kill_functions: bool) -> anyhow::Result<()> {
    let name = if kill_functions { "line-killed" } else { "line" };
    line_of(Scenario::Vault, name, tokens, kill_functions)
}

/// The same for any scenario; `name` is that of the cloud, whose log is kept under it.
pub fn line_of(scenario: Scenario, name: &str, tokens: u32, kill_functions: bool) -> anyhow::Result<()> {
    let args = DemoArgs {
        scenario,
        tokens: Some(tokens),
        tenants: 2,
        seed: 11,
        json: None,
        endpoint: None,
        keep: false,
        kill_functions,
    };
    let cloud = Cloud::start(name)?;
    drive(&args, Some(&cloud))
}

fn drive(args: &DemoArgs, started: Option<&Cloud>) -> anyhow::Result<()> {
    let endpoint = match (started, &args.endpoint) {
        (Some(cloud), _) => cloud.endpoint.clone(),
        (None, given) => given.clone().unwrap_or_default().trim_end_matches('/').to_owned(),
    };
    let mut script = venv::CLOUD.script("drive.py");
    script.args(["--endpoint", &endpoint, "--stack", &stack_name(args)?]);
    let scenario = match args.scenario {
        Scenario::Vault => "vault",
        Scenario::Auth => "auth",
    };
    script.args(["--scenario", scenario, "--tenants", &args.tenants.to_string()]);
    script.args(["--seed", &args.seed.to_string()]);
    if let Some(tokens) = args.tokens {
        script.args(["--tokens", &tokens.to_string()]);
    }
    if args.kill_functions {
        script.arg("--kill-functions");
    }
    if let Some(path) = &args.json {
        // The script runs in the repository's root, the caller may be elsewhere.
        script.arg("--json").arg(std::path::absolute(path).context("find the working directory")?);
    }
    command::run(&mut script)
}

/// On somebody else's cloud the tables of an earlier demo may still be there, retained: take a fresh name.
fn stack_name(args: &DemoArgs) -> anyhow::Result<String> {
    if args.endpoint.is_none() {
        return Ok("lethe".to_owned());
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("read the clock")?;
    Ok(format!("lethe-{}", now.as_secs()))
}
