//! Regret: what was taken out of service and what came back is counted by whoever decided. A batch that comes again cut as
//! before counts once; one that is cut otherwise may count some of its tokens twice.

use std::collections::BTreeMap;

use lethe_domain::plan::hash_of;
use lethe_domain::regret::{Decision, Outcome, is_back, revived, taken};
use lethe_domain::row::VaultRow;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use super::React;
use crate::error::{Retry, StageError, chain};
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Came, Control, Vault};

/// What one batch took and brought back.
#[derive(Default)]
pub(super) struct Seen {
    /// The records that tell of each, by their sequence numbers.
    came: BTreeMap<(TenantId, Decision, Outcome), Vec<String>>,
    /// Rows before they came back, and after.
    back: Vec<(VaultRow, VaultRow, String)>,
}

impl Seen {
    pub(super) fn see(&mut self, old: Option<&VaultRow>, row: &VaultRow, sequence: &str) {
        if let Some(decision) = taken(old, row) {
            self.note(row, decision, Outcome::Taken, sequence);
        }
        if let Some(old) = old.filter(|old| is_back(old, row)) {
            self.back.push((old.clone(), row.clone(), sequence.to_owned()));
        }
    }

    fn note(&mut self, row: &VaultRow, decision: Decision, outcome: Outcome, sequence: &str) {
        let place = (row.key.tenant.clone(), decision, outcome);
        self.came.entry(place).or_default().push(sequence.to_owned());
    }
}

impl<C: Control, A: AuditLog, V: Vault> React<'_, C, A, V> {
    pub(super) async fn count_regret(&self, mut seen: Seen, now: EpochSeconds) -> Result<(), StageError> {
        if !seen.back.is_empty() {
            let pinned = Pinned::current(self.control, &self.settings.limits).await?;
            for (old, new, sequence) in std::mem::take(&mut seen.back) {
                let config = pinned.as_ref().map(|pinned| &pinned.config);
                let kind = config.and_then(|config| config.known_kind(&old.key.tenant, &old.kind));
                if let Some(decision) = revived(&old, &new, kind) {
                    seen.note(&new, decision, Outcome::Revived, &sequence);
                }
            }
        }
        let limits = &self.settings.limits;
        let until = (now.plus(limits.memory), now.plus(limits.regret_kept()));
        for ((tenant, decision, outcome), sequences) in seen.came {
            let event = format!("{decision:?} {outcome:?} {}", sequences.join(" "));
            let (n_tokens, event_id) = (sequences.len() as u64, hash_of(event.as_bytes()));
            let came = Came { decision, outcome, n_tokens, event_id };
            match self.control.count_outcome(&tenant, &came, until).await {
                Ok(_) => {}
                Err(error) if error.retry() == Retry::Later => return Err(error.into()),
                // An account that cannot be kept is no reason to stop the record.
                Err(error) => {
                    tracing::error!(%tenant, error = chain(&error), "what came of a decision cannot be counted");
                }
            }
        }
        Ok(())
    }
}
