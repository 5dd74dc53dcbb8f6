//! What is regretted, in the control table: how many tokens each decision took, how many of them came back, and how many
//! were asked for after they had left.

use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::regret::{Decision, Outcome, Regrets};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use crate::error::PortError;

/// Something that came of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Came {
    /// Whose decision.
    pub decision: Decision,
    /// What came of it.
    pub outcome: Outcome,
    /// To how many tokens.
    pub n_tokens: u64,
    /// What it is counted by: the same event counts once.
    pub event_id: String,
}

/// The account of what is regretted.
pub trait RegretLedger {
    /// Counts what came of a decision; `false` when its event was counted before. The event is remembered until the
    /// first of `until`, the count until the second.
    async fn count_outcome(
        &self,
        tenant: &TenantId,
        came: &Came,
        until: (EpochSeconds, EpochSeconds),
    ) -> Result<bool, PortError>;
    /// What came of a tenant's decisions.
    async fn regrets(&self, tenant: &TenantId) -> Result<Regrets, PortError>;
    /// Notes that the record was asked about a token that the vault does not have.
    async fn note_asked(
        &self,
        tenant: &TenantId,
        token: &Fingerprint,
        until: EpochSeconds,
    ) -> Result<(), PortError>;
    /// Whether that was noted, and not until a time that is over.
    async fn was_asked(
        &self,
        tenant: &TenantId,
        token: &Fingerprint,
        now: EpochSeconds,
    ) -> Result<bool, PortError>;
}
