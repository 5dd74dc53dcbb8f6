//! What a decision over a due row rests on besides the row: its family, or a person's approval.

use lethe_domain::lifecycle::{DueFacts, family_end};
use lethe_domain::policy::Trigger;
use lethe_domain::row::{OWNER_BUCKETS, RowRead, VaultRow};
use lethe_domain::subject::SubjectKey;
use lethe_domain::time::EpochSeconds;

use super::{Expire, Looked};
use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{Control, MAX_ROWS_AT_ONCE, OwnedPart, OwnedQuery, Vault};

impl<C: Control, V: Vault> Expire<'_, C, V> {
    /// The facts that the row's reason asks for; most rows ask for none.
    pub(super) async fn facts_of(
        &self,
        row: &VaultRow,
        Looked { pinned, feeds, now }: Looked<'_>,
    ) -> Result<DueFacts, StageError> {
        let notice = self.settings.limits.removal_notice;
        let unread = feeds.unread(row, now);
        let mut facts = DueFacts { notice, unread, ..DueFacts::default() };
        if row.hold.is_some() || row.purge_at.is_some() {
            return Ok(facts);
        }
        if let Some(day) = row.waits_for {
            let budget = self.control.budget(&row.key.tenant, day).await?;
            facts.approved_at = budget.and_then(|budget| budget.approved_at);
        } else if row.reason == Some(Trigger::Rotated) {
            facts.family_end = self.family_end(row, pinned, now).await?;
        }
        Ok(facts)
    }

    async fn family_end(
        &self,
        row: &VaultRow,
        pinned: &Pinned,
        now: EpochSeconds,
    ) -> Result<Option<EpochSeconds>, StageError> {
        let (Some(subject), Some(family)) = (&row.owner.subject, &row.owner.family) else { return Ok(None) };
        let tenant = &row.key.tenant;
        let shards = pinned.tenant(tenant)?.shards;
        let subject_row = self.vault.subject(&SubjectKey::new(tenant, subject, shards)).await?;
        let limit = u32::try_from(MAX_ROWS_AT_ONCE).unwrap_or(u32::MAX);
        let mut end = None;
        for bucket in 0..OWNER_BUCKETS {
            let query = OwnedQuery { tenant, subject, bucket, part: OwnedPart::Family(family) };
            let mut after = None;
            loop {
                let page = self.vault.owned(&query, after.as_ref(), limit).await?;
                let members: Vec<VaultRow> = if page.keys.is_empty() {
                    Vec::new()
                } else {
                    let read = self.vault.get_many(&page.keys).await?;
                    read.into_iter().flatten().filter_map(RowRead::token).collect()
                };
                end = end.max(family_end(&members, subject_row.as_ref(), now));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(end)
    }
}
