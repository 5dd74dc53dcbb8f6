//! `cargo xtask schema`: the running intake function against its published page, over the stand-in for its URL.

use crate::cloud::{Cloud, Stack};
use crate::stage::Stages;
use crate::{check, command, venv};

/// Builds everything, then holds the function to its page.
pub fn run() -> anyhow::Result<()> {
    let mut stages = Stages::new();
    let python = venv::CLOUD.ensure_meanwhile()?;
    stages.run("build", check::build)?;
    stages.run("python environment", || python.wait())?;
    stages.run("schemathesis", conform)?;
    stages.close();
    Ok(())
}

/// The same on a cloud of its own, where everything is built already. Any server error or undeclared answer fails.
pub fn conform() -> anyhow::Result<()> {
    venv::SCHEMA.ensure()?;
    let cloud = Cloud::start("schema")?;
    let _stack = Stack::deploy(&cloud)?;
    let mut script = venv::CLOUD.script("schemathesis_run.py");
    script.args(["--endpoint", &cloud.endpoint, "--stack-file"]).arg(cloud.stack_file());
    command::run(script.arg("--program").arg(venv::SCHEMA.program("schemathesis")))
}
