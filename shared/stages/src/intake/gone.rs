//! Whether a token that is not in the vault was there once: a person who comes too late is told so. The record is
//! asked, page by page, which only this rare command can afford.

use lethe_domain::audit::{Entry, Standing, bucket_of, token_partition};
use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::token::TokenId;

use super::Accepted;
use crate::deeds::Done;
use crate::error::StageError;
use crate::pinned::keys_of;
use crate::ports::{AuditLog, Control, Vault};

/// Pages of the record that are read for one token; one that is not found by then is called unknown.
const MAX_PAGES: usize = 200;

impl<C: Control, A: AuditLog, V: Vault> Accepted<'_, C, A, V> {
    /// For each token whether it has left the vault, as far as the record was read.
    pub(super) async fn which_are_gone(
        &self,
        tokens: &[TokenId],
        done: &[Done],
    ) -> Result<Vec<bool>, StageError> {
        let mut are_gone = Vec::with_capacity(tokens.len());
        for (token, done) in tokens.iter().zip(done) {
            are_gone.push(*done == Done::Unknown && self.has_left(token).await?);
        }
        Ok(are_gone)
    }

    async fn has_left(&self, token: &TokenId) -> Result<bool, StageError> {
        let fingerprint = keys_of(self.deeds.control, self.deeds.tenant).await?.fingerprint(token);
        let partition = token_partition(self.deeds.tenant, bucket_of(&fingerprint));
        let mut after = None;
        for _ in 0..MAX_PAGES {
            let page = self.deeds.audit.page(&partition, after.as_deref()).await?;
            if page.items.iter().flat_map(|item| &item.entries).any(|entry| is_end(entry, fingerprint)) {
                return Ok(true);
            }
            after = page.next;
            if after.is_none() || (self.should_pause)() {
                break;
            }
        }
        Ok(false)
    }
}

fn is_end(entry: &Entry, fingerprint: Fingerprint) -> bool {
    let has_left = matches!(entry.to, Standing::Archived | Standing::Purged | Standing::Erased);
    entry.fingerprint == fingerprint && has_left
}
