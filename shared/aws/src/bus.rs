//! The bus over EventBridge.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use lethe_domain::event::{EVENT_SOURCE, OutEvent};
use lethe_stages::error::PortError;
use lethe_stages::ports::EventBus;

use crate::failure::port_error;

const DOING: &str = "publish events";
/// The most events that one call takes.
const BATCH: usize = 10;
/// The most that the details of one call may weigh: the service takes 256 KiB, of which each event's other parts need
/// a little.
const BATCH_BYTES: usize = 240 * 1024;

/// One event bus.
#[derive(Clone, Debug)]
pub struct EventBridgeBus {
    client: Client,
    name: String,
}

/// Events that the bus did not take; the code is the service's for one of them.
#[derive(Debug, thiserror::Error)]
#[error("{n_left} events were not taken: {code}")]
struct NotTaken {
    n_left: usize,
    code: String,
}

/// An event on its way.
struct Outgoing<'a> {
    event: &'a OutEvent,
    detail: String,
}

impl EventBridgeBus {
    /// The bus of this name or ARN.
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    async fn publish_batch(&self, batch: &[Outgoing<'_>]) -> Result<(), PortError> {
        let entries = batch.iter().map(|outgoing| self.entry_of(outgoing)).collect();
        let put = self.client.put_events().set_entries(Some(entries));
        let answer = put.send().await.map_err(|error| port_error(DOING, &error))?;
        if answer.failed_entry_count == 0 {
            return Ok(());
        }
        let n_left = usize::try_from(answer.failed_entry_count).unwrap_or(batch.len());
        let code = answer.entries.unwrap_or_default().into_iter().find_map(|entry| entry.error_code);
        let code = code.unwrap_or_else(|| "no code given".to_owned());
        // All are published again then: any event may arrive twice.
        Err(PortError::later(DOING, NotTaken { n_left, code }))
    }

    fn entry_of(&self, outgoing: &Outgoing<'_>) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(EVENT_SOURCE)
            .detail_type(outgoing.event.detail_type())
            .detail(&outgoing.detail)
            .time(DateTime::from_secs(outgoing.event.at.0))
            .build()
    }
}

impl EventBus for EventBridgeBus {
    async fn publish(&self, events: &[OutEvent]) -> Result<(), PortError> {
        let outgoing: Vec<_> =
            events.iter().map(|event| Outgoing { event, detail: event.to_json() }).collect();
        let mut rest = outgoing.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(n_in_batch(rest));
            self.publish_batch(batch).await?;
            rest = later;
        }
        Ok(())
    }
}

/// How many of the first events one call takes; at least one, whose size is the service's to judge.
fn n_in_batch(events: &[Outgoing<'_>]) -> usize {
    let mut n_bytes: usize = 0;
    let fits = events.iter().take(BATCH).take_while(|outgoing| {
        n_bytes = n_bytes.saturating_add(outgoing.detail.len());
        n_bytes <= BATCH_BYTES
    });
    fits.count().max(1)
}

#[cfg(test)]
mod tests {
    use lethe_domain::event::{AnnouncedEvent, MAX_FINGERPRINTS};
    use lethe_domain::fingerprint::Fingerprint;
    use lethe_domain::time::EpochSeconds;
    use lethe_domain::token::TenantId;
    use lethe_stages::error::Retry;

    use super::*;
    use crate::client::{Timeouts, eventbridge};
    use crate::script::Script;

    const TAKEN: &str = r#"{"FailedEntryCount":0,"Entries":[]}"#;

    fn event(count: u64, n_fingerprints: usize) -> OutEvent {
        OutEvent {
            event: AnnouncedEvent::Cooled,
            tenant: TenantId::new("acme").unwrap(),
            run: None,
            count,
            fingerprints: vec![Fingerprint([7; 16]); n_fingerprints],
            object: None,
            reason_text: None,
            at: EpochSeconds(1_800_000_000),
        }
    }

    async fn publish(script: &Script, events: &[OutEvent]) -> Result<(), PortError> {
        let client = eventbridge(&script.config(), &Timeouts::PRODUCTION);
        EventBridgeBus::new(client, "announcements".to_owned()).publish(events).await
    }

    fn n_entries(asked: &str) -> usize {
        asked.matches(r#""EventBusName":"announcements""#).count()
    }

    #[tokio::test]
    async fn a_call_holds_ten_events_and_says_what_they_are() {
        let script = Script::default();
        script.answer(200, TAKEN).answer(200, TAKEN);
        let events: Vec<_> = (0..11).map(|count| event(count, 0)).collect();
        publish(&script, &events).await.unwrap();
        let asked = script.asked();
        assert_eq!(asked.iter().map(|asked| n_entries(asked)).collect::<Vec<_>>(), [10, 1]);
        for part in
            [r#""Source":"lethe""#, r#""DetailType":"cooled""#, r#""Time":1800000000"#, r#"count\":10"#]
        {
            assert!(asked[1].contains(part), "{part} in {}", asked[1]);
        }
    }

    #[tokio::test]
    async fn a_call_holds_no_more_bytes_than_the_service_takes() {
        let script = Script::default();
        script.answer(200, TAKEN).answer(200, TAKEN);
        let events: Vec<_> = (0..10).map(|count| event(count, MAX_FINGERPRINTS)).collect();
        publish(&script, &events).await.unwrap();
        let asked = script.asked();
        assert!(asked.iter().all(|asked| 1 < n_entries(asked) && n_entries(asked) < 10));
        assert_eq!(asked.iter().map(|asked| n_entries(asked)).sum::<usize>(), 10);
    }

    #[tokio::test]
    async fn an_event_that_is_not_taken_is_published_again_later() {
        let script = Script::default();
        let refused = r#"{"FailedEntryCount":1,"Entries":[{"EventId":"1"},{"ErrorCode":"InternalFailure",
            "ErrorMessage":"the detail is secret"}]}"#;
        script.answer(200, refused);
        let error = publish(&script, &[event(0, 0), event(1, 0)]).await.unwrap_err();
        assert_eq!(error.retry(), Retry::Later);
        let shown = format!("{error:?}");
        assert!(shown.contains("InternalFailure") && !shown.contains("secret"), "{shown}");
    }
}
