//! The functions that read the vault's stream. A batch that fails comes again whole, bisected by Lambda: its records
//! share audit items and objects, so none is done before all are. A record given up here would be gone, so a failure
//! that no attempt can mend is an error all the same, until Lambda puts the batch into the bucket of failed records.

use futures::FutureExt;
use lethe_stages::archive::Archiver;
use lethe_stages::invocation::Invocation;
use lethe_stages::ports::{Archive, AuditLog, Control, Vault};
use lethe_stages::react::React;
use lethe_stages::refuse::refuse;
use lethe_stages::stream::StreamRecord;
use serde_json::{Value, json};

use super::run;
use crate::failure::{Failure, InvocationError};
use crate::stream::{self, Batch};

/// Puts a batch of changes on record.
pub async fn react<C: Control, A: AuditLog, V: Vault>(
    event: Value,
    stage: &React<'_, C, A, V>,
    at: Invocation<'_>,
) -> Result<Value, InvocationError> {
    let records = readable(event, stage.audit, at).await?;
    run("react", stage.batch(&records, at.now).boxed_local()).await?;
    Ok(all_done())
}

/// Puts a batch of removed rows into the archive.
pub async fn archive<C: Control, A: AuditLog, V: Vault, R: Archive>(
    event: Value,
    stage: &Archiver<'_, C, A, V, R>,
    at: Invocation<'_>,
) -> Result<Value, InvocationError> {
    let records = readable(event, stage.audit, at).await?;
    run("archive", stage.batch(&records, at.now).boxed_local()).await?;
    Ok(all_done())
}

/// The records of an event that can be read; the others are refused on record, each alone.
async fn readable<A: AuditLog>(
    event: Value,
    audit: &A,
    at: Invocation<'_>,
) -> Result<Vec<StreamRecord>, InvocationError> {
    let Some(Batch { records, poison }) = stream::read(event) else {
        return Err(Failure::Unreadable("the event holds no stream records").into());
    };
    for record in poison {
        tracing::error!(record_id = record.id, error = record.why, "stream record refused");
        refuse(audit, None, &record.id, record.why, at.now).await?;
    }
    Ok(records)
}

/// The answer of a mapping that reports partial batches, when nothing is left.
fn all_done() -> Value {
    json!({ "batchItemFailures": [] })
}
