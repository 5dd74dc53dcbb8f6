//! Overdue rows, found by a rolling walk of the vault. TTL may take days; this is the deadline it does not have.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, stream};
use lethe_domain::lifecycle::{Change, Decided, Expected, decide_removal};
use lethe_domain::row::{RowRead, VaultRow};
use lethe_domain::subject::{SubjectKey, SubjectRow};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use super::{Reconcile, ReconcileReport};
use crate::error::{PortError, StageError, chain};
use crate::invocation::Invocation;
use crate::pinned::Pinned;
use crate::ports::{
    Archive, AuditLog, Control, Queue, RowWrite, ShardRef, Vault, Walk, WorkStore, WriteOutcome,
};
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
        Invocation { now, should_pause, .. }: Invocation<'_>,
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
        let mut counts = Counts::default();
        for at in partitions.iter().take(target).skip(behind) {
            if should_pause() {
                break;
            }
            counts.add(at, self.walk_partition(at, pinned, now, report).await?);
            reached = reached.saturating_add(1);
        }
        self.save_counts(&counts, pinned).await?;
        let position = (reached < partitions.len()).then(|| reached.to_string());
        self.control.save_walk(WALK, &Walk { started_at, position }).await?;
        Ok(())
    }

    /// Remembers how many tokens a tenant has: the command budget is a share of them. What a tick has not walked whole
    /// is known from an earlier one.
    async fn save_counts(&self, counts: &Counts, pinned: &Pinned) -> Result<(), StageError> {
        for (tenant, (n_shards, n_rows)) in &counts.0 {
            let shards = u64::from(pinned.tenant(tenant)?.shards.get());
            // Shards are cut by a hash, so those that were walked stand for all.
            let estimate = n_rows.saturating_mul(shards).checked_div((*n_shards).max(1)).unwrap_or(0);
            self.control.save_token_count(tenant, estimate).await?;
        }
        Ok(())
    }

    /// Walks one partition; how many rows it has.
    async fn walk_partition(
        &self,
        at: &ShardRef,
        pinned: &Pinned,
        now: EpochSeconds,
        report: &mut ReconcileReport,
    ) -> Result<u64, StageError> {
        let until = now.minus(self.settings.limits.patience);
        let (mut after, mut n_rows) = (None, 0_u64);
        loop {
            let page = self.vault.overdue(at, after.as_deref(), PAGE_ROWS, until).await?;
            n_rows = n_rows.saturating_add(page.n_read);
            let rows: Vec<VaultRow> = page.rows.into_iter().filter_map(RowRead::token).collect();
            // Guard: read before each page, and never remembered. A pause alone does not stop what has a date, since TTL
            // asks nobody either; a freeze does.
            if !rows.is_empty() && self.control.pauses(&at.tenant).await?.freezing().is_none() {
                self.remove_rows(rows, pinned, now, report).await;
            }
            after = page.next;
            if after.is_none() {
                return Ok(n_rows);
            }
        }
    }

    async fn remove_rows(
        &self,
        rows: Vec<VaultRow>,
        pinned: &Pinned,
        now: EpochSeconds,
        report: &mut ReconcileReport,
    ) {
        let patience = self.settings.limits.patience;
        let due = rows.into_iter().filter(|row| decide_removal(row, None, patience, now).is_ok());
        let outcomes: Vec<Result<Removed, PortError>> = stream::iter(due)
            .map(|row| self.remove_row(row, pinned, now))
            .buffer_unordered(PARALLEL_CALLS)
            .collect()
            .await;
        for outcome in outcomes {
            let count = match outcome {
                Ok(Removed::Gone) => &mut report.n_removed_rows,
                Ok(Removed::Held) => &mut report.n_held_rows,
                // It changed in between: still there, and looked at again on the next pass.
                Ok(Removed::Changed) => &mut report.n_overdue_rows,
                // One row that cannot be removed rings the alarm and does not hold up the walk.
                Err(error) => {
                    tracing::error!(error = chain(&error), "an overdue row cannot be removed");
                    &mut report.n_overdue_rows
                }
            };
            *count = count.saturating_add(1);
        }
    }

    /// Removes one row, unless its subject is held: then it is put under that hold itself, and is overdue no more.
    async fn remove_row(
        &self,
        row: VaultRow,
        pinned: &Pinned,
        now: EpochSeconds,
    ) -> Result<Removed, PortError> {
        let key = &row.key;
        let shards = pinned.config.tenant(&key.tenant).map(|section| section.shards);
        let subject = match row.owner.subject.as_ref().zip(shards) {
            None => None,
            Some((subject, shards)) => {
                self.vault.subject(&SubjectKey::new(&key.tenant, subject, shards)).await?
            }
        };
        let expected = Expected::of(&row);
        if decide_removal(&row, subject.as_ref(), self.settings.limits.patience, now).is_ok() {
            return Ok(match self.vault.remove(key, &expected).await? {
                WriteOutcome::Done | WriteOutcome::Changed(None) => Removed::Gone,
                WriteOutcome::Changed(Some(_)) => Removed::Changed,
            });
        }
        let readable = subject.filter(SubjectRow::is_readable);
        let Some(hold) = readable.and_then(|subject| subject.hold) else { return Ok(Removed::Changed) };
        let change = Change::Hold { hold, decided: Decided::by_timer(pinned.version) };
        let due_shards = pinned.config.due_shards;
        let write = RowWrite { key: key.clone(), expected, change, due_shards };
        Ok(match self.vault.write(&write).await? {
            WriteOutcome::Done => Removed::Held,
            WriteOutcome::Changed(_) => Removed::Changed,
        })
    }
}

/// What became of an overdue row.
enum Removed {
    Gone,
    Held,
    Changed,
}

/// Shards walked and rows found in them, by tenant.
#[derive(Default)]
struct Counts(BTreeMap<TenantId, (u64, u64)>);

impl Counts {
    fn add(&mut self, at: &ShardRef, n_rows: u64) {
        let (shards, rows) = self.0.entry(at.tenant.clone()).or_default();
        *shards = shards.saturating_add(1);
        *rows = rows.saturating_add(n_rows);
    }
}
