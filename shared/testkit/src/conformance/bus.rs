//! What every event bus must do.

use std::collections::BTreeSet;

use lethe_domain::event::{AnnouncedEvent, EVENT_SOURCE, MAX_FINGERPRINTS, OutEvent};
use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::time::EpochSeconds;
use lethe_stages::ports::EventBus;
use serde_json::Value;

use crate::tokens::tenant;

/// An event as whoever follows the bus receives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// Its source.
    pub source: String,
    /// Its detail type.
    pub detail_type: String,
    /// Its detail.
    pub detail: Value,
}

/// How a suite takes events off a bus.
pub trait BusSeed {
    /// What has arrived, taken off; waits for so many, but not for ever.
    async fn received(&self, n_expected: usize) -> Vec<Received>;
}

/// Holds a bus on which nothing was published to what the stages count on.
pub async fn bus_suite<B: EventBus, S: BusSeed>(bus: &B, seed: &S) {
    bus.publish(&[]).await.unwrap();
    assert_eq!(seed.received(0).await, []);
    // Below, at and above what one call takes.
    for n in [1, 10, 11, 25] {
        let events: Vec<_> = (0..n).map(|count| event(AnnouncedEvent::Cooled, count)).collect();
        all_arrive(bus, seed, &events).await;
    }
    all_arrive(bus, seed, &AnnouncedEvent::ALL.map(|name| event(name, 1))).await;
    all_arrive(bus, seed, &[full()]).await;
    // Together more than one call may weigh.
    let heavy = |count| OutEvent {
        fingerprints: fingerprints(MAX_FINGERPRINTS),
        ..event(AnnouncedEvent::Archived, count)
    };
    all_arrive(bus, seed, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(heavy)).await;
}

fn event(name: AnnouncedEvent, count: u64) -> OutEvent {
    OutEvent {
        event: name,
        tenant: tenant("acme"),
        run: None,
        count,
        fingerprints: Vec::new(),
        object: None,
        reason_text: None,
        at: EpochSeconds(1_800_000_000),
    }
}

/// An event with something in every field.
fn full() -> OutEvent {
    OutEvent {
        run: Some("1800000000-03".to_owned()),
        fingerprints: fingerprints(2),
        object: Some("r7/2027-01-15/ab.ndjson.zst".to_owned()),
        reason_text: Some("asked for, \"ticket 7\"".to_owned()),
        ..event(AnnouncedEvent::Archived, 2)
    }
}

fn fingerprints(n: usize) -> Vec<Fingerprint> {
    (0..n).map(|at| Fingerprint([u8::try_from(at % 256).unwrap(); 16])).collect()
}

/// Sets, because any event may arrive twice and in any order.
async fn all_arrive<B: EventBus, S: BusSeed>(bus: &B, seed: &S, events: &[OutEvent]) {
    bus.publish(events).await.unwrap();
    let received = seed.received(events.len()).await;
    assert!(received.iter().all(|event| event.source == EVENT_SOURCE), "{received:?}");
    let arrived: BTreeSet<_> =
        received.into_iter().map(|event| (event.detail_type, event.detail.to_string())).collect();
    let expected = events.iter().map(|event| {
        let detail: Value = serde_json::from_str(&event.to_json()).unwrap();
        (event.detail_type().to_owned(), detail.to_string())
    });
    assert_eq!(arrived, expected.collect());
}
