//! Commands from the queue and over the Function URL, told apart by the event.

use futures::FutureExt;
use lethe_stages::error::Retry;
use lethe_stages::intake::{Answer, Caller, Intake};
use lethe_stages::invocation::Invocation;
use lethe_stages::ports::{AuditLog, Control, Vault};
use lethe_stages::refuse::refuse;
use serde_json::{Value, json};

use super::log;
use crate::clock::Stopwatch;
use crate::failure::{Failure, InvocationError, guarded};
use crate::message::{self, Message};
use crate::request::{self, Rejection, Request};

/// Carries out the commands of an event.
pub async fn intake<C: Control, A: AuditLog, V: Vault>(
    event: &Value,
    stage: &Intake<'_, C, A, V>,
    at: Invocation<'_>,
) -> Result<Value, InvocationError> {
    match request::read(event) {
        Some(Ok(request)) => Ok(over_http(request, stage, at).await),
        Some(Err(rejection)) => {
            tracing::warn!(status = rejection.status, error = rejection.error, "request turned away");
            Ok(request::refusal(rejection))
        }
        None => {
            let one = async |message: &Message| {
                let caller = Caller { id: message.id.clone(), actor: message.sender.clone() };
                command(&message.body, &caller, stage, at).await?;
                Ok(())
            };
            message::each(event, stage.audit, at, one).await
        }
    }
}

async fn over_http<C: Control, A: AuditLog, V: Vault>(
    request: Request,
    stage: &Intake<'_, C, A, V>,
    at: Invocation<'_>,
) -> Value {
    let caller = Caller { id: request.id, actor: request.caller };
    let failure = match command(&request.body, &caller, stage, at).await {
        Ok(Answer { status, body }) => return request::answer(status, &body),
        Err(failure) => failure,
    };
    let error = failure.to_string();
    if failure.retry() == Retry::Never && refuse(stage.audit, None, &caller.id, &error, at.now).await.is_ok()
    {
        tracing::error!(request_id = caller.id, error, "command refused");
        return request::refusal(Rejection { status: 422, error: "refused" });
    }
    // There is no queue behind a request: the caller has to come again.
    tracing::error!(request_id = caller.id, error, "command failed");
    request::refusal(Rejection { status: 503, error: "try_again" })
}

async fn command<C: Control, A: AuditLog, V: Vault>(
    body: &str,
    caller: &Caller,
    stage: &Intake<'_, C, A, V>,
    at: Invocation<'_>,
) -> Result<Answer, Failure> {
    let watch = Stopwatch::start();
    let answer = guarded(stage.command(body, caller, at.now).boxed_local()).await?;
    log("intake", &json!({ "status": answer.status }), watch);
    Ok(answer)
}
