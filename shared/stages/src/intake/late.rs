//! Late uses: a read of a token that is out of service for good changes nothing, and goes on record. Reads of what was
//! only found unused bring it back, and too many of them on one day pause the tenant.

use lethe_domain::audit::{AuditItem, Entry, Event, Standing};
use lethe_domain::lifecycle::Change;
use lethe_domain::pause::{LATE_USE_ALARM, Pause, Reach};
use lethe_domain::rails::late_use_limit;
use lethe_domain::row::{By, VaultRow};

use super::Accepted;
use crate::deeds::Done;
use crate::error::StageError;
use crate::pinned::keys_of;
use crate::ports::{AuditLog, Control, Vault};

/// How many of a tenant's latest runs tell how many tokens are cooling.
const RUNS_SEEN: u32 = 10;

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

    /// Counts the tokens that a read brought back, and pauses the tenant when a day has too many of them. Whether it did.
    ///
    /// A worker that dies between the revival and the count leaves the count too low by what it had in hand.
    pub(super) async fn watch_revivals(&self, done: &[Done]) -> Result<bool, StageError> {
        let is_revival = |done: &&Done| matches!(done, Done::Changed(Change::Reinstate { .. }));
        let n_revived = done.iter().filter(is_revival).count() as u64;
        if n_revived == 0 {
            return Ok(false);
        }
        let (control, tenant, now) = (self.deeds.control, self.deeds.tenant, self.deeds.now);
        let limits = &self.deeds.settings.limits;
        let day = limits.budget_day_of(now);
        let n_today = control.count_late_uses(tenant, day, n_revived, now.plus(limits.memory)).await?;
        let limit = late_use_limit(&control.runs(tenant, RUNS_SEEN).await?, &self.deeds.pinned.config.rails);
        if n_today <= limit {
            return Ok(false);
        }
        let why = format!(
            "{n_today} tokens that were found unused were read today, up to {limit} are let pass: the scans may be missing \
             a store. See `lethe status {tenant}`, and the runbook, \"Late-use alarm\""
        );
        let by = By { actor: LATE_USE_ALARM.to_owned(), reason_text: Some(why) };
        let reach = Reach::Tenant(tenant.clone());
        let is_new = control.pause(&reach, &Pause { by, since: now, freezes: false }).await?;
        // Read again, so that the attempt after one that died here puts the same pause on record.
        let own = control.pauses(tenant).await?.own;
        if let Some(pause) = own.filter(|pause| pause.by.actor == LATE_USE_ALARM) {
            let item = AuditItem::of_pause(tenant, &reach, &pause, Event::Paused, now);
            self.deeds.audit.record(&item).await?;
        }
        if is_new {
            tracing::error!(%tenant, n_today, limit, "too many tokens are read that were found unused; the tenant is paused");
        }
        Ok(is_new)
    }
}
