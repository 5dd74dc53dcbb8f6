//! The commands: each reads, decides, acts over the ports and returns what there is to show.

pub(crate) mod accept;
pub(crate) mod apply;
pub(crate) mod approve;
pub(crate) mod approve_commands;
pub(crate) mod budget;
pub(crate) mod canary;
pub(crate) mod explain;
pub(crate) mod fan_outs;
pub(crate) mod first_purge;
mod forecast;
mod history;
mod lookup;
pub(crate) mod pause;
pub(crate) mod plan;
pub(crate) mod read_feed;
pub(crate) mod regret;
pub(crate) mod run;
mod standing;
pub(crate) mod status;
#[cfg(test)]
mod tests;
pub(crate) mod undo;
pub(crate) mod verify;

use std::collections::BTreeMap;

use lethe_domain::limits::Limits;
use lethe_domain::regret::RegretCount;
use lethe_domain::run::{Purpose, Run, RunId, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::pinned::Pinned;
use lethe_stages::ports::Control;
use serde::Serialize;

use crate::error::CliError;

/// How many of a tenant's latest runs a command looks at: as many as survey does.
pub(crate) const RUNS_SEEN: u32 = 40;

/// Who asks, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The principal's ARN.
    pub(crate) actor: String,
    /// The time of the command.
    pub(crate) now: EpochSeconds,
}

/// A run as every command shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RunView {
    pub(crate) run: RunId,
    pub(crate) purpose: Purpose,
    pub(crate) stage: Stage,
    pub(crate) plan_only: bool,
    pub(crate) config: u64,
    pub(crate) booked_at: EpochSeconds,
    pub(crate) scan_started_at: Option<EpochSeconds>,
    pub(crate) resume_at: Option<EpochSeconds>,
    pub(crate) note: Option<String>,
    pub(crate) notes: Vec<String>,
    /// What came of the tokens that it took, where it took any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) regret: Option<RegretCount>,
}

impl RunView {
    /// A run with what came of it.
    pub(crate) fn of(run: &Run, regrets: &BTreeMap<RunId, RegretCount>) -> Self {
        Self { regret: regrets.get(&run.id).copied(), ..Self::from(run) }
    }
}

impl From<&Run> for RunView {
    fn from(run: &Run) -> Self {
        Self {
            run: run.id.clone(),
            purpose: run.purpose,
            stage: run.stage,
            plan_only: run.plan_only,
            config: run.config,
            booked_at: run.booked_at,
            scan_started_at: Some(run.scan_started_at).filter(|at| at.0 != 0),
            resume_at: run.resume_at,
            note: run.note.clone(),
            notes: run.notes.clone(),
            regret: None,
        }
    }
}

/// The config in force, its durations on the profile's scale.
pub(crate) async fn config_in_force<C: Control>(control: &C, limits: &Limits) -> Result<Pinned, CliError> {
    let pinned = Pinned::current(control, limits).await?;
    pinned.ok_or_else(|| {
        CliError::Failed("no config is in force yet; store one with `lethe apply lethe.toml`".to_owned())
    })
}

/// Guard: a tenant that the config does not name is a typing error, not a tenant without runs.
pub(crate) fn check_tenant(pinned: &Pinned, tenant: &TenantId) -> Result<(), CliError> {
    if pinned.config.tenant(tenant).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = pinned.config.tenants.keys().map(TenantId::as_str).collect();
    Err(CliError::BadInput(format!(
        "config version {} has no tenant `{tenant}`; it has {}",
        pinned.version,
        known.join(", ")
    )))
}

/// The word for a run's purpose that people read.
pub(crate) fn word_of(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Discovery => "discovery",
        Purpose::Confirm => "confirm",
        Purpose::Verdict => "verdict",
    }
}
