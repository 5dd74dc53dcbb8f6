//! A queue over SQS.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::stream::{self, StreamExt, TryStreamExt};
use lethe_domain::message::Wake;
use lethe_stages::error::PortError;
use lethe_stages::ports::{MAX_DELAY, Queue};

use crate::failure::{port_error, wait_before};

const SEND: &str = "send messages";
/// The most messages that one call takes.
const BATCH: usize = 10;
/// How often the messages that a queue did not take are sent again.
const MAX_ROUNDS: u32 = 5;
/// How many batches are under way at once.
const PARALLEL_BATCHES: usize = 8;

/// One queue.
#[derive(Clone, Debug)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

/// Messages that the queue did not take; the code is the service's for one of them.
#[derive(Debug, thiserror::Error)]
#[error("{n_left} messages were not taken: {code}")]
struct NotTaken {
    n_left: usize,
    code: String,
}

impl SqsQueue {
    /// The queue at `url`.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    async fn send_batch(&self, wakes: &[Wake], delay: Duration) -> Result<(), PortError> {
        let entries = wakes.iter().enumerate().map(|(at, wake)| entry_of(at, wake, delay));
        let mut left = entries.collect::<Result<Vec<_>, _>>()?;
        for round in 0..MAX_ROUNDS {
            let send = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(left.clone()));
            let answer = send.send().await.map_err(|error| port_error(SEND, &error))?;
            let Some(failed) = answer.failed.first() else { return Ok(()) };
            left.retain(|entry| answer.failed.iter().any(|failed| failed.id == entry.id));
            let not_taken = NotTaken { n_left: left.len(), code: failed.code.clone() };
            if answer.failed.iter().any(|failed| failed.sender_fault) {
                return Err(PortError::never(SEND, not_taken));
            }
            if round.saturating_add(1) == MAX_ROUNDS {
                return Err(PortError::later(SEND, not_taken));
            }
            wait_before(round).await;
        }
        Ok(())
    }
}

impl Queue for SqsQueue {
    async fn send(&self, wakes: &[Wake]) -> Result<(), PortError> {
        let batches = stream::iter(wakes.chunks(BATCH)).map(|batch| self.send_batch(batch, Duration::ZERO));
        batches.buffer_unordered(PARALLEL_BATCHES).try_collect::<()>().await
    }

    async fn send_later(&self, wake: &Wake, delay: Duration) -> Result<(), PortError> {
        self.send_batch(std::slice::from_ref(wake), delay.min(MAX_DELAY)).await
    }
}

fn entry_of(at: usize, wake: &Wake, delay: Duration) -> Result<SendMessageBatchRequestEntry, PortError> {
    let entry = SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(wake.to_json());
    let seconds = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
    let entry = if seconds == 0 { entry } else { entry.delay_seconds(seconds) };
    entry.build().map_err(|error| PortError::never(SEND, error))
}

#[cfg(test)]
mod tests {
    use lethe_domain::run::RunId;
    use lethe_domain::token::TenantId;
    use lethe_stages::error::Retry;

    use super::*;
    use crate::client::{Timeouts, sqs};
    use crate::script::Script;

    async fn send_two(script: &Script) -> Result<(), PortError> {
        let client = sqs(&script.config(), &Timeouts::PRODUCTION);
        let queue = SqsQueue::new(client, "https://sqs.us-east-1.amazonaws.com/1/scan".to_owned());
        let wake = |unit| Wake::Scan {
            tenant: TenantId::new("acme").unwrap(),
            run: RunId::parse("100-01").unwrap(),
            unit,
        };
        queue.send(&[wake(7), wake(8)]).await
    }

    const SECOND_FAILED: &str = r#"{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"x"}],
        "Failed":[{"Id":"1","SenderFault":false,"Code":"InternalError"}]}"#;

    #[tokio::test]
    async fn only_what_was_not_taken_is_sent_again() {
        let script = Script::default();
        script.answer(200, SECOND_FAILED).answer(200, r#"{"Successful":[],"Failed":[]}"#);
        send_two(&script).await.unwrap();
        let asked = script.asked();
        assert!(asked[0].contains(r#"unit\":7"#) && asked[0].contains(r#"unit\":8"#), "{}", asked[0]);
        assert!(!asked[1].contains(r#"unit\":7"#) && asked[1].contains(r#"unit\":8"#), "{}", asked[1]);
    }

    #[tokio::test]
    async fn a_message_that_is_refused_for_good_is_an_error_at_once() {
        let script = Script::default();
        script.answer(200, &SECOND_FAILED.replace("false", "true"));
        assert_eq!(send_two(&script).await.map_err(|error| error.retry()), Err(Retry::Never));
    }
}
