//! Expire: looks at the tokens whose moment has come in the `due` index, because they end or may be idle.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::lifecycle::{Change, Expected, Then, Verdict, decide_due};
use lethe_domain::row::{RowRead, due_partition_name};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{RowKey, TenantId};
use serde::Serialize;

use crate::error::{StageError, kept_if_refused};
use crate::invocation::Invocation;
use crate::pinned::Pinned;
use crate::ports::{Control, RowWrite, Vault, WriteOutcome};
use crate::settings::{Mode, PARALLEL_CALLS, Settings};

mod facts;
mod feeds;
mod limit;

use feeds::Feeds;

/// How many keys one query of the index brings.
const PAGE_KEYS: u32 = 500;

/// How many keys are decided over between two looks at the kill switch.
const BATCH_KEYS: usize = 100;

/// How many keys of one partition a tick looks at; the next tick goes on with what is still due.
const MAX_SEEN_KEYS: usize = 20_000;

/// The expire stage.
pub struct Expire<'a, C, V> {
    /// Config.
    pub control: &'a C,
    /// The tokens' rows.
    pub vault: &'a V,
    /// Mode and limits.
    pub settings: &'a Settings,
}

/// What a tick did, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExpireReport {
    /// Looked at.
    pub n_due: u64,
    /// Taken out of service; in report mode: that would have been.
    pub n_cooled: u64,
    /// Given a date of removal after it had been lifted.
    pub n_sentenced: u64,
    /// Put off to a later moment.
    pub n_rearmed: u64,
    /// Kept as they are: not understood, or changed in the meantime.
    pub n_kept: u64,
    /// Not looked at, because their tenant is paused.
    pub n_paused: u64,
    /// Idle, and put off to the next day because so many of their tenant's tokens went idle that day.
    pub n_put_off: u64,
}

/// What every decision of one tick rests on.
#[derive(Clone, Copy)]
struct Looked<'a> {
    pinned: &'a Pinned,
    feeds: &'a Feeds,
    now: EpochSeconds,
}

