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

use feeds::Feeds;

/// How many keys one query of the index brings.
const PAGE_KEYS: u32 = 500;

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
        for partition in 0..pinned.config.due_shards {
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
        let paused = self.paused_of(keys).await?;
        let free = keys.iter().filter(|key| !paused.contains(&key.tenant));
        let n_paused = keys.iter().filter(|key| paused.contains(&key.tenant)).count() as u64;
        stream::iter(free)
            .map(|key| self.one(key, looked))
            .buffer_unordered(PARALLEL_CALLS)
            .try_fold(
                ExpireReport { n_paused, ..ExpireReport::default() },
                async |sum, one| Ok(sum.plus(one)),
            )
            .await
    }

    /// Those of the page's tenants that are paused.
    ///
    /// Guard: the kill switch is read before each page and never remembered; where it cannot be read nothing is written.
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

    async fn one(&self, key: &RowKey, looked: Looked<'_>) -> Result<ExpireReport, StageError> {
        let Looked { pinned, now, .. } = looked;
        let kept = ExpireReport { n_due: 1, n_kept: 1, ..ExpireReport::default() };
        // The index lags; the row itself decides.
        let Some(RowRead::Token(row)) = self.vault.get(key).await? else { return Ok(kept) };
        let Some(kind) = pinned.config.known_kind(&key.tenant, &row.kind) else { return Ok(kept) };
        let facts = self.facts_of(&row, looked).await?;
        let Verdict::Change(change) = decide_due(&row, facts, kind, pinned.version, now) else {
            return Ok(kept);
        };
        // A row that no scan could find is no verdict run's either: cooled without a date it would cool for ever.
        let waits_for_verdict = matches!(change, Change::Cool { then: Then::Wait, .. });
        if waits_for_verdict && pinned.scannable(&row).is_err() {
            return Ok(kept);
        }
        let done = counted(&change);
        if self.settings.mode == Mode::Report {
            return Ok(done);
        }
        let (expected, due_shards) = (Expected::of(&row), pinned.config.due_shards);
        let write = RowWrite { key: key.clone(), expected, change, due_shards };
        match kept_if_refused(self.vault.write(&write).await)? {
            WriteOutcome::Done => Ok(done),
            // Whoever wrote it in between moved its moment or leaves it due; the next tick sees.
            WriteOutcome::Changed(_) => Ok(kept),
        }
    }
}

fn counted(change: &Change) -> ExpireReport {
    let due = ExpireReport { n_due: 1, ..ExpireReport::default() };
    match change {
        Change::Cool { .. } => ExpireReport { n_cooled: 1, ..due },
        Change::Sentence { .. } => ExpireReport { n_sentenced: 1, ..due },
        Change::Rearm { .. } => ExpireReport { n_rearmed: 1, ..due },
        Change::Reinstate { .. }
        | Change::Undo { .. }
        | Change::Stamp { .. }
        | Change::Hold { .. }
        | Change::Release { .. }
        | Change::Lift { .. } => due,
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
        }
    }
}
