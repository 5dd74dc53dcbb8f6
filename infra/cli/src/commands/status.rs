//! `lethe status`: the tenants, their runs, what waits for a person, what commands still reach, and the first deletion
//! to come.

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::cadence::Cadence;
use lethe_domain::limits::Limits;
use lethe_domain::pause::Pauses;
use lethe_domain::policy::{Action, Trigger};
use lethe_domain::regret::by_run;
use lethe_domain::row::{Phase, RowRead, VaultRow, due_partition_name};
use lethe_domain::run::{Run, RunId, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{RowKey, ShardCount, TenantId};
use lethe_domain::window::{Opening, Window};
use lethe_domain::witness::Measured;
use lethe_stages::pinned::Pinned;
use lethe_stages::ports::{AuditLog, Control, ShardRef, Vault, Walk};
use lethe_stages::reconcile::freeze_walk;
use lethe_stages::settings::PARALLEL_CALLS;
use serde::Serialize;

use super::budget::{BudgetView, budget, limit_of};
use super::fan_outs::{FanOutsView, fan_outs};
use super::first_purge::{FirstPurgeView, first_purge};
pub(crate) use super::forecast::Deletion;
use super::forecast::Facts;
use super::pause::PauseView;
use super::plan::{Approved, approved};
use super::read_feed::{FeedView, read_feed};
use super::regret::{RegretView, regret};
use super::{RUNS_SEEN, RunView, check_tenant, config_in_force};
use crate::error::CliError;

/// How many of the last runs are shown.
const RUNS_SHOWN: usize = 5;

/// The rows a shard is sized for.
const SHARD_ROWS: u64 = 500_000;

/// The fill, in percent, from which a shard count is too small.
pub(crate) const FILL_WARNING_PERCENT: u64 = 70;

/// How many pages of rows with a date of removal are read for each tenant, so that `status` stays cheap on a large
/// vault.
const DATED_PAGES: usize = 64;

/// How many rows one such page has.
const DATED_PAGE_ROWS: u32 = 1000;

/// After every date of removal.
const END_OF_TIME: EpochSeconds = EpochSeconds(u32::MAX as i64);

/// How many of each partition's next ends are looked at for the first deletion by expiry.
const DUE_SEEN: u32 = 4;

/// Everything that `lethe status` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct StatusView {
    /// The config version in force.
    pub(crate) config: u64,
    /// The time of the command.
    pub(crate) now: EpochSeconds,
    /// The tenants.
    pub(crate) tenants: Vec<TenantView>,
}

/// One tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct TenantView {
    /// Its name.
    pub(crate) tenant: TenantId,
    /// What stops its decisions: the pause of all tenants and its own.
    pub(crate) pauses: Vec<PauseView>,
    /// How far a freeze has come with lifting its dates of removal.
    pub(crate) freeze: Option<FreezeView>,
    /// Tokens that were read today after they had been found unused.
    pub(crate) n_late_uses: u64,
    /// Its kinds.
    pub(crate) kinds: Vec<String>,
    /// Its sources.
    pub(crate) sources: Vec<String>,
    /// Those of them in which a scan cannot find what changed while it went on.
    pub(crate) weak_sources: Vec<String>,
    /// How many shards it has.
    pub(crate) shards: u16,
    /// How many tokens the last whole walk of reconcile counted.
    pub(crate) tokens: Option<u64>,
    /// How many rows the last planned run read.
    pub(crate) rows: Option<u64>,
    /// What the last planned run measured about its scan.
    #[serde(skip_serializing_if = "Measured::is_empty")]
    pub(crate) measured: Measured,
    /// How full its shards were then on average, in percent.
    pub(crate) fill_percent: Option<u64>,
    /// Its last runs, latest first.
    pub(crate) runs: Vec<RunView>,
    /// The plan that waits for an approval.
    pub(crate) waits: Option<Waiting>,
    /// How far its first purge is, while tokens are put off.
    pub(crate) first_purge: Option<FirstPurgeView>,
    /// What commands ended today, and the days that wait for an approval.
    pub(crate) budget: BudgetView,
    /// The commands that still reach tokens.
    pub(crate) fan_outs: FanOutsView,
    /// Up to when silence counts as idleness; `None` where nothing of the tenant goes idle.
    pub(crate) read_feed: Option<FeedView>,
    /// What came of what each of its policies took out of service, the latest version first.
    pub(crate) regret: Vec<RegretView>,
    /// How often its campaigns start; `None` where nothing is scanned for.
    pub(crate) cadence: Option<CadenceView>,
    /// When its runs may work; `None` where they may at any time.
    pub(crate) window: Option<WindowView>,
    /// When the next run starts; `None` while one is in progress or nothing is scanned for.
    pub(crate) next_run_at: Option<EpochSeconds>,
    /// Whether its last run ended as a report, as runs do in `Mode=report`. The mode itself is the stack's: right after
    /// a change of it, no run has ended yet.
    pub(crate) reports_only: bool,
    /// The first deletion to come; `None` when nothing leads to one.
    pub(crate) first_deletion: Option<Deletion>,
    /// Whether every row that has a date of removal was looked at; else one of them may leave sooner.
    pub(crate) first_deletion_is_exact: bool,
}