impl<C: Control, V: Vault> Expire<'_, C, V> {
    /// Works off what is due.
    pub async fn tick(&self, invocation: Invocation<'_>) -> Result<ExpireReport, StageError> {
        let Invocation { now, should_pause, .. } = invocation;
        let mut report = ExpireReport::default();
        let Some(pinned) = Pinned::current(self.control, &self.settings.limits).await? else {
            return Ok(report);
        };
        let feeds = self.feeds(&pinned, now).await?;
        let looked = Looked { pinned: &pinned, feeds: &feeds, now };
        // Each tick begins elsewhere, so that a long partition does not keep the deadline from the others.
        let n_partitions = pinned.config.due_shards;
        let first =
            u16::try_from(now.0.div_euclid(300).rem_euclid(i64::from(n_partitions).max(1))).unwrap_or(0);
        for partition in (first..n_partitions).chain(0..first) {
            let partition = due_partition_name(partition);
            // What stays due (a row nobody understands; everything, in report mode) must not hide what is behind it.
            let mut seen = BTreeSet::new();
            while !should_pause() && seen.len() < MAX_SEEN_KEYS {
                let limit = PAGE_KEYS.saturating_add(u32::try_from(seen.len()).unwrap_or(u32::MAX));
                let mut keys = self.vault.due(&partition, now, limit).await?;
                keys.retain(|key| seen.insert(key.clone()));
                if keys.is_empty() {
                    break;
                }
                report = report.plus(self.page(&keys, looked).await?);
            }
        }
        Ok(report)
    }

    async fn page(&self, keys: &[RowKey], looked: Looked<'_>) -> Result<ExpireReport, StageError> {
        let mut report = ExpireReport::default();
        for batch in keys.chunks(BATCH_KEYS) {
            report = report.plus(self.batch(batch, looked).await?);
        }
        Ok(report)
    }

    /// Reads and decides a batch, and then writes it.
    async fn batch(&self, keys: &[RowKey], looked: Looked<'_>) -> Result<ExpireReport, StageError> {
        let paused = self.paused_of(keys).await?;
        let (held, free): (Vec<&RowKey>, Vec<&RowKey>) =
            keys.iter().partition(|key| paused.contains(&key.tenant));
        let decided: Vec<Option<RowWrite>> = stream::iter(&free)
            .map(|key| self.decide(key, looked))
            .buffered(PARALLEL_CALLS)
            .try_collect()
            .await?;
        let writes: Vec<RowWrite> = decided.into_iter().flatten().collect();
        let n_kept = free.len().saturating_sub(writes.len()) as u64;
        let report = ExpireReport {
            n_due: free.len() as u64,
            n_kept,
            n_paused: held.len() as u64,
            ..ExpireReport::default()
        };
        if self.settings.mode == Mode::Report {
            return Ok(writes.iter().fold(report, |sum, write| sum.plus(counted(&write.change))));
        }
        let (writes, n_put_off) = self.within_limits(writes, looked).await?;
        stream::iter(&writes)
            .map(|write| self.write(write))
            .buffer_unordered(PARALLEL_CALLS)
            .try_fold(ExpireReport { n_put_off, ..report }, async |sum, one| Ok(sum.plus(one)))
            .await
    }

    /// Those of the batch's tenants that are paused.
    ///
    /// Guard: the kill switch is read before each batch and never remembered; where it cannot be read nothing is written.
    async fn paused_of(&self, keys: &[RowKey]) -> Result<BTreeSet<TenantId>, StageError> {
        let tenants: BTreeSet<&TenantId> = keys.iter().map(|key| &key.tenant).collect();
        let mut paused = BTreeSet::new();
        for tenant in tenants {
            if self.control.pauses(tenant).await?.is_paused() {
                paused.insert(tenant.clone());
            }
        }
        Ok(paused)
    }

    /// What is to be written of a token; `None` where it is kept as it is.
    async fn decide(&self, key: &RowKey, looked: Looked<'_>) -> Result<Option<RowWrite>, StageError> {
        let Looked { pinned, now, .. } = looked;
        // The index lags; the row itself decides.
        let Some(RowRead::Token(row)) = self.vault.get(key).await? else { return Ok(None) };
        let Some(kind) = pinned.config.known_kind(&key.tenant, &row.kind) else { return Ok(None) };
        let facts = self.facts_of(&row, looked).await?;
        let Verdict::Change(change) = decide_due(&row, facts, kind, pinned.version, now) else {
            return Ok(None);
        };
        // A row that no scan could find is no verdict run's either: cooled without a date it would cool for ever.
        if waits_for_verdict(&change) && pinned.scannable(&row).is_err() {
            return Ok(None);
        }
        let (expected, due_shards) = (Expected::of(&row), pinned.config.due_shards);
        Ok(Some(RowWrite { key: key.clone(), expected, change, due_shards }))
    }

    async fn write(&self, write: &RowWrite) -> Result<ExpireReport, StageError> {
        Ok(match kept_if_refused(self.vault.write(write).await)? {
            WriteOutcome::Done => counted(&write.change),
            // Whoever wrote it in between moved its moment or leaves it due; the next tick sees.
            WriteOutcome::Changed(_) => ExpireReport { n_kept: 1, ..ExpireReport::default() },
        })
    }
}

/// Whether a token goes idle of which only a verdict run may take more than its service.
fn waits_for_verdict(change: &Change) -> bool {
    matches!(change, Change::Cool { then: Then::Wait, .. })
}

fn counted(change: &Change) -> ExpireReport {
    let none = ExpireReport::default();
    match change {
        Change::Cool { .. } => ExpireReport { n_cooled: 1, ..none },
        Change::Sentence { .. } => ExpireReport { n_sentenced: 1, ..none },
        Change::Rearm { .. } => ExpireReport { n_rearmed: 1, ..none },
        Change::Reinstate { .. }
        | Change::Undo { .. }
        | Change::Stamp { .. }
        | Change::Hold { .. }
        | Change::Release { .. }
        | Change::Lift { .. } => none,
    }
}

impl ExpireReport {
    fn plus(self, other: Self) -> Self {
        Self {
            n_due: self.n_due.saturating_add(other.n_due),
            n_cooled: self.n_cooled.saturating_add(other.n_cooled),
            n_sentenced: self.n_sentenced.saturating_add(other.n_sentenced),
            n_rearmed: self.n_rearmed.saturating_add(other.n_rearmed),
            n_kept: self.n_kept.saturating_add(other.n_kept),
            n_paused: self.n_paused.saturating_add(other.n_paused),
            n_put_off: self.n_put_off.saturating_add(other.n_put_off),
        }
    }
}
