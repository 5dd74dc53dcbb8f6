//! Putting on record what was refused.

use lethe_domain::audit::AuditItem;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use crate::error::StageError;
use crate::ports::AuditLog;

/// Records a refusal. `id` is the message's own, so that a redelivery makes the same item; `why` holds no token.
pub async fn refuse<A: AuditLog>(
    audit: &A,
    tenant: Option<&TenantId>,
    id: &str,
    why: &str,
    now: EpochSeconds,
) -> Result<(), StageError> {
    audit.record(&AuditItem::refused(tenant, id, why, now)).await?;
    Ok(())
}