/// How often campaigns start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CadenceView {
    /// As the config has it; a duration is on the profile's scale.
    pub(crate) every: String,
    /// The next slot.
    pub(crate) next_slot: Option<EpochSeconds>,
}

impl CadenceView {
    fn of(cadence: &Cadence, now: EpochSeconds) -> Self {
        Self { every: cadence.to_string(), next_slot: cadence.next_slot(now) }
    }
}

/// When runs may work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct WindowView {
    /// As the config has it.
    pub(crate) hours: String,
    /// Whether they may now.
    pub(crate) is_open: bool,
    /// When that changes.
    pub(crate) until: EpochSeconds,
}

impl WindowView {
    fn of(window: &Window, now: EpochSeconds) -> Self {
        let (is_open, until) = match window.at(now) {
            Opening::Open { until, .. } => (true, until),
            Opening::Closed { until } => (false, until),
        };
        Self { hours: window.to_string(), is_open, until }
    }
}

/// How many of a frozen tenant's shards have no date of removal any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FreezeView {
    /// Shards done in the present pass, or in the last one where none is under way.
    pub(crate) n_shards_done: u16,
    /// Of how many.
    pub(crate) n_shards: u16,
}

/// A plan that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Waiting {
    /// The run.
    pub(crate) run: RunId,
    /// The plan.
    pub(crate) hash: String,
    /// Who has approved it already.
    pub(crate) approvals: Vec<Approved>,
    /// How many persons are missing; none when the next tick takes it up.
    pub(crate) n_missing: u8,
}

/// Looks at one tenant or at all.
pub(crate) async fn status<C: Control, A: AuditLog, V: Vault>(
    only: Option<&TenantId>,
    now: EpochSeconds,
    limits: &Limits,
    (control, audit, vault): (&C, &A, &V),
) -> Result<StatusView, CliError> {
    let pinned = config_in_force(control, limits).await?;
    if let Some(tenant) = only {
        check_tenant(&pinned, tenant)?;
    }
    let ends = next_ends(&pinned, vault).await?;
    let mut tenants = Vec::new();
    for tenant in pinned.config.tenants.keys().filter(|tenant| only.is_none_or(|only| only == *tenant)) {
        let mut view = look_at(tenant, &pinned, &ends, (now, limits), (control, audit)).await?;
        let (dated, is_exact) = first_dated(tenant, pinned.tenant(tenant)?.shards, vault).await?;
        view.first_deletion = view.first_deletion.into_iter().chain(dated).min();
        view.first_deletion_is_exact = is_exact;
        tenants.push(view);
    }
    Ok(StatusView { config: pinned.version, now, tenants })
}

