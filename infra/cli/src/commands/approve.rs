//! `lethe approve`: a person's yes to exactly one plan.

use lethe_domain::audit::{AuditItem, Event};
use lethe_domain::run::{RunId, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::ports::{Approval, AuditLog, Control, RunRef};
use serde::Serialize;

use super::Caller;
use super::plan::run_of;
use crate::error::CliError;

/// What an approval came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ApprovalView {
    /// Whose run.
    pub(crate) tenant: TenantId,
    /// The run.
    pub(crate) run: RunId,
    /// The plan.
    pub(crate) hash: String,
    /// Who approved it.
    pub(crate) actor: String,
    /// When.
    pub(crate) approved_at: EpochSeconds,
    /// Whether this command approved it; `false` when it was approved before.
    pub(crate) is_new: bool,
}

/// Approves the plan with this hash. The run goes on with the next tick of survey.
pub(crate) async fn approve<C: Control, A: AuditLog>(
    (tenant, id): (&TenantId, &RunId),
    hash: &str,
    caller: &Caller,
    (control, audit): (&C, &A),
) -> Result<ApprovalView, CliError> {
    let run = run_of(tenant, id, control).await?;
    let run_ref = RunRef::from(&run);
    // Guard: a yes is to one plan. A plan that changed since it was looked at has another hash.
    if run.plan_hash.as_deref() != Some(hash) {
        return Err(CliError::BadInput(format!(
            "this is not the hash of the plan of run {id}; look at the plan as it is now: lethe plan {tenant} {id}"
        )));
    }
    if let Some(earlier) = control.approval(&run_ref).await?.filter(|earlier| earlier.hash == hash) {
        return Ok(approved(earlier, false));
    }
    if run.stage != Stage::Gated {
        return Err(CliError::BadInput(format!(
            "run {id} does not wait for an approval: it is {}",
            run.stage.as_str()
        )));
    }
    let approval = Approval {
        run: run_ref,
        hash: hash.to_owned(),
        actor: caller.actor.clone(),
        approved_at: caller.now,
    };
    control.approve(&approval).await?;
    let item = AuditItem::of_run(&run, Event::Approved, caller.now);
    audit.record(&AuditItem { actor: Some(caller.actor.clone()), ..item }).await?;
    Ok(approved(approval, true))
}

fn approved(approval: Approval, is_new: bool) -> ApprovalView {
    let Approval { run, hash, actor, approved_at } = approval;
    ApprovalView { tenant: run.tenant, run: run.id, hash, actor, approved_at, is_new }
}
