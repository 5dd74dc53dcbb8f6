//! Inline clean-up: what one subject and client have left behind is put away when a token of theirs is issued,
//! refreshed or revoked. A token that is issued into a stolen sign-in or family ends as well.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::lifecycle::{Expected, Stolen, Verdict, decide_cleanup, decide_reborn, while_paused};
use lethe_domain::row::{OWNER_BUCKETS, RowRead, VaultRow};
use lethe_domain::subject::SubjectKey;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{RowKey, TenantId};

use super::React;
use crate::error::{StageError, kept_if_refused};
use crate::pinned::Pinned;
use crate::ports::{
    AuditLog, Control, MAX_ROWS_AT_ONCE, OwnedPart, OwnedQuery, RowWrite, Vault, WriteOutcome,
};
use crate::settings::{Mode, PARALLEL_CALLS};

/// A subject's tokens of one client.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Owned {
    tenant: TenantId,
    subject: String,
    client: String,
}

/// What keeps an owner's tokens in the vault.
#[derive(Clone, Copy)]
struct Stays {
    /// Their subject is under a hold.
    is_held: bool,
    /// Their tenant is paused.
    is_paused: bool,
}

impl Owned {
    /// Whose a row is, where it says so.
    pub(super) fn of(row: &VaultRow) -> Option<Self> {
        let (subject, client) = row.owner.subject.clone().zip(row.owner.client.clone())?;
        Some(Self { tenant: row.key.tenant.clone(), subject, client })
    }
}

impl<C: Control, A: AuditLog, V: Vault> React<'_, C, A, V> {
    /// Puts away what these owners have left behind; how many tokens. What it misses, because the index lags or there
    /// is more than a page of a bucket, leaves by its own date: this only makes it sooner.
    pub(super) async fn clean_up(
        &self,
        owners: &BTreeSet<Owned>,
        now: EpochSeconds,
    ) -> Result<u64, StageError> {
        if owners.is_empty() || self.settings.mode == Mode::Report {
            return Ok(0);
        }
        let Some(pinned) = Pinned::current(self.control, &self.settings.limits).await? else { return Ok(0) };
        let mut n_cleaned = 0_u64;
        for owned in owners {
            let keys = self.keys_of(owned).await?;
            let mut rows: Vec<VaultRow> = Vec::new();
            for keys in keys.chunks(MAX_ROWS_AT_ONCE) {
                let read = self.vault.get_many(keys).await?.into_iter().flatten().filter_map(RowRead::token);
                rows.extend(read.filter(|row| Owned::of(row).as_ref() == Some(owned)));
            }
            // Guard: the kill switch is read before each batch of writes and never remembered.
            let is_paused = self.control.pauses(&owned.tenant).await?.is_paused();
            let stays = Stays { is_held: self.is_held(owned, &pinned).await?, is_paused };
            n_cleaned = n_cleaned.saturating_add(self.put_away(rows, stays, &pinned, now).await?);
        }
        Ok(n_cleaned)
    }

    /// Whether the subject is under a hold, which keeps also what does not bear it.
    async fn is_held(&self, owned: &Owned, pinned: &Pinned) -> Result<bool, StageError> {
        let Some(section) = pinned.config.tenant(&owned.tenant) else { return Ok(true) };
        let key = SubjectKey::new(&owned.tenant, &owned.subject, section.shards);
        Ok(self.vault.subject(&key).await?.is_some_and(|subject| subject.hold.is_some()))
    }

    async fn keys_of(&self, Owned { tenant, subject, client }: &Owned) -> Result<Vec<RowKey>, StageError> {
        let limit = u32::try_from(MAX_ROWS_AT_ONCE).unwrap_or(u32::MAX);
        let pages: Vec<Vec<RowKey>> = stream::iter(0..OWNER_BUCKETS)
            .map(async |bucket| {
                let query = OwnedQuery { tenant, subject, bucket, part: OwnedPart::Client(client) };
                Ok::<_, StageError>(self.vault.owned(&query, None, limit).await?.keys)
            })
            .buffered(PARALLEL_CALLS)
            .try_collect()
            .await?;
        Ok(pages.into_iter().flatten().collect())
    }

    async fn put_away(
        &self,
        rows: Vec<VaultRow>,
        Stays { is_held, is_paused }: Stays,
        pinned: &Pinned,
        now: EpochSeconds,
    ) -> Result<u64, StageError> {
        let kind_of = |row: &VaultRow| pinned.config.known_kind(&row.key.tenant, &row.kind);
        let mut stolen = Stolen::default();
        for row in &rows {
            if let Some(kind) = kind_of(row) {
                stolen.note(row, kind);
            }
        }
        let decide = |row: &VaultRow, kind| {
            let verdict = match decide_reborn(row, &stolen, kind, pinned.version, now) {
                Verdict::Keep(_) if !is_held && !is_paused => decide_cleanup(row, kind, pinned.version, now),
                verdict @ (Verdict::Keep(_) | Verdict::Change(_) | Verdict::LateUse | Verdict::Reuse) => {
                    verdict
                }
            };
            // What is stolen is out of service also under a pause; it only gets no date.
            if is_paused { while_paused(verdict) } else { verdict }
        };
        let write_of = |row: VaultRow| {
            let Verdict::Change(change) = decide(&row, kind_of(&row)?) else { return None };
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
}
