//! `cargo xtask chaos`: the line under tenants at work, dying functions and lying stores, on demand.

use anyhow::Context as _;

use crate::cloud::Cloud;
use crate::stage::Stages;
use crate::{ChaosArgs, check, command, venv};

/// Sets everything up, then hands over to `drive_chaos.py`, whose checker decides.
pub fn run(args: &ChaosArgs) -> anyhow::Result<()> {
    let mut stages = Stages::new();
    let python = venv::CLOUD.ensure_meanwhile()?;
    stages.run("build", check::build)?;
    stages.run("python environment", || python.wait())?;
    let cloud = stages.run("local cloud behind a front", || Cloud::start_behind_front("chaos"))?;
    stages.run("chaos", || drive(args, &cloud))?;
    stages.close();
    Ok(())
}

fn drive(args: &ChaosArgs, cloud: &Cloud) -> anyhow::Result<()> {
    let mut script = venv::CLOUD.script("drive_chaos.py");
    script.args(["--endpoint", &cloud.endpoint]);
    for (name, value) in [
        ("--minutes", args.minutes.to_string()),
        ("--seed", args.seed.to_string()),
        ("--tokens", args.tokens.to_string()),
        ("--tenants", args.tenants.to_string()),
    ] {
        script.args([name, &value]);
    }
    if let Some(path) = &args.json {
        // The script runs in the repository's root, the caller may be elsewhere.
        script.arg("--json").arg(std::path::absolute(path).context("find the working directory")?);
    }
    command::run(&mut script)
}
