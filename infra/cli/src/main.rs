//! `lethe`, the operator's command: puts configs in force, books runs, approves plans and what commands ended, and tells
//! what became of a token and why.

mod args;
mod cloud;
mod commands;
mod error;
mod input;
mod output;
mod render;
mod stack;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use lethe_domain::limits::Limits;
use lethe_domain::run::Stage;
use lethe_domain::token::TenantId;
use lethe_stages::ports::RunRef;

use crate::args::{Cli, Command, Global};
use crate::cloud::Cloud;
use crate::commands::explain::Ports;
use crate::error::CliError;

/// How long `--wait` waits between two looks at a run.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match carry_out(&cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error.explained(&cli.global.stack));
            ExitCode::from(error.exit_code())
        }
    }
}

async fn carry_out(cli: &Cli) -> Result<(), CliError> {
    let limits = cli.global.limits().map_err(CliError::BadInput)?;
    match &cli.command {
        Command::Apply { file } => {
            let name = file.display().to_string();
            let text = input::file(file)?;
            // Checked before any service is asked: a bad file is told as such without credentials.
            commands::apply::check(&name, &text)?;
            let cloud = Cloud::connect(&cli.global).await?;
            let ports = (&cloud.control, &cloud.audit);
            let applied =
                commands::apply::apply((&name, &text), &cloud.caller, ports, input::new_keys).await?;
            output::answer(cli.global.json, &applied, render::applied);
        }
        Command::Run { tenant, plan_only, wait } => run(cli, &limits, tenant, *plan_only, *wait).await?,
        Command::Plan { tenant, run } => {
            let cloud = Cloud::connect(&cli.global).await?;
            let plan = commands::plan::plan(tenant, run.as_ref(), &cloud.control).await?;
            output::answer(cli.global.json, &plan, render::plan);
        }
        Command::Approve { tenant, run, hash } => {
            let cloud = Cloud::connect(&cli.global).await?;
            let ports = (&cloud.control, &cloud.audit);
            let approved = commands::approve::approve((tenant, run), hash, &cloud.caller, ports).await?;
            output::answer(cli.global.json, &approved, render::approved);
        }
        Command::ApproveCommands { tenant, day } => {
            let cloud = Cloud::connect(&cli.global).await?;
            let (caller, ports) = (&cloud.caller, (&cloud.control, &cloud.audit));
            let approved =
                commands::approve_commands::approve_commands((tenant, *day), caller, &limits, ports).await?;
            output::answer(cli.global.json, &approved, render::commands_approved);
        }
        Command::Status { tenant } => {
            let cloud = Cloud::connect(&cli.global).await?;
            let ports = (&cloud.control, &cloud.audit, &cloud.vault);
            let status = commands::status::status(tenant.as_ref(), cloud.caller.now, &limits, ports).await?;
            output::answer(cli.global.json, &status, render::status);
        }
        Command::Explain { tenant, token } => explain(&cli.global, &limits, tenant, token).await?,
    }
    Ok(())
}

async fn run(
    cli: &Cli,
    limits: &Limits,
    tenant: &TenantId,
    plan_only: bool,
    wait: bool,
) -> Result<(), CliError> {
    let cloud = Cloud::connect(&cli.global).await?;
    let booked = commands::run::book(tenant, plan_only, cloud.caller.now, limits, &cloud.control).await?;
    if !wait {
        output::answer(cli.global.json, &booked, render::booked);
        return Ok(());
    }
    output::progress(&render::booked(&booked));
    let run_ref = RunRef { tenant: tenant.clone(), id: booked.run.run.clone() };
    let pause = async || tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    let show = |progress: &commands::run::Progress| output::progress(&render::progress(progress));
    let ended = commands::run::follow(&run_ref, &cloud.control, pause, show).await?;
    if ended.stage == Stage::Void {
        let why = ended.note.unwrap_or_else(|| "no reason is on record".to_owned());
        return Err(CliError::Failed(format!("run {} is void, nothing follows from it: {why}", ended.id)));
    }
    let plan = commands::plan::plan(tenant, Some(&ended.id), &cloud.control).await?;
    output::answer(cli.global.json, &plan, render::plan);
    Ok(())
}

async fn explain(global: &Global, limits: &Limits, tenant: &TenantId, token: &str) -> Result<(), CliError> {
    let token = input::token(token)?;
    let cloud = Cloud::connect(global).await?;
    let ports =
        Ports { control: &cloud.control, audit: &cloud.audit, vault: &cloud.vault, work: &cloud.work };
    let view = commands::explain::explain(tenant, &token, (cloud.caller.now, limits), &ports).await?;
    output::answer(global.json, &view, render::explain);
    Ok(())
}
