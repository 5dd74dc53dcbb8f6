//! What is known of the tenants' read feeds in one tick: which silence is idleness.

use std::collections::BTreeMap;

use lethe_domain::lifecycle::Unread;
use lethe_domain::read_feed::{FeedPolicy, ReadFeed};
use lethe_domain::row::VaultRow;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use super::Expire;
use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{Control, Vault};

/// The feeds of the tenants whose tokens may go idle.
pub(super) struct Feeds(BTreeMap<TenantId, Feed>);

enum Feed {
    Trusted,
    Proven(ReadFeed),
}

impl<C: Control, V: Vault> Expire<'_, C, V> {
    /// Reads what the tenants told of for as long as any of their tokens may have to be silent.
    pub(super) async fn feeds(&self, pinned: &Pinned, now: EpochSeconds) -> Result<Feeds, StageError> {
        let limits = &self.settings.limits;
        let mut feeds = BTreeMap::new();
        for (tenant, section) in &pinned.config.tenants {
            let Some(idle_after) = pinned.config.longest_idle(tenant) else { continue };
            let feed = match section.reads {
                FeedPolicy::Trusted => Feed::Trusted,
                FeedPolicy::Proven { least_percent } => {
                    let since = now.minus(limits.feed_kept(idle_after));
                    let reads = self.control.reads_by_hour(tenant, since).await?;
                    Feed::Proven(ReadFeed::of(&reads, limits.feed_hour, least_percent, now))
                }
            };
            feeds.insert(tenant.clone(), feed);
        }
        Ok(Feeds(feeds))
    }

    /// For how long a token in service is known to be unread.
    pub(super) fn unread(&self, row: &VaultRow, feeds: &Feeds, now: EpochSeconds) -> Option<Unread> {
        match feeds.0.get(&row.key.tenant)? {
            Feed::Trusted => Some(Unread::by_clock(row, now)),
            Feed::Proven(feed) => Some(Unread {
                proven_for: feed.proven_since(row.last_seen()),
                step: self.settings.limits.feed_hour,
            }),
        }
    }
}
