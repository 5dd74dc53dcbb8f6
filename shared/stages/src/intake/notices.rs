//! Notices of copies that tenants made or deleted: counted in a ledger, each once. A token at zero is a candidate for
//! the next scan and nothing more, since tenants copy tokens without telling.

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::audit::AuditItem;
use lethe_domain::token::{RowKey, TokenId};

use super::{Accepted, Answer};
use crate::error::StageError;
use crate::ports::{AuditLog, Control, Counted, Reference, ShardRef, Vault};
use crate::settings::PARALLEL_CALLS;

impl<C: Control, A: AuditLog, V: Vault> Accepted<'_, C, A, V> {
    /// Counts one copy more or less of each token.
    pub(super) async fn count(
        &self,
        tokens: &[TokenId],
        event_id: &str,
        delta: i64,
    ) -> Result<Answer, StageError> {
        let until = self.deeds.now.plus(self.deeds.settings.limits.memory);
        let counted: Vec<Counted> = stream::iter(self.keys_of(tokens))
            .map(async |key| {
                let reference = self.reference_of(&key, event_id);
                self.deeds.control.count_reference(&reference, delta, until).await
            })
            .buffered(PARALLEL_CALLS)
            .try_collect()
            .await?;
        let n_drifted = counted.iter().filter(|counted| counted.count < 0).count();
        if n_drifted > 0 {
            self.note_drift(n_drifted).await?;
        }
        let words: Vec<&'static str> = counted.iter().map(word_of).collect();
        Ok(Answer::of_notices(&words))
    }

    fn reference_of(&self, key: &RowKey, event_id: &str) -> Reference {
        Reference {
            at: ShardRef { tenant: key.tenant.clone(), shard: key.shard },
            token_hash: hex::encode(self.digest_of(&key.token)),
            event_id: event_id.to_owned(),
        }
    }

    /// More deletions than creations were told of: somebody's count is wrong, and nothing follows from it.
    async fn note_drift(&self, n_tokens: usize) -> Result<(), StageError> {
        let id = format!("{}#drift", self.caller.id);
        let why =
            format!("drift: more copies of {n_tokens} token(s) were deleted than created; they are kept");
        let why = self.in_their_words(&why);
        let item = AuditItem::refused(Some(self.deeds.tenant), &id, &why, self.deeds.now);
        let actor = Some(self.by.actor.clone());
        self.deeds.audit.record(&AuditItem { actor, ..item }).await?;
        Ok(())
    }
}

fn word_of(counted: &Counted) -> &'static str {
    match counted.count {
        i64::MIN..=-1 => "drift",
        0 => "candidate",
        1.. => "noted",
    }
}
