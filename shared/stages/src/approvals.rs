//! How far the approval of a plan is, for whoever lets a run go on and for whoever is asked about it.

use lethe_domain::approval::Quorum;
use lethe_domain::run::Run;

use crate::error::StageError;
use crate::ports::{Approval, Control, RunRef};

/// What is on record about the approval of a run's plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approvals {
    /// What the plan needs.
    pub quorum: Quorum,
    /// The approvals that count for it, oldest first.
    pub given: Vec<Approval>,
    /// How many persons are missing.
    pub n_missing: u8,
}

/// Reads who approved the plan of a run; `None` where it has none.
pub async fn approvals_of<C: Control>(control: &C, run: &Run) -> Result<Option<Approvals>, StageError> {
    let version = run.config;
    let config = control.config(version).await?.ok_or(StageError::Config { version })?;
    let Some(quorum) = Quorum::of(run, &config.author) else { return Ok(None) };
    let mut given = control.approvals(&RunRef::from(run)).await?;
    given.retain(|approval| quorum.counts(&approval.hash, &approval.actor));
    given.sort_by(|one, other| (one.approved_at, &one.actor).cmp(&(other.approved_at, &other.actor)));
    let yes = given.iter().map(|approval| (approval.hash.as_str(), approval.actor.as_str()));
    let n_missing = quorum.n_missing(yes);
    Ok(Some(Approvals { quorum, given, n_missing }))
}
