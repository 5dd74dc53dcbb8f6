//! How far the approval of a plan is, for whoever lets a run go on and for whoever is asked about it.

use lethe_domain::approval::Quorum;
use lethe_domain::run::{Run, Stage};
use lethe_domain::shape::shape_of;
use lethe_domain::time::TimeScale;

use crate::error::StageError;
use crate::parsed::config_of;
use crate::ports::{Approval, Control, RunRef, StoredConfig};

/// Among how many of the tenant's latest runs the last that was carried out is looked for.
const RUNS_SEEN: u32 = 40;

/// How many earlier versions of the config are looked through for who wrote it.
const VERSIONS_SEEN: usize = 64;

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
    let authors = authors_of(control, run).await?;
    let Some(quorum) = Quorum::of(run, authors.iter().map(String::as_str)) else { return Ok(None) };
    let mut given = control.approvals(&RunRef::from(run)).await?;
    given.retain(|approval| quorum.counts(&approval.hash, &approval.actor));
    given.sort_by(|one, other| (one.approved_at, &one.actor).cmp(&(other.approved_at, &other.actor)));
    let yes = given.iter().map(|approval| (approval.hash.as_str(), approval.actor.as_str()));
    let n_missing = quorum.n_missing(yes);
    Ok(Some(Approvals { quorum, given, n_missing }))
}

/// Who wrote what a run follows: who stored the version that it pins, those since the one that a run was last carried out by,
/// and those before that say the same about the tenant's stores and rules. Else somebody else's word about another tenant would hide who took a store out.
async fn authors_of<C: Control>(control: &C, run: &Run) -> Result<Vec<String>, StageError> {
    let shape = |stored: &StoredConfig| {
        config_of(&stored.text, TimeScale::REAL).map(|config| shape_of(&config, &run.tenant))
    };
    let version = run.config;
    let pinned = control.config(version).await?.ok_or(StageError::Config { version })?;
    let ours = shape(&pinned);
    let runs = control.runs(&run.tenant, RUNS_SEEN).await?;
    let carried_out = runs.iter().find(|run| run.stage == Stage::Applied).map_or(0, |run| run.config);
    let mut authors = vec![pinned.author];
    for version in (0..version).rev().take(VERSIONS_SEEN) {
        match control.config(version).await? {
            Some(earlier) if carried_out < version || shape(&earlier) == ours => authors.push(earlier.author),
            Some(_) | None => break,
        }
    }
    Ok(authors)
}
