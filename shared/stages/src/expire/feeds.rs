//! What is known of the tenants' read feeds in one tick: which silence is idleness.

use std::collections::BTreeMap;

use lethe_domain::lifecycle::Unread;
use lethe_domain::read_feed::Silence;
use lethe_domain::row::VaultRow;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use super::Expire;
use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{Control, Vault};
use crate::silence::silence_of;

/// The feeds of all tenants.
pub(super) struct Feeds(BTreeMap<TenantId, Silence>);

impl<C: Control, V: Vault> Expire<'_, C, V> {
    /// Reads what the tenants told of for as long as any of their tokens may have to be silent.
    pub(super) async fn feeds(&self, pinned: &Pinned, now: EpochSeconds) -> Result<Feeds, StageError> {
        let mut feeds = BTreeMap::new();
        for tenant in pinned.config.tenants.keys() {
            let silence = silence_of(self.control, tenant, (pinned, &self.settings.limits), now).await?;
            feeds.insert(tenant.clone(), silence);
        }
        Ok(Feeds(feeds))
    }
}

impl Feeds {
    /// For how long a token in service is known to be unread.
    pub(super) fn unread(&self, row: &VaultRow, now: EpochSeconds) -> Option<Unread> {
        self.0.get(&row.key.tenant)?.since(row.last_seen(), now)
    }
}
