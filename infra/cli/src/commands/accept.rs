//! `lethe accept`: a person's word that what a void run saw is right, so that later runs are held against it.

use lethe_domain::audit::{AuditItem, Event};
use lethe_domain::run::{Run, RunId, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::ports::{Acceptance, AuditLog, Control, RunRef};
use serde::Serialize;

use super::Caller;
use super::plan::run_of;
use crate::error::CliError;

/// What an acceptance came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct AcceptanceView {
    /// Whose run.
    pub(crate) tenant: TenantId,
    /// The run.
    pub(crate) run: RunId,
    /// Who accepted it.
    pub(crate) actor: String,
    /// When.
    pub(crate) accepted_at: EpochSeconds,
    /// Whether this command accepted it; `false` when it was accepted before.
    pub(crate) is_new: bool,
}

/// Accepts what a void run saw. The run stays void; the next one is held against it.
pub(crate) async fn accept<C: Control, A: AuditLog>(
    (tenant, id): (&TenantId, &RunId),
    caller: &Caller,
    (control, audit): (&C, &A),
) -> Result<AcceptanceView, CliError> {
    let run = run_of(tenant, id, control).await?;
    check(&run)?;
    let run_ref = RunRef::from(&run);
    if let Some(earlier) = earlier(&run_ref, control).await? {
        return Ok(shown(earlier, false));
    }
    let acceptance = Acceptance { run: run_ref, actor: caller.actor.clone(), accepted_at: caller.now };
    // Guard: nothing is held against a word that is not on record, so the record comes first.
    let item = AuditItem::of_run(&run, Event::Accepted, caller.now);
    audit.record(&AuditItem { actor: Some(caller.actor.clone()), ..item }).await?;
    let is_new = control.accept(&acceptance).await?;
    Ok(shown(acceptance, is_new))
}

/// Guard: only what was seen whole can be right.
fn check(run: &Run) -> Result<(), CliError> {
    if run.is_acceptable() {
        return Ok(());
    }
    let (tenant, id) = (&run.tenant, &run.id);
    let why = if run.stage == Stage::Void {
        "it ended before it had seen every source whole, so there is nothing to accept"
    } else {
        "only a void run is accepted"
    };
    let stage = run.stage.as_str();
    Err(CliError::BadInput(format!("run {id} is {stage}: {why}; see `lethe status {tenant}`")))
}

async fn earlier<C: Control>(run: &RunRef, control: &C) -> Result<Option<Acceptance>, CliError> {
    let all = control.acceptances(&run.tenant).await?;
    Ok(all.into_iter().find(|acceptance| acceptance.run == *run))
}

fn shown(acceptance: Acceptance, is_new: bool) -> AcceptanceView {
    let Acceptance { run, actor, accepted_at } = acceptance;
    AcceptanceView { tenant: run.tenant, run: run.id, actor, accepted_at, is_new }
}
