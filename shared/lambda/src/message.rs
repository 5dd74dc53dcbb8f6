//! Batches of queue messages: each body is read and worked off by itself, so that one bad message fails alone.

use lethe_domain::time::EpochMillis;
use lethe_domain::token::TenantId;
use lethe_stages::error::Retry;
use lethe_stages::invocation::Invocation;
use lethe_stages::ports::AuditLog;
use lethe_stages::refuse::refuse;
use serde_json::{Value, json};

use crate::failure::{Failure, InvocationError};

/// One message of a queue.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id, the same with every delivery.
    pub id: String,
    /// Its text; intake's may hold a token, so it is never logged.
    pub body: String,
    /// Which delivery this is, from 1.
    pub attempt: u32,
    /// The principal id of its sender.
    pub sender: Option<String>,
    /// When it was sent, the same with every delivery.
    pub sent_at: Option<EpochMillis>,
    /// The ARN of its queue.
    pub queue: String,
}

/// A message that was not worked off, and whose it is, where it could be told.
#[derive(Debug)]
pub struct Undone {
    /// The tenant.
    pub tenant: Option<TenantId>,
    /// Why.
    pub failure: Failure,
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Self {
        Self { tenant: None, failure }
    }
}

/// Works off a batch, one message after the other. What can never succeed is refused on record and acknowledged; what
/// may succeed later, and what there is no time left for, goes back to the queue.
pub async fn each<A: AuditLog>(
    event: &Value,
    audit: &A,
    at: Invocation<'_>,
    handle: impl AsyncFn(&Message) -> Result<(), Undone>,
) -> Result<Value, InvocationError> {
    let Some(records) = event.get("Records").and_then(Value::as_array) else {
        return Err(Failure::Unreadable("the event holds no messages").into());
    };
    let mut back = Vec::new();
    for (place, record) in records.iter().enumerate() {
        let message = read(record);
        let is_out_of_time = place > 0 && (at.should_pause)();
        if is_out_of_time || !is_settled(&message, handle(&message).await, audit, at).await {
            back.push(json!({ "itemIdentifier": message.id }));
        }
    }
    Ok(json!({ "batchItemFailures": back }))
}

/// Reads the envelope; AWS fills it in. A message without an id cannot be sent back alone: the empty id that stands
/// for it then sends back the whole batch.
fn read(record: &Value) -> Message {
    let text = |path: &str| record.pointer(path).and_then(Value::as_str);
    Message {
        id: text("/messageId").unwrap_or_default().to_owned(),
        body: text("/body").unwrap_or_default().to_owned(),
        attempt: text("/attributes/ApproximateReceiveCount").and_then(|n| n.parse().ok()).unwrap_or(1),
        sender: text("/attributes/SenderId").map(ToOwned::to_owned),
        sent_at: text("/attributes/SentTimestamp").and_then(|at| at.parse().ok()).map(EpochMillis),
        queue: text("/eventSourceARN").unwrap_or_default().to_owned(),
    }
}

async fn is_settled<A: AuditLog>(
    message: &Message,
    outcome: Result<(), Undone>,
    audit: &A,
    at: Invocation<'_>,
) -> bool {
    let Err(Undone { tenant, failure }) = outcome else { return true };
    let why = failure.to_string();
    match failure.retry() {
        Retry::Later => {
            tracing::warn!(
                message_id = message.id,
                attempt = message.attempt,
                error = why,
                "message goes back"
            );
            false
        }
        Retry::Never => {
            tracing::error!(message_id = message.id, error = why, "message refused");
            let recorded = refuse(audit, tenant.as_ref(), &message.id, &why, at.now).await;
            if let Err(error) = &recorded {
                let error = lethe_stages::error::chain(error);
                tracing::warn!(message_id = message.id, error, "refusal not on record, message goes back");
            }
            recorded.is_ok()
        }
    }
}

#[cfg(test)]
mod tests;
