//! `lethe plan`: what a run would do, why it waits, and what to type next.

use lethe_domain::regret::by_run;
use lethe_domain::run::{PlanTally, Run, RunId, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_domain::witness::Measured;
use lethe_stages::approvals::{Approvals, approvals_of};
use lethe_stages::ports::{Control, RunRef};
use serde::Serialize;

use super::{RUNS_SEEN, RunView};
use crate::error::CliError;

/// A run's plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PlanView {
    /// Whose plan.
    pub(crate) tenant: TenantId,
    /// The run.
    #[serde(flatten)]
    pub(crate) run: RunView,
    /// What names exactly this plan.
    pub(crate) hash: String,
    /// The digest over the evidence of the scan.
    pub(crate) evidence: Option<String>,
    /// What it counts.
    pub(crate) tally: PlanTally,
    /// What it measured about the scan.
    #[serde(skip_serializing_if = "Measured::is_empty")]
    pub(crate) measured: Measured,
    /// The tokens to take out of service as a share of the active ones, in thousandths.
    pub(crate) cool_per_mille: u64,
    /// Who approved it, so that it counts.
    pub(crate) approvals: Vec<Approved>,
    /// How many persons are missing; none where nobody is asked.
    pub(crate) n_missing: u8,
    /// What to type next.
    pub(crate) next: Option<String>,
}

/// A person's yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Approved {
    /// Who (principal ARN).
    pub(crate) by: String,
    /// When.
    pub(crate) at: EpochSeconds,
}

/// Shows the plan of a run; without one of the run that waits, else of the last run that has a plan.
pub(crate) async fn plan<C: Control>(
    tenant: &TenantId,
    id: Option<&RunId>,
    control: &C,
) -> Result<PlanView, CliError> {
    let run = match id {
        Some(id) => run_of(tenant, id, control).await?,
        None => last_with_plan(tenant, control).await?,
    };
    let Some(hash) = run.plan_hash.clone() else {
        return Err(CliError::BadInput(format!(
            "run {} has no plan: it is {}{}",
            run.id,
            run.stage.as_str(),
            run.note.as_ref().map_or_else(String::new, |note| format!(" ({note})"))
        )));
    };
    let (approvals, n_missing) = approved(&run, control).await?;
    let next = (0 < n_missing).then(|| format!("lethe approve {tenant} {} {hash}", run.id));
    Ok(PlanView {
        tenant: tenant.clone(),
        run: RunView::of(&run, &by_run(&control.regrets(tenant).await?)),
        hash,
        evidence: run.evidence.clone(),
        tally: run.tally,
        measured: run.measured.clone(),
        cool_per_mille: run.tally.n_cool.saturating_mul(1000).checked_div(run.tally.n_active).unwrap_or(0),
        approvals,
        n_missing,
        next,
    })
}

/// Who approved the plan of a run, and how many persons are missing while it waits for them.
pub(crate) async fn approved<C: Control>(run: &Run, control: &C) -> Result<(Vec<Approved>, u8), CliError> {
    let Some(Approvals { given, n_missing, .. }) = approvals_of(control, run).await? else {
        return Ok((Vec::new(), 0));
    };
    let approved =
        given.into_iter().map(|approval| Approved { by: approval.actor, at: approval.approved_at });
    Ok((approved.collect(), if run.stage == Stage::Gated { n_missing } else { 0 }))
}

/// One run by its id.
pub(crate) async fn run_of<C: Control>(tenant: &TenantId, id: &RunId, control: &C) -> Result<Run, CliError> {
    let run = control.run(&RunRef { tenant: tenant.clone(), id: id.clone() }).await?;
    run.ok_or_else(|| {
        CliError::BadInput(format!(
            "tenant `{tenant}` has no run {id}; `lethe status {tenant}` lists its runs"
        ))
    })
}

async fn last_with_plan<C: Control>(tenant: &TenantId, control: &C) -> Result<Run, CliError> {
    let runs = control.runs(tenant, RUNS_SEEN).await?;
    let waits = runs.iter().find(|run| run.stage == Stage::Gated);
    let planned = || runs.iter().find(|run| run.plan_hash.is_some());
    waits.or_else(planned).cloned().ok_or_else(|| {
        CliError::BadInput(format!(
            "no run of tenant `{tenant}` has a plan yet; `lethe status {tenant}` shows its runs"
        ))
    })
}
