//! The kill switch's part of the control table.

use lethe_domain::pause::{Pause, Pauses, Reach};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use crate::error::PortError;

/// The kill switch: stages read it before each batch of writes, and never remember what they read.
pub trait KillSwitch {
    /// The pauses that stand over a tenant's tokens: that of all tenants and its own, both consistently read. What
    /// stands there and cannot be understood is a pause that freezes. They tell when the latest one ended, too.
    async fn pauses(&self, tenant: &TenantId) -> Result<Pauses, PortError>;
    /// Pauses. `false` when a pause stands already, which is left as it is, unless this one freezes and that one does
    /// not.
    async fn pause(&self, reach: &Reach, pause: &Pause) -> Result<bool, PortError>;
    /// Ends the pause that stands since then; `false` when none does, or another. That one ended, and when, is kept.
    async fn resume(&self, reach: &Reach, since: EpochSeconds, now: EpochSeconds) -> Result<bool, PortError>;
    /// Adds reads of cooling tokens to a day's count, which is kept until `until`, and returns its sum.
    async fn count_late_uses(
        &self,
        tenant: &TenantId,
        day: EpochSeconds,
        n_tokens: u64,
        until: EpochSeconds,
    ) -> Result<u64, PortError>;
    /// A day's count.
    async fn late_uses(&self, tenant: &TenantId, day: EpochSeconds) -> Result<u64, PortError>;
    /// Forgets a day's count: a person has looked at it.
    async fn forget_late_uses(&self, tenant: &TenantId, day: EpochSeconds) -> Result<(), PortError>;
}
