//! The record of a tenant's first purge, kept by whoever lets a run through and by whoever closes it.

use lethe_domain::backlog::Backlog;
use lethe_domain::config::GateRails;
use lethe_domain::run::Run;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;

use crate::error::StageError;
use crate::ports::Control;

/// The tenant's record, an empty one where nothing is stored.
pub async fn backlog_of<C: Control>(control: &C, tenant: &TenantId) -> Result<Backlog, StageError> {
    let stored = control.backlog(tenant).await?;
    Ok(stored.unwrap_or_else(|| Backlog::new(tenant.clone())))
}

/// Notes that a run was let through, by these persons where it waited for any. Written before the run goes on, so that
/// what it may write is always accounted for.
pub(crate) async fn note_slice<C: Control>(
    control: &C,
    run: &Run,
    by: Vec<String>,
    now: EpochSeconds,
) -> Result<(), StageError> {
    let before = backlog_of(control, &run.tenant).await?;
    let after = before.with_slice(run, by, now);
    save(control, &before, &after).await
}

/// Notes that a run was carried out.
pub(crate) async fn note_end<C: Control>(
    control: &C,
    run: &Run,
    rails: &GateRails,
    now: EpochSeconds,
) -> Result<(), StageError> {
    let before = backlog_of(control, &run.tenant).await?;
    save(control, &before, &before.after(run, rails, now)).await
}

/// Has the slices of a tenant's first purge wait for a new approval.
pub async fn stop<C: Control>(control: &C, tenant: &TenantId, why: &str) -> Result<(), StageError> {
    let before = backlog_of(control, tenant).await?;
    save(control, &before, &before.stopped(why)).await
}

async fn save<C: Control>(control: &C, before: &Backlog, after: &Backlog) -> Result<(), StageError> {
    if before == after || control.save_backlog(after).await? {
        return Ok(());
    }
    Err(StageError::Contended)
}
