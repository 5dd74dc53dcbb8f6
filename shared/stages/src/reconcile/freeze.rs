//! The freeze: while it stands, dates of removal are taken off the rows that bear one, and nothing is removed. TTL asks
//! nobody, so a row keeps only what it has no date for.

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::lifecycle::{Expected, Verdict, decide_freeze};
use lethe_domain::pause::Pause;
use lethe_domain::row::{RowRead, VaultRow};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use super::{Reconcile, ReconcileReport};
use crate::error::{StageError, kept_if_refused};
use crate::invocation::Invocation;
use crate::pinned::Pinned;
use crate::ports::{
    Archive, AuditLog, Control, Queue, RowWrite, ShardRef, Vault, Walk, WorkStore, WriteOutcome,
};
use crate::settings::PARALLEL_CALLS;

/// Rows asked for in one page.
const PAGE_ROWS: u32 = 1000;

/// After every date of removal.
const END_OF_TIME: EpochSeconds = EpochSeconds(u32::MAX as i64);

/// The name of a tenant's walk in the control table: its position is how many shards are behind it.
pub fn freeze_walk(tenant: &TenantId) -> String {
    format!("freeze#{tenant}")
}

impl<C, A, W, V, R, Q> Reconcile<'_, C, A, W, V, R, Q>
where
    C: Control,
    A: AuditLog,
    W: WorkStore,
    V: Vault,
    R: Archive,
    Q: Queue,
{
    /// Lifts a frozen tenant's dates, shard by shard. A shard that a tick did not finish is walked again by the next,
    /// and what was lifted in it has no date any more.
    pub(super) async fn lift_dates(
        &self,
        tenant: &TenantId,
        pinned: &Pinned,
        Invocation { now, should_pause, .. }: Invocation<'_>,
        report: &mut ReconcileReport,
    ) -> Result<(), StageError> {
        let pauses = self.control.pauses(tenant).await?;
        let Some(pause) = pauses.freezing() else { return Ok(()) };
        let name = freeze_walk(tenant);
        let Some((started_at, behind)) = self.pass(&name, pause, now).await? else { return Ok(()) };
        let shards = pinned.tenant(tenant)?.shards;
        let n_shards = usize::from(shards.get());
        for (done, shard) in (behind.saturating_add(1)..).zip(shards.all().skip(behind)) {
            let at = ShardRef { tenant: tenant.clone(), shard };
            if !self.lift_shard(&at, (pinned, now), should_pause, report).await? {
                return Ok(());
            }
            let position = (done < n_shards).then(|| done.to_string());
            self.control.save_walk(&name, &Walk { started_at, position }).await?;
        }
        Ok(())
    }

    /// The pass that is under way or due: when it began and how many shards are behind it. Issuers go on writing known
    /// ends, so a pass is made again after half the least time that a date lies ahead.
    async fn pass(
        &self,
        name: &str,
        pause: &Pause,
        now: EpochSeconds,
    ) -> Result<Option<(EpochSeconds, usize)>, StageError> {
        let again_after = self.settings.limits.removal_notice.checked_div(2).unwrap_or_default();
        let walk = self.control.walk(name).await?.filter(|walk| pause.since <= walk.started_at);
        Ok(match walk {
            Some(Walk { started_at, position: Some(position) }) => {
                Some((started_at, position.parse().unwrap_or(0)))
            }
            Some(Walk { started_at, position: None }) if now < started_at.plus(again_after) => None,
            Some(_) | None => Some((now, 0)),
        })
    }

    /// Lifts the dates in one shard; `false` when the deadline came first, or the freeze was lifted.
    async fn lift_shard(
        &self,
        at: &ShardRef,
        (pinned, now): (&Pinned, EpochSeconds),
        should_pause: &dyn Fn() -> bool,
        report: &mut ReconcileReport,
    ) -> Result<bool, StageError> {
        let mut after = None;
        loop {
            let page = self.vault.overdue(at, after.as_deref(), PAGE_ROWS, END_OF_TIME).await?;
            let rows: Vec<VaultRow> = page.rows.into_iter().filter_map(RowRead::token).collect();
            // Guard: whoever resumes while dates are lifted stops that, too.
            let pauses = self.control.pauses(&at.tenant).await?;
            let Some(pause) = pauses.freezing().filter(|_| !should_pause()) else { return Ok(false) };
            let n_lifted = self.lift_rows(rows, pause, pinned, now).await?;
            report.n_lifted_rows = report.n_lifted_rows.saturating_add(n_lifted);
            after = page.next;
            if after.is_none() {
                return Ok(true);
            }
        }
    }

    async fn lift_rows(
        &self,
        rows: Vec<VaultRow>,
        pause: &Pause,
        pinned: &Pinned,
        now: EpochSeconds,
    ) -> Result<u64, StageError> {
        let write_of = |row: VaultRow| {
            let kind = pinned.config.known_kind(&row.key.tenant, &row.kind);
            let Verdict::Change(change) = decide_freeze(&row, pause, kind, pinned.version, now) else {
                return None;
            };
            let (expected, due_shards) = (Expected::of(&row), pinned.config.due_shards);
            Some(RowWrite { key: row.key, expected, change, due_shards })
        };
        let outcomes: Vec<WriteOutcome> = stream::iter(rows.into_iter().filter_map(write_of))
            .map(async |write| kept_if_refused(self.vault.write(&write).await))
            .buffer_unordered(PARALLEL_CALLS)
            .try_collect()
            .await?;
        Ok(outcomes.iter().filter(|outcome| **outcome == WriteOutcome::Done).count() as u64)
    }

    /// Whether some tenant is frozen: an archive object may hold tokens of many, so then no version is removed.
    pub(super) async fn is_anything_frozen(&self, pinned: &Pinned) -> Result<bool, StageError> {
        for tenant in pinned.config.tenants.keys() {
            if self.control.pauses(tenant).await?.freezing().is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
