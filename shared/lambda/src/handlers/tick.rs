//! The functions that the Scheduler wakes. What it sends is ignored: what is due follows from what is stored.

use futures::FutureExt;
use lethe_sources::{Objects, Tables};
use lethe_stages::expire::Expire;
use lethe_stages::invocation::Invocation;
use lethe_stages::ports::{Archive, AuditLog, Control, Queue, Vault, WorkStore};
use lethe_stages::reconcile::Reconcile;
use lethe_stages::survey::Survey;
use serde_json::Value;

use super::run;
use crate::failure::{Failure, InvocationError};

/// A tick of the cadence.
pub async fn survey<C: Control, A: AuditLog, W: WorkStore, Q: Queue, T: Tables, O: Objects>(
    stage: &Survey<'_, C, A, W, Q, T, O>,
    at: Invocation<'_>,
) -> Result<Value, InvocationError> {
    let report = run("survey", stage.tick(at).boxed_local()).await?;
    whole(report.n_failed)
}

/// A tick of the `due` index.
pub async fn expire<C: Control, V: Vault>(
    stage: &Expire<'_, C, V>,
    at: Invocation<'_>,
) -> Result<Value, InvocationError> {
    run("expire", stage.tick(at).boxed_local()).await?;
    Ok(Value::Null)
}

/// A tick of what is late or stuck.
pub async fn reconcile<C: Control, A: AuditLog, W: WorkStore, V: Vault, R: Archive, Q: Queue>(
    stage: &Reconcile<'_, C, A, W, V, R, Q>,
    at: Invocation<'_>,
) -> Result<Value, InvocationError> {
    let report = run("reconcile", stage.tick(at).boxed_local()).await?;
    whole(report.n_failed)
}

/// A tick of which parts failed is an error, after its report and metrics are out.
fn whole(n_failed: u64) -> Result<Value, InvocationError> {
    if n_failed > 0 { Err(Failure::Incomplete(n_failed).into()) } else { Ok(Value::Null) }
}
