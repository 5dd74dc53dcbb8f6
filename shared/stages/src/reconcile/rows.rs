//! Overdue rows, found by a rolling walk of the vault. TTL may take days; this is the deadline it does not have.

use futures::{StreamExt, stream};
use lethe_domain::lifecycle::{Expected, decide_removal};
use lethe_domain::row::{RowRead, VaultRow};
use lethe_domain::time::EpochSeconds;
use std::time::Duration;

use super::{Reconcile, ReconcileReport};
use crate::error::{PortError, StageError, chain};
use crate::invocation::Invocation;
use crate::pinned::Pinned;
use crate::ports::{Archive, AuditLog, Control, Queue, ShardRef, Vault, Walk, WorkStore, WriteOutcome};
use crate::settings::PARALLEL_CALLS;

/// The name of the walk in the control table.
const WALK: &str = "overdue_rows";

/// Rows asked for in one page.
const PAGE_ROWS: u32 = 1000;

/// How many of `total` partitions a pass that began `elapsed` ago should have behind it by now.
pub fn walk_target(total: usize, elapsed: Duration, period: Duration) -> usize {
    if period.is_zero() || period <= elapsed {
        return total;
    }
    let share =
        (total as u128).saturating_mul(elapsed.as_secs().into()).div_ceil(period.as_secs().max(1).into());
    usize::try_from(share).unwrap_or(total).min(total)
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
    /// Walks the next partitions of the pass and removes what is overdue in them.
    pub(super) async fn remove_overdue_rows(
        &self,
        pinned: &Pinned,
        Invocation { now, should_pause }: Invocation<'_>,
        report: &mut ReconcileReport,
    ) -> Result<(), StageError> {
        let partitions: Vec<ShardRef> = pinned
            .config
            .tenants
            .iter()
            .flat_map(|(tenant, section)| {
                section.shards.all().map(|shard| ShardRef { tenant: tenant.clone(), shard })
            })
            .collect();
        let walk = self.control.walk(WALK).await?.filter(|walk| walk.position.is_some());
        let started_at = walk.as_ref().map_or(now, |walk| walk.started_at);
        let behind = walk.and_then(|walk| walk.position?.parse::<usize>().ok()).unwrap_or(0);
        let elapsed = Duration::from_secs(u64::try_from(now.0.saturating_sub(started_at.0)).unwrap_or(0));
        // One at least, so that a pass always moves on.
        let target = walk_target(partitions.len(), elapsed, self.settings.limits.walk_period)
            .max(behind.saturating_add(1));
        let mut reached = behind;
        for at in partitions.iter().take(target).skip(behind) {
            if should_pause() {
                break;
            }
            self.walk_partition(at, now, report).await?;
            reached = reached.saturating_add(1);
        }
        let position = (reached < partitions.len()).then(|| reached.to_string());
        self.control.save_walk(WALK, &Walk { started_at, position }).await?;
        Ok(())
    }

    async fn walk_partition(
        &self,
        at: &ShardRef,
        now: EpochSeconds,
        report: &mut ReconcileReport,
    ) -> Result<(), StageError> {
        let until = now.minus(self.settings.limits.patience);
        let mut after = None;
        loop {
            let page = self.vault.overdue(at, after.as_deref(), PAGE_ROWS, until).await?;
            let rows = page.rows.into_iter().filter_map(RowRead::token).collect();
            self.remove_rows(rows, now, report).await;
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn remove_rows(&self, rows: Vec<VaultRow>, now: EpochSeconds, report: &mut ReconcileReport) {
        let patience = self.settings.limits.patience;
        let due = rows.into_iter().filter(|row| decide_removal(row, patience, now).is_ok());
        let outcomes: Vec<Result<WriteOutcome, PortError>> = stream::iter(due)
            .map(async |row| self.vault.remove(&row.key, &Expected::of(&row)).await)
            .buffer_unordered(PARALLEL_CALLS)
            .collect()
            .await;
        for outcome in outcomes {
            match outcome {
                Ok(WriteOutcome::Done | WriteOutcome::Changed(None)) => {
                    report.n_removed_rows = report.n_removed_rows.saturating_add(1);
                }
                // It changed in between: still there, and looked at again on the next pass.
                Ok(WriteOutcome::Changed(Some(_))) => {
                    report.n_overdue_rows = report.n_overdue_rows.saturating_add(1);
                }
                // One row that cannot be removed rings the alarm and does not hold up the walk.
                Err(error) => {
                    tracing::error!(error = chain(&error), "an overdue row cannot be removed");
                    report.n_overdue_rows = report.n_overdue_rows.saturating_add(1);
                }
            }
        }
    }
}