async fn look_at<C: Control, A: AuditLog>(
    tenant: &TenantId,
    pinned: &Pinned,
    ends: &[VaultRow],
    (now, limits): (EpochSeconds, &Limits),
    (control, audit): (&C, &A),
) -> Result<TenantView, CliError> {
    let section = pinned.tenant(tenant)?;
    let pauses = control.pauses(tenant).await?;
    let runs = control.runs(tenant, RUNS_SEEN).await?;
    let pace = pinned.pace(tenant, limits);
    let window = section.window.as_ref();
    let facts = Facts { runs: &runs, pace, cadence: &section.cadence, window, limits, now };
    let is_scanned = pinned.config.is_scanned(tenant);
    let reports_only = runs.iter().find(|run| run.stage.is_final()).is_some_and(is_report);
    let by_scan = is_scanned.then(|| facts.first_deletion());
    let by_end = first_end(tenant, pinned, ends, now);
    let shards = section.shards.get();
    let planned = runs.iter().find(|run| run.plan_hash.is_some());
    let rows = planned.map(|run| run.tally.n_rows);
    let tokens = control.token_count(tenant).await?;
    let limit = limit_of(tokens, pinned);
    let regrets = control.regrets(tenant).await?;
    let of_runs = by_run(&regrets);
    Ok(TenantView {
        tenant: tenant.clone(),
        pauses: pauses.standing(tenant).map(|(reach, pause)| PauseView::of(&reach, pause)).collect(),
        n_late_uses: control.late_uses(tenant, limits.budget_day_of(now)).await?,
        freeze: freeze(tenant, &pauses, shards, control).await?,
        kinds: section.kinds.clone(),
        sources: section.sources.keys().cloned().collect(),
        weak_sources: section.weak_sources().into_iter().map(str::to_owned).collect(),
        shards,
        tokens,
        rows,
        measured: planned.map(|run| run.measured.clone()).unwrap_or_default(),
        fill_percent: rows.map(|rows| fill_percent(rows, shards)),
        waits: waiting(&runs, control).await?,
        first_purge: first_purge(control.backlog(tenant).await?, &runs, &pinned.config.rails.gate),
        budget: budget(tenant, limit, (now, limits), (control, audit)).await?,
        fan_outs: fan_outs(tenant, (now, limits), control).await?,
        read_feed: read_feed(tenant, pinned, (now, limits), control).await?,
        regret: regret(&regrets),
        cadence: is_scanned.then(|| CadenceView::of(&section.cadence, now)),
        window: window.filter(|_| is_scanned).map(|window| WindowView::of(window, now)),
        next_run_at: if is_scanned { next_run_at(&facts) } else { None },
        reports_only,
        first_deletion: by_scan.into_iter().chain(by_end).min(),
        first_deletion_is_exact: false,
        runs: runs.iter().take(RUNS_SHOWN).map(|run| RunView::of(run, &of_runs)).collect(),
    })
}

async fn freeze<C: Control>(
    tenant: &TenantId,
    pauses: &Pauses,
    n_shards: u16,
    control: &C,
) -> Result<Option<FreezeView>, CliError> {
    let Some(pause) = pauses.freezing() else { return Ok(None) };
    let walk = control.walk(&freeze_walk(tenant)).await?.filter(|walk| pause.since <= walk.started_at);
    let n_shards_done = match walk {
        None => 0,
        Some(Walk { position: None, .. }) => n_shards,
        Some(Walk { position: Some(position), .. }) => position.parse().unwrap_or(0),
    };
    Ok(Some(FreezeView { n_shards_done, n_shards }))
}

fn is_report(run: &Run) -> bool {
    run.stage == Stage::Reported && !run.plan_only
}

fn fill_percent(rows: u64, shards: u16) -> u64 {
    let room = SHARD_ROWS.saturating_mul(u64::from(shards));
    rows.saturating_mul(100).checked_div(room).unwrap_or(0)
}

fn next_run_at(facts: &Facts<'_>) -> Option<EpochSeconds> {
    if facts.runs.iter().any(|run| run.stage.is_open()) {
        return None;
    }
    let booked = facts.runs.iter().filter(|run| run.stage == Stage::Booked);
    let booked = booked.map(|run| run.resume_at.unwrap_or(facts.now).max(facts.now)).min();
    Some(facts.opens(booked.map_or(facts.next_slot(), |at| at.min(facts.next_slot()))))
}

