//! How far a tenant's first purge is, for `lethe status`.

use lethe_domain::backlog::{Backlog, days_to_finish};
use lethe_domain::config::GateRails;
use lethe_domain::run::Run;
use lethe_domain::time::EpochSeconds;
use serde::Serialize;

/// A first purge that leaves in slices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FirstPurgeView {
    /// How many tokens were taken out of service so far.
    pub(crate) n_taken: u64,
    /// In how many slices.
    pub(crate) n_slices: usize,
    /// How many tokens the last plan put off.
    pub(crate) n_deferred: u64,
    /// In how many days they are gone, if nothing stops them.
    pub(crate) n_days: u64,
    /// Who approved it (principal ARNs).
    pub(crate) approved_by: Vec<String>,
    /// When.
    pub(crate) approved_at: Option<EpochSeconds>,
    /// Why it stands still, if it does.
    pub(crate) stopped: Option<String>,
}

/// The purge as the record and the last plan have it; `None` where nothing is put off, or it is over.
pub(crate) fn first_purge(
    backlog: Option<Backlog>,
    runs: &[Run],
    rails: &GateRails,
) -> Option<FirstPurgeView> {
    let is_planned = |run: &&Run| run.plan_hash.is_some() && !run.plan_only;
    let last = runs.iter().filter(is_planned).max_by_key(|run| run.scan_started_at)?;
    let backlog = backlog.unwrap_or_else(|| Backlog::new(last.tenant.clone()));
    let n_deferred = last.tally.n_deferred;
    if backlog.finished_at.is_some() || n_deferred == 0 {
        return None;
    }
    Some(FirstPurgeView {
        n_taken: backlog.slices.iter().map(|slice| slice.n_tokens).fold(0, u64::saturating_add),
        n_slices: backlog.slices.len(),
        n_deferred,
        n_days: days_to_finish(n_deferred, last.tally.n_active, rails),
        approved_at: backlog.approved.as_ref().map(|approved| approved.at),
        approved_by: backlog.approved.map(|approved| approved.by).unwrap_or_default(),
        stopped: backlog.stopped,
    })
}
