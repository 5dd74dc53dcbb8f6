//! Inline clean-up: what one subject and client have left behind is put away when a token of theirs is issued,
//! refreshed or revoked.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::lifecycle::{Expected, Verdict, decide_cleanup};
use lethe_domain::row::{OWNER_BUCKETS, RowRead, VaultRow};
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
        for owned in owners.iter().filter(|owned| is_enabled(&pinned, &owned.tenant)) {
            let keys = self.keys_of(owned).await?;
            for keys in keys.chunks(MAX_ROWS_AT_ONCE) {
                let rows = self.vault.get_many(keys).await?.into_iter().flatten().filter_map(RowRead::token);
                let rows: Vec<VaultRow> = rows.filter(|row| Owned::of(row).as_ref() == Some(owned)).collect();
                n_cleaned = n_cleaned.saturating_add(self.put_away(rows, &pinned, now).await?);
            }
        }
        Ok(n_cleaned)
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
        pinned: &Pinned,
        now: EpochSeconds,
    ) -> Result<u64, StageError> {
        let write_of = |row: VaultRow| {
            let kind = pinned.config.known_kind(&row.key.tenant, &row.kind)?;
            let Verdict::Change(change) = decide_cleanup(&row, kind, pinned.version, now) else {
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
}

/// Whether any kind of the tenant is cleaned up; where none is, nobody needs to look.
fn is_enabled(pinned: &Pinned, tenant: &TenantId) -> bool {
    let kinds = pinned.config.tenant(tenant).map(|section| section.kinds.as_slice()).unwrap_or_default();
    kinds.iter().filter_map(|kind| pinned.config.known_kind(tenant, kind)).any(|kind| kind.cleanup.enable)
}
