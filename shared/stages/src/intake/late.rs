//! Late uses: a read of a token that is out of service for good changes nothing, and goes on record.

use lethe_domain::audit::{AuditItem, Entry, Standing};
use lethe_domain::row::VaultRow;

use super::Accepted;
use crate::deeds::Done;
use crate::error::StageError;
use crate::pinned::keys_of;
use crate::ports::{AuditLog, Control, Vault};

impl<C: Control, A: AuditLog, V: Vault> Accepted<'_, C, A, V> {
    /// Puts the late uses and reuses of a command on record, in one item.
    pub(super) async fn note_late_uses(&self, done: &[Done]) -> Result<(), StageError> {
        let used = |done: &'_ Done| match done {
            Done::LateUse(row) | Done::Reuse(row) => Some(row.clone()),
            Done::Changed(_) | Done::Kept(_) | Done::Unknown | Done::Unreadable | Done::ReportMode => None,
        };
        let rows: Vec<Box<VaultRow>> = done.iter().filter_map(used).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let keys = keys_of(self.deeds.control, self.deeds.tenant).await?;
        let entry_of = |row: &VaultRow| {
            let standing = Standing::from(row.phase());
            let fingerprint = keys.fingerprint(&row.key.token);
            Entry { fingerprint, version: row.version, from: standing, to: standing, reason: row.reason }
        };
        tracing::warn!(tenant = %self.deeds.tenant, n_tokens = rows.len(), "tokens out of service are still used");
        let id = format!("{}#late", self.caller.id);
        let why = self.in_their_words("used while out of service for good");
        let item = AuditItem::refused(Some(self.deeds.tenant), &id, &why, self.deeds.now);
        let entries = rows.iter().map(|row| entry_of(row)).collect();
        let actor = Some(self.by.actor.clone());
        self.deeds.audit.record(&AuditItem { actor, entries, ..item }).await?;
        Ok(())
    }
}
