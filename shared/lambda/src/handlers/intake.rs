//! Commands from the queues and over the Function URL, told apart by the event.

use futures::FutureExt;
use lethe_domain::command::Problem;
use lethe_domain::time::EpochMillis;
use lethe_stages::error::Retry;
use lethe_stages::intake::{Answer, Caller, Intake, IntakeReport, Sender};
use lethe_stages::invocation::Invocation;
use lethe_stages::ports::{AuditLog, Control, Vault};
use lethe_stages::refuse::refuse;
use serde_json::{Value, json};

use super::log;
use crate::clock::{self, Stopwatch};
use crate::failure::{Failure, InvocationError, guarded};
use crate::message::{self, Message};
use crate::metrics;
use crate::request::{self, Request};

/// What comes before the class in the name of a caller class's queue.
const CLASS_MARK: &str = "-intake-";

/// Carries out the commands of an event.
pub async fn intake<C: Control, A: AuditLog, V: Vault>(
    event: &Value,
    stage: &Intake<'_, C, A, V>,
    at: Invocation<'_>,
) -> Result<Value, InvocationError> {
    match request::read(event) {
        Some(Ok(request)) => Ok(over_http(request, stage, at).await),
        Some(Err(problem)) => {
            tracing::warn!(status = problem.status(), error = problem.as_str(), "request turned away");
            metrics::emit(&IntakeReport { is_refused: true, ..IntakeReport::default() });
            if problem == Problem::Forbidden {
                // Nobody signed it: the URL's authentication is off, and an auditor must see that.
                let id =
                    event.pointer("/requestContext/requestId").and_then(Value::as_str).unwrap_or_default();
                let recorded = refuse(stage.audit, None, id, "a request that nobody signed", at.now).await;
                recorded.map_err(Failure::Stage)?;
            }
            Ok(request::refusal(problem))
        }
        None => {
            let one = async |message: &Message| {
                let answer = command(&message.body, &caller_of(message, at), stage, at).await?;
                // Whoever sent a message cannot be told to come again, so the queue keeps it.
                if answer.status == Problem::TryLater.status() { Err(Failure::Busy.into()) } else { Ok(()) }
            };
            message::each(event, stage.audit, at, one).await
        }
    }
}

/// Who sent a message: whoever may write to that queue.
fn caller_of(message: &Message, at: Invocation<'_>) -> Caller {
    let class = message.queue.rsplit_once(CLASS_MARK).map(|(_, class)| class.to_owned());
    let sender =
        class.map_or(Sender::Nobody, |class| Sender::Queue { class, sender: message.sender.clone() });
    Caller { id: message.id.clone(), sender, sent_at: message.sent_at.unwrap_or(at.now.to_millis()) }
}

async fn over_http<C: Control, A: AuditLog, V: Vault>(
    request: Request,
    stage: &Intake<'_, C, A, V>,
    at: Invocation<'_>,
) -> Value {
    let sender = request.caller.map_or(Sender::Nobody, Sender::Principal);
    let sent_at: EpochMillis = clock::now_millis();
    let caller = Caller { id: request.id, sender, sent_at };
    let failure = match command(&request.body, &caller, stage, at).await {
        Ok(Answer { status, body, .. }) => return request::answer(status, &body),
        Err(failure) => failure,
    };
    let error = failure.to_string();
    if failure.retry() == Retry::Never && refuse(stage.audit, None, &caller.id, &error, at.now).await.is_ok()
    {
        tracing::error!(request_id = caller.id, error, "command refused");
        return request::refusal(Problem::Refused);
    }
    // There is no queue behind a request: the caller has to come again.
    tracing::error!(request_id = caller.id, error, "command failed");
    request::refusal(Problem::TryAgain)
}

async fn command<C: Control, A: AuditLog, V: Vault>(
    body: &str,
    caller: &Caller,
    stage: &Intake<'_, C, A, V>,
    at: Invocation<'_>,
) -> Result<Answer, Failure> {
    let watch = Stopwatch::start();
    let answer = guarded(stage.command(body, caller, at).boxed_local()).await?;
    log("intake", &json!({ "status": answer.status, "tokens": answer.report }), watch);
    metrics::emit(&answer.report);
    Ok(answer)
}

#[cfg(test)]
mod tests;