async fn waiting<C: Control>(runs: &[Run], control: &C) -> Result<Option<Waiting>, CliError> {
    let Some(run) = runs.iter().find(|run| run.stage == Stage::Gated) else { return Ok(None) };
    let Some(hash) = run.plan_hash.clone() else { return Ok(None) };
    let (approvals, n_missing) = approved(run, control).await?;
    Ok(Some(Waiting { run: run.id.clone(), hash, approvals, n_missing }))
}

/// The rows that lifecycle looks at next, from every partition of the `due` index.
async fn next_ends<V: Vault>(pinned: &Pinned, vault: &V) -> Result<Vec<VaultRow>, CliError> {
    let partitions = stream::iter((0..pinned.config.due_shards).map(due_partition_name));
    let keys: Vec<Vec<RowKey>> = partitions
        .map(|partition| async move { vault.due(&partition, END_OF_TIME, DUE_SEEN).await })
        .buffer_unordered(PARALLEL_CALLS)
        .try_collect()
        .await?;
    let rows: Vec<Option<RowRead>> = stream::iter(keys.into_iter().flatten())
        .map(|key| async move { vault.get(&key).await })
        .buffer_unordered(PARALLEL_CALLS)
        .try_collect()
        .await?;
    Ok(rows.into_iter().flatten().filter_map(RowRead::token).collect())
}

/// The first of these rows that leaves without a run or a person.
fn first_end(tenant: &TenantId, pinned: &Pinned, rows: &[VaultRow], now: EpochSeconds) -> Option<Deletion> {
    let free = rows.iter().filter(|row| row.key.tenant == *tenant && row.hold.is_none());
    free.filter_map(|row| end_of(row, pinned, now)).min()
}

fn end_of(row: &VaultRow, pinned: &Pinned, now: EpochSeconds) -> Option<Deletion> {
    let kind = pinned.config.known_kind(&row.key.tenant, &row.kind)?;
    let acting = |trigger| kind.rule(trigger).filter(|rule| rule.action != Action::Ignore);
    match row.phase() {
        Phase::Active => {
            let rule = acting(Trigger::Expired)?;
            let at = row.purge_at.unwrap_or(row.expires_at?.max(now).plus(rule.cool_off));
            Some(Deletion { at, because: "a token expires and its cool-off ends".to_owned() })
        }
        // Ended, and it waits for nobody but its family: the soonest is when lifecycle looks at it again.
        Phase::Cooling if row.waits_for.is_none() => {
            let reason = row.reason.filter(|reason| !reason.is_revivable())?;
            acting(reason)?;
            let because = format!("a token has ended and is looked at again: {}", reason.as_str());
            Some(Deletion { at: row.due_at?.max(now), because })
        }
        Phase::Cooling | Phase::Sentenced => None,
    }
}

/// The row that leaves first of those that have a date of removal, and whether all of them were looked at.
async fn first_dated<V: Vault>(
    tenant: &TenantId,
    shards: ShardCount,
    vault: &V,
) -> Result<(Option<Deletion>, bool), CliError> {
    let mut first: Option<Deletion> = None;
    let mut pages_left = DATED_PAGES;
    for shard in shards.all() {
        let at = ShardRef { tenant: tenant.clone(), shard };
        let mut after: Option<String> = None;
        loop {
            if pages_left == 0 {
                return Ok((first, false));
            }
            pages_left = pages_left.saturating_sub(1);
            let page = vault.overdue(&at, after.as_deref(), DATED_PAGE_ROWS, END_OF_TIME).await?;
            let dated = page.rows.into_iter().filter_map(RowRead::token).filter_map(|row| deletion_of(&row));
            first = first.into_iter().chain(dated).min();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok((first, true))
}

fn deletion_of(row: &VaultRow) -> Option<Deletion> {
    let because = match row.reason {
        Some(reason) => format!("a token is sentenced: {}", reason.as_str()),
        None => "a token has a known end".to_owned(),
    };
    Some(Deletion { at: row.purge_at?, because })
}
