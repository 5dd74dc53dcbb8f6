//! The functions that queues wake.

use futures::FutureExt;
use lethe_domain::message::Wake;
use lethe_domain::run::RunId;
use lethe_domain::token::TenantId;
use lethe_sources::{Objects, Tables};
use lethe_stages::confirm::Confirm;
use lethe_stages::invocation::Invocation;
use lethe_stages::ports::{Archive, AuditLog, Control, Queue, RunRef, Vault, WorkStore};
use lethe_stages::scan::Scan;
use lethe_stages::sweep::Sweep;
use serde_json::Value;

use super::run;
use crate::failure::{Failure, InvocationError};
use crate::message::{self, Message, Undone};
use crate::notice;

/// What is said of a message that is none of the function's.
const NOT_OURS: Failure = Failure::Unreadable("the message is not a wake-up of this function");

/// Scans the units that a batch of messages names.
pub async fn scan<C: Control, A: AuditLog, W: WorkStore, Q: Queue, T: Tables, O: Objects>(
    event: &Value,
    stage: &Scan<'_, C, A, W, Q, T, O>,
    at: Invocation<'_>,
) -> Result<Value, InvocationError> {
    let one = async |message: &Message| match Wake::parse(&message.body) {
        Some(Wake::Scan { tenant, run: id, unit }) => {
            let of = run_of(&tenant, id);
            let work = stage.unit(&of, unit, message.attempt, at).boxed_local();
            run("scan", work).await.map(drop).map_err(|failure| undone(tenant, failure))
        }
        Some(Wake::Plan { .. } | Wake::Apply { .. }) | None => Err(NOT_OURS.into()),
    };
    message::each(event, stage.audit, at, one).await
}

/// Plans or applies the shards that a batch of messages names.
pub async fn sweep<C: Control, A: AuditLog, W: WorkStore, V: Vault, Q: Queue>(
    event: &Value,
    stage: &Sweep<'_, C, A, W, V, Q>,
    at: Invocation<'_>,
) -> Result<Value, InvocationError> {
    let one = async |message: &Message| match Wake::parse(&message.body) {
        Some(Wake::Plan { tenant, run: id, shard }) => {
            let of = run_of(&tenant, id);
            let work = stage.plan(&of, shard, at).boxed_local();
            run("plan", work).await.map(drop).map_err(|failure| undone(tenant, failure))
        }
        Some(Wake::Apply { tenant, run: id, shard, hash }) => {
            let of = run_of(&tenant, id);
            let work = stage.apply(&of, shard, &hash, at).boxed_local();
            run("apply", work).await.map(drop).map_err(|failure| undone(tenant, failure))
        }
        Some(Wake::Scan { .. }) | None => Err(NOT_OURS.into()),
    };
    message::each(event, stage.audit, at, one).await
}

/// Confirms the versions that a batch of S3's notices says are gone.
pub async fn confirm<A: AuditLog, R: Archive>(
    event: &Value,
    stage: &Confirm<'_, A, R>,
    at: Invocation<'_>,
) -> Result<Value, InvocationError> {
    let one = async |message: &Message| {
        let notice = notice::read(&message.body);
        for object in &notice.gone {
            run("confirm", stage.version_gone(object, at.now).boxed_local()).await?;
        }
        notice.fault.map_or(Ok(()), |fault| Err(Failure::Unreadable(fault).into()))
    };
    message::each(event, stage.audit, at, one).await
}

fn run_of(tenant: &TenantId, id: RunId) -> RunRef {
    RunRef { tenant: tenant.clone(), id }
}

fn undone(tenant: TenantId, failure: Failure) -> Undone {
    Undone { tenant: Some(tenant), failure }
}
