//! Canaries at the plan: a token that nobody was ever given must not be found, and one that a tenant keeps for us must be.

use lethe_domain::canary::{Canary, dead_canary};
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::marks::{MarkHash, MarkKey};
use lethe_domain::rails::Watched;
use lethe_domain::run::Run;
use lethe_domain::token::Shard;

use super::Sweep;
use crate::error::StageError;
use crate::pinned::{Pinned, keys_of};
use crate::ports::{AuditLog, Control, Queue, Vault, WorkStore};

/// The dead canaries of a shard, one of each format that the tenant's stores are scanned for and that has ids enough.
pub(super) fn dead(
    run: &Run,
    shard: Shard,
    pinned: &Pinned,
    keys: &TenantKeys,
) -> Result<Vec<MarkHash>, StageError> {
    let shards = pinned.tenant(&run.tenant)?.shards;
    let formats = pinned.config.scanned_formats(&run.tenant);
    let canaries =
        formats.into_iter().filter_map(|format| dead_canary(keys, &run.id, format, (shard, shards)));
    Ok(canaries.map(|canary| MarkKey::new(keys.mark_key).hash(canary.as_bytes())).collect())
}

impl<C: Control, A: AuditLog, W: WorkStore, V: Vault, Q: Queue> Sweep<'_, C, A, W, V, Q> {
    /// The tenant's live canaries, and what the run did not see of each in its source.
    pub(super) async fn canaries(&self, run: &Run, pinned: &Pinned) -> Result<Vec<Watched>, StageError> {
        let key = MarkKey::new(keys_of(self.control, &run.tenant).await?.mark_key);
        let is_seen = |canonical: &[u8]| run.canaries_seen.contains(&key.hash(canonical));
        let watched = |canary: Canary| {
            let unseen = canary.tokens.iter().filter(|canary| {
                // One that is of no format any more cannot be seen, and must not be taken for one that was.
                let canonical = pinned.canonical(&run.tenant, &canary.token);
                !canonical.is_some_and(|canonical| is_seen(canonical.as_bytes()))
            });
            let unseen = unseen.map(|canary| canary.format.clone()).collect();
            Watched { canary, unseen }
        };
        Ok(self.control.canaries(&run.tenant).await?.into_iter().map(watched).collect())
    }
}
