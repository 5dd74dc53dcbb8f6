//! `lethe run`: books a run now, and shows how it comes on.

use lethe_domain::limits::Limits;
use lethe_domain::run::{Purpose, Run, RunId, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_domain::window::Opening;
use lethe_stages::ports::{Control, Done, RunRef};
use serde::Serialize;

use super::{RUNS_SEEN, RunView, check_tenant, config_in_force};
use crate::error::CliError;

/// What booking a run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Booked {
    /// Whose run.
    pub(crate) tenant: TenantId,
    /// The run.
    #[serde(flatten)]
    pub(crate) run: RunView,
    /// Whether this command booked it; `false` when the same was booked before and has not begun.
    pub(crate) is_new: bool,
    /// The run in progress, which goes first.
    pub(crate) goes_first: Option<RunView>,
    /// When the tenant's window opens; `None` while it is open, or where there is none.
    pub(crate) opens_at: Option<EpochSeconds>,
}

/// How far a run has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The run.
    pub(crate) run: RunView,
    /// How many units or shards are done, of how many; `None` where nothing is counted.
    pub(crate) counted: Option<(usize, usize)>,
}

/// Books a discovery run for now. Its slot is the present second, so it stands in for the cadence's own.
pub(crate) async fn book<C: Control>(
    tenant: &TenantId,
    plan_only: bool,
    now: EpochSeconds,
    limits: &Limits,
    control: &C,
) -> Result<Booked, CliError> {
    let pinned = config_in_force(control, limits).await?;
    check_tenant(&pinned, tenant)?;
    if !pinned.config.is_scanned(tenant) {
        return Err(CliError::BadInput(format!(
            "no kind of tenant `{tenant}` has a format, so there is nothing to scan for; see config version {}",
            pinned.version
        )));
    }
    let opens_at = match pinned.tenant(tenant)?.opening(now) {
        Opening::Open { .. } => None,
        Opening::Closed { until } => Some(until),
    };
    let runs = control.runs(tenant, RUNS_SEEN).await?;
    let goes_first = runs.iter().find(|run| run.stage.is_open()).map(RunView::from);
    let same = |run: &&Run| {
        let is_due = run.resume_at.is_none_or(|at| at <= now);
        run.stage == Stage::Booked
            && run.purpose == Purpose::Discovery
            && run.plan_only == plan_only
            && is_due
    };
    if let Some(booked) = runs.iter().find(same) {
        return Ok(Booked {
            tenant: tenant.clone(),
            run: booked.into(),
            is_new: false,
            goes_first,
            opens_at,
        });
    }
    let id = RunId { slot: now, ordinal: 1 };
    let run = Run { plan_only, ..Run::booked(tenant.clone(), id, Purpose::Discovery, now, now) };
    let is_new = control.create_run(&run).await?;
    Ok(Booked { tenant: tenant.clone(), run: RunView::from(&run), is_new, goes_first, opens_at })
}

/// Looks at a run again and again, until it ends or waits for an approval. `pause` waits between two looks,
/// `on_change` is told whatever is new.
pub(crate) async fn follow<C: Control>(
    run: &RunRef,
    control: &C,
    pause: impl AsyncFn(),
    mut on_change: impl FnMut(&Progress),
) -> Result<Run, CliError> {
    let mut last = None;
    loop {
        let Some(row) = control.run(run).await? else {
            return Err(CliError::Failed(format!(
                "run {} is not on record any more; see `lethe status`",
                run.id
            )));
        };
        let progress = Progress { run: RunView::from(&row), counted: counted(&row, control).await? };
        if last.as_ref() != Some(&progress) {
            on_change(&progress);
            last = Some(progress);
        }
        if row.stage.is_final() || row.stage == Stage::Gated {
            return Ok(row);
        }
        pause().await;
    }
}

async fn counted<C: Control>(run: &Run, control: &C) -> Result<Option<(usize, usize)>, CliError> {
    let (kind, n) = match run.stage {
        Stage::Scanning => (Done::Scan, run.n_units as usize),
        Stage::Planning => (Done::Plan, shards_of(run, control).await?),
        Stage::Applying => (Done::Apply, shards_of(run, control).await?),
        Stage::Booked
        | Stage::Surveying
        | Stage::Draining
        | Stage::Gated
        | Stage::Applied
        | Stage::Reported
        | Stage::Void => return Ok(None),
    };
    let done = control.done(&RunRef::from(run), kind).await?;
    Ok(Some((done.len(), n)))
}

async fn shards_of<C: Control>(run: &Run, control: &C) -> Result<usize, CliError> {
    let pinned = lethe_stages::pinned::Pinned::at(control, run.config, &Limits::production()).await?;
    Ok(pinned.tenant(&run.tenant)?.shards.get().into())
}
