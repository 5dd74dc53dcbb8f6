//! What `lethe status` shows of a tenant's read feed: up to when silence counts as idleness.

use std::time::Duration;

use lethe_domain::limits::Limits;
use lethe_domain::read_feed::{FeedPolicy, ReadFeed};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::pinned::Pinned;
use lethe_stages::ports::Control;
use serde::Serialize;

use crate::error::CliError;

/// How many hours of the feed are summed up: a week's.
const HOURS_SHOWN: u32 = 7 * 24;

/// A tenant's read feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FeedView {
    /// Whether somebody vouches for it in the config, so that nothing is proven.
    pub(crate) is_trusted: bool,
    /// The end of the last hour that was proven.
    pub(crate) proven_until: Option<EpochSeconds>,
    /// How much of the last 168 hours was proven, in percent.
    pub(crate) proven_percent: u64,
}

/// Looks at the feed of a tenant whose tokens may go idle.
pub(crate) async fn read_feed<C: Control>(
    tenant: &TenantId,
    pinned: &Pinned,
    (now, limits): (EpochSeconds, &Limits),
    control: &C,
) -> Result<Option<FeedView>, CliError> {
    let Some(idle_after) = pinned.config.longest_idle(tenant) else { return Ok(None) };
    let least_percent = match pinned.tenant(tenant)?.reads {
        FeedPolicy::Trusted => {
            return Ok(Some(FeedView { is_trusted: true, proven_until: None, proven_percent: 0 }));
        }
        FeedPolicy::Proven { least_percent } => least_percent,
    };
    let reads = control.reads_by_hour(tenant, now.minus(limits.feed_kept(idle_after))).await?;
    let feed = ReadFeed::of(&reads, limits.feed_hour, least_percent, now);
    let shown = limits.feed_hour.saturating_mul(HOURS_SHOWN);
    // Whole hours only: the one that runs is nobody's fault.
    let proven = feed.proven_since(limits.feed_hour_of(now).minus(shown));
    let proven_percent = percent(proven, shown);
    Ok(Some(FeedView { is_trusted: false, proven_until: feed.proven_until(), proven_percent }))
}

fn percent(part: Duration, whole: Duration) -> u64 {
    part.as_secs().saturating_mul(100).checked_div(whole.as_secs()).unwrap_or(0)
}
