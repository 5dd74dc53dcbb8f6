//! The pulse of the read feed: what a command told of is counted by hour, so that silence can be told from a feed that
//! is dead.

use lethe_domain::read_feed::{CANARY_KIND, FeedPolicy, HourOfReads};
use lethe_domain::row::RowRead;

use super::Accepted;
use crate::deeds::Read;
use crate::error::chain;
use crate::ports::{AuditLog, Control, Vault};

impl<C: Control, A: AuditLog, V: Vault> Accepted<'_, C, A, V> {
    /// Counts the tokens of one `read` command under the hour in which it came, where anybody asks for it.
    ///
    /// A count that fails is no reason to keep a read from reviving its token: what is not counted proves nothing, and
    /// then nothing goes idle.
    pub(super) async fn count_reads(&self, rows: &[Read]) {
        let (tenant, config) = (self.deeds.tenant, &self.deeds.pinned.config);
        let Some(idle_after) = config.longest_idle(tenant) else { return };
        if config.tenant(tenant).is_none_or(|section| section.reads == FeedPolicy::Trusted) {
            return;
        }
        let reads = counted(rows);
        if reads == HourOfReads::default() {
            return;
        }
        let limits = &self.deeds.settings.limits;
        let hour = limits.feed_hour_of(self.deeds.now);
        let until = hour.plus(limits.feed_kept(idle_after));
        if let Err(error) = self.deeds.control.count_reads(tenant, hour, reads, until).await {
            tracing::warn!(tenant = %tenant, error = chain(&error), "reads cannot be counted");
        }
    }
}

/// Only what the vault holds counts: a stranger's guesses are no pulse.
fn counted(rows: &[Read]) -> HourOfReads {
    let mut reads = HourOfReads::default();
    for (_, row) in rows {
        let Some(RowRead::Token(row)) = row else { continue };
        let count = if row.kind == CANARY_KIND { &mut reads.n_canaries } else { &mut reads.n_reads };
        *count = count.saturating_add(1);
    }
    reads
}
