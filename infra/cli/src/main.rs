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
use lethe_domain::pause::Reach;
use lethe_domain::run::{RunId, Stage};
use lethe_domain::token::TenantId;
use lethe_stages::ports::RunRef;
use lethe_stages::verify::Verify;

use crate::args::{CanaryCommand, Cli, Command, Global};
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
        Command::Accept { tenant, run } => {
            let cloud = Cloud::connect(&cli.global).await?;
            let ports = (&cloud.control, &cloud.audit);
            let accepted = commands::accept::accept((tenant, run), &cloud.caller, ports).await?;
            output::answer(cli.global.json, &accepted, render::accepted);
        }
        Command::ApproveCommands { tenant, day } => {
            let cloud = Cloud::connect(&cli.global).await?;
            let (caller, ports) = (&cloud.caller, (&cloud.control, &cloud.audit));
            let approved =
                commands::approve_commands::approve_commands((tenant, *day), caller, &limits, ports).await?;
            output::answer(cli.global.json, &approved, render::commands_approved);
        }
        Command::Pause { tenant, freeze, reason } => {
            pause(&cli.global, &limits, &reach_of(tenant.as_ref()), (reason.as_deref(), *freeze)).await?;
        }
        Command::Resume { tenant } => resume(&cli.global, &limits, &reach_of(tenant.as_ref())).await?,
        Command::Undo { tenant, run, look: true, .. } => {
            look_at_undo(&cli.global, &limits, (tenant, run)).await?;
        }
        Command::Undo { tenant, run, no_wait, reason, look: false } => {
            undo(&cli.global, &limits, (tenant, run), (reason.as_deref(), !*no_wait)).await?;
        }
        Command::Status { tenant } => {
            let cloud = Cloud::connect(&cli.global).await?;
            let ports = (&cloud.control, &cloud.audit, &cloud.vault);
            let status = commands::status::status(tenant.as_ref(), cloud.caller.now, &limits, ports).await?;
            output::answer(cli.global.json, &status, render::status);
        }
        Command::Canary { what } => canary(&cli.global, &limits, what).await?,
        Command::Verify { tenant, grace } => verify(&cli.global, &limits, tenant, *grace).await?,
        Command::Explain { tenant, token } => explain(&cli.global, &limits, tenant, token).await?,
    }
    Ok(())
}

fn reach_of(tenant: Option<&TenantId>) -> Reach {
    tenant.map_or(Reach::Everybody, |tenant| Reach::Tenant(tenant.clone()))
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

async fn canary(global: &Global, limits: &Limits, what: &CanaryCommand) -> Result<(), CliError> {
    let cloud = Cloud::connect(global).await?;
    let ports = (&cloud.control, &cloud.vault);
    match what {
        CanaryCommand::Plant { tenant, source } => {
            let planted = commands::canary::plant((tenant, source), &cloud.caller, limits, ports).await?;
            output::answer(global.json, &planted, render::canary_planted);
        }
        CanaryCommand::List { tenant } => {
            let canaries = commands::canary::list(tenant, limits, &cloud.control).await?;
            output::answer(global.json, &canaries, render::canaries);
        }
        CanaryCommand::Retire { tenant, source } => {
            let retired = commands::canary::retire((tenant, source), limits, ports).await?;
            output::answer(global.json, &retired, render::canary_retired);
        }
    }
    Ok(())
}

async fn pause(
    global: &Global,
    limits: &Limits,
    reach: &Reach,
    how: (Option<&str>, bool),
) -> Result<(), CliError> {
    let cloud = Cloud::connect(global).await?;
    let (who, ports) = ((&cloud.caller, limits), (&cloud.control, &cloud.audit));
    let paused = commands::pause::pause(reach, how, who, ports).await?;
    output::answer(global.json, &paused, render::paused);
    Ok(())
}

async fn resume(global: &Global, limits: &Limits, reach: &Reach) -> Result<(), CliError> {
    let cloud = Cloud::connect(global).await?;
    let (who, ports) = ((&cloud.caller, limits), (&cloud.control, &cloud.audit));
    let resumed = commands::pause::resume(reach, who, ports).await?;
    output::answer(global.json, &resumed, render::resumed);
    Ok(())
}

async fn look_at_undo(global: &Global, limits: &Limits, run: (&TenantId, &RunId)) -> Result<(), CliError> {
    let cloud = Cloud::connect(global).await?;
    let Cloud { caller, control, audit, vault, work, .. } = &cloud;
    let ports = commands::undo::Ports { control, audit, vault, work };
    let view = commands::undo::look(run, (caller, limits), &ports).await?;
    output::answer(global.json, &view, render::undone);
    Ok(())
}

async fn undo(
    global: &Global,
    limits: &Limits,
    (tenant, id): (&TenantId, &RunId),
    (reason, wait): (Option<&str>, bool),
) -> Result<(), CliError> {
    let cloud = Cloud::connect(global).await?;
    let (who, ports) = ((&cloud.caller, limits), (&cloud.control, &cloud.audit));
    let ordered = commands::undo::order((tenant, id), reason, who, ports).await?;
    if !wait {
        output::answer(global.json, &ordered, render::undo_ordered);
        return Ok(());
    }
    output::progress(&render::undo_ordered(&ordered));
    let run = RunRef { tenant: tenant.clone(), id: id.clone() };
    let pause = async || tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    let show = |view: &commands::undo::UndoView| output::progress(&render::undo_progress(view));
    let done = commands::undo::follow(&run, ports, pause, show).await?;
    output::answer(global.json, &done, render::undone);
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

async fn verify(global: &Global, limits: &Limits, tenant: &TenantId, grace: u32) -> Result<(), CliError> {
    let cloud = Cloud::connect(global).await?;
    let ports = Verify {
        control: &cloud.control,
        audit: &cloud.audit,
        vault: &cloud.vault,
        archive: &cloud.archive,
        limits,
    };
    let pause = async || {
        output::progress(&render::waiting(grace));
        tokio::time::sleep(Duration::from_secs(grace.into())).await;
    };
    let tell = |progress| output::progress(&render::verifying(&progress));
    let view = commands::verify::verify(tenant, &ports, (input::now, &tell), pause).await?;
    output::answer(global.json, &view, render::verified);
    if view.n_faults == 0 {
        return Ok(());
    }
    Err(CliError::Wrong(format!("{} things of {tenant} do not add up", view.n_faults)))
}
