//! `lethe approve`: a person's yes to exactly one plan.

use lethe_domain::approval::Principal;
use lethe_domain::audit::AuditItem;
use lethe_domain::run::{Run, RunId, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::approvals::{Approvals, approvals_of};
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
    /// How many persons are still missing.
    pub(crate) n_missing: u8,
}

/// Approves the plan with this hash. The run goes on with the next tick of survey after enough persons did.
pub(crate) async fn approve<C: Control, A: AuditLog>(
    (tenant, id): (&TenantId, &RunId),
    hash: &str,
    caller: &Caller,
    (control, audit): (&C, &A),
) -> Result<ApprovalView, CliError> {
    let run = run_of(tenant, id, control).await?;
    // Guard: a yes is to one plan. A plan that changed since it was looked at has another hash.
    let Some(approvals) =
        approvals_of(control, &run).await?.filter(|_| run.plan_hash.as_deref() == Some(hash))
    else {
        return Err(CliError::BadInput(format!(
            "this is not the hash of the plan of run {id}; a changed plan needs a new approval, look at it as it is \
             now: lethe plan {tenant} {id}"
        )));
    };
    if let Some(earlier) = approvals.given.last().filter(|_| approvals.n_missing == 0) {
        return Ok(view(earlier.clone(), 0, false));
    }
    if run.stage != Stage::Gated {
        return Err(CliError::BadInput(format!(
            "run {id} does not wait for an approval: it is {}",
            run.stage.as_str()
        )));
    }
    check_person(&run, &approvals, caller)?;
    let approval = Approval {
        run: RunRef::from(&run),
        hash: hash.to_owned(),
        actor: caller.actor.clone(),
        approved_at: caller.now,
    };
    let is_new = control.approve(&approval).await?;
    audit.record(&AuditItem::of_approval(&run, &caller.actor, caller.now)).await?;
    Ok(view(approval, approvals.n_missing.saturating_sub(1), is_new))
}

/// Refuses a yes that would not count, before anything is stored.
fn check_person(run: &Run, approvals: &Approvals, caller: &Caller) -> Result<(), CliError> {
    let Approvals { quorum, given, n_missing } = approvals;
    let person = Principal::of(&caller.actor);
    if !quorum.admits(&caller.actor) {
        return Err(CliError::BadInput(format!(
            "{} stored config version {}, which this plan follows, and the plan needs {} persons who did not; ask \
             somebody else to approve it",
            person.as_str(),
            run.config,
            quorum.n_persons()
        )));
    }
    if let Some(earlier) = given.iter().find(|approval| Principal::of(&approval.actor) == person) {
        return Err(CliError::BadInput(format!(
            "{} approved this plan at {} already, and it needs {n_missing} more; all sessions of one role are one \
             person, so ask somebody with a user or a role of their own",
            person.as_str(),
            earlier.approved_at
        )));
    }
    Ok(())
}

fn view(approval: Approval, n_missing: u8, is_new: bool) -> ApprovalView {
    let Approval { run, hash, actor, approved_at } = approval;
    ApprovalView { tenant: run.tenant, run: run.id, hash, actor, approved_at, is_new, n_missing }
}
