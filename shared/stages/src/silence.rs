//! What is known of a tenant's read feed: which silence is idleness.

use lethe_domain::limits::Limits;
use lethe_domain::read_feed::{FeedPolicy, ReadFeed, Silence};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::Control;

/// Reads what a tenant told of for as long as any of its tokens may have to be silent. Of a tenant whose tokens never go
/// idle nothing is known.
pub(crate) async fn silence_of<C: Control>(
    control: &C,
    tenant: &TenantId,
    (pinned, limits): (&Pinned, &Limits),
    now: EpochSeconds,
) -> Result<Silence, StageError> {
    let Some(idle_after) = pinned.config.longest_idle(tenant) else { return Ok(Silence::Unknown) };
    match pinned.tenant(tenant)?.reads {
        FeedPolicy::Trusted => Ok(Silence::Trusted),
        FeedPolicy::Proven { least_percent } => {
            let reads = control.reads_by_hour(tenant, now.minus(limits.feed_kept(idle_after))).await?;
            let feed = ReadFeed::of(&reads, limits.feed_hour, least_percent, now);
            Ok(Silence::Proven { feed, step: limits.feed_hour })
        }
    }
}
