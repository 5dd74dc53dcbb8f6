//! Holds on subjects: a token of a held subject is not sentenced, also where the hold has not reached its row yet.

use std::collections::{BTreeMap, BTreeSet};

use lethe_domain::plan::{PlanEntry, Verb};
use lethe_domain::row::RowRead;
use lethe_domain::run::Run;
use lethe_domain::subject::SubjectKey;
use lethe_domain::token::{RowKey, Shard, TokenId};

use super::Sweep;
use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control, Queue, Vault, WorkStore};

impl<C: Control, A: AuditLog, W: WorkStore, V: Vault, Q: Queue> Sweep<'_, C, A, W, V, Q> {
    /// The tokens of a chunk that would be sentenced and whose subject is held. The plan names no subject, since it
    /// lies in a bucket; the rows do.
    pub(super) async fn held_by_subject(
        &self,
        run: &Run,
        chunk: &[PlanEntry],
        shard: Shard,
        pinned: &Pinned,
    ) -> Result<BTreeSet<TokenId>, StageError> {
        let asks = |entry: &&PlanEntry| entry.verb == Verb::Sentence && entry.has_subject;
        let key_of =
            |entry: &PlanEntry| RowKey { tenant: run.tenant.clone(), shard, token: entry.token.clone() };
        let keys: Vec<RowKey> = chunk.iter().filter(asks).map(key_of).collect();
        let mut held = BTreeSet::new();
        if keys.is_empty() {
            return Ok(held);
        }
        let shards = pinned.tenant(&run.tenant)?.shards;
        let mut known: BTreeMap<String, bool> = BTreeMap::new();
        for row in self.vault.get_many(&keys).await?.into_iter().flatten().filter_map(RowRead::token) {
            let Some(subject) = row.owner.subject else { continue };
            let is_held = if let Some(is_held) = known.get(&subject) {
                *is_held
            } else {
                let key = SubjectKey::new(&run.tenant, &subject, shards);
                self.vault.subject(&key).await?.is_some_and(|subject| subject.hold.is_some())
            };
            known.insert(subject, is_held);
            if is_held {
                held.insert(row.key.token);
            }
        }
        Ok(held)
    }
}
