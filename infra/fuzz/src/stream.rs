//! Batches of the vault's stream, read and then worked off by both functions that are woken by them.

use lethe_domain::row::{RowRead, StoredRow};
use lethe_lambda::stream::{self, Batch};
use lethe_stages::stream::{Image, RecordKind, StreamRecord};
use serde_json::{Value, json};

use crate::seed;
use crate::world::World;

/// No record is lost, what is read is what was stored, and no batch stops a function.
pub fn run(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(data) else { return };
    // A record by itself is a batch of one, so that the fuzzer need not keep the frame alive.
    let event = if event.get("eventName").is_some() { json!({ "Records": [event] }) } else { event };
    let Some(Batch { records, poison }) = stream::read(event.clone()) else {
        assert!(!event.get("Records").is_some_and(Value::is_array));
        return;
    };
    let stored = event["Records"].as_array().unwrap();
    assert_eq!(records.len() + poison.len(), stored.len());
    // Guard: whatever says that it is a removal is passed on; the row exists nowhere else.
    let is_removal = |record: &&Value| record["eventName"] == "REMOVE";
    let n_removals = records.iter().filter(|record| record.kind == RecordKind::Remove).count();
    assert_eq!(n_removals, stored.iter().filter(is_removal).count());
    assert!(poison.iter().all(|poison| !poison.id.is_empty()));
    records.iter().for_each(check);
    let world = World::new();
    assert!(world.react(event.clone()).is_ok());
    assert!(world.archive(event).is_ok());
}

fn check(record: &StreamRecord) {
    assert!(!record.sequence.is_empty());
    assert!(0 <= record.at.0);
    assert_eq!(record.kind == RecordKind::Remove, record.new.is_none());
    for Image { row, .. } in [&record.old, &record.new].into_iter().flatten() {
        if let RowRead::Token(token) = row {
            assert_eq!(RowRead::from_stored(Some(StoredRow::from(&**token))), *row);
        }
    }
}

/// The recorded batches and their records.
pub fn seeds() -> Vec<Vec<u8>> {
    let events = [
        include_str!("../../../tests/events/react-modify.json"),
        include_str!("../../../tests/events/archive-removed.json"),
        include_str!("../../../tests/events/archive-ttl.json"),
    ];
    let records = events.iter().flat_map(|event| {
        let event: Value = serde_json::from_str(event).unwrap();
        let batch = stream::read(event.clone()).unwrap();
        assert!(batch.poison.is_empty());
        event["Records"].as_array().unwrap().clone()
    });
    let records: Vec<String> = records.map(|record| record.to_string()).collect();
    events.into_iter().map(seed).chain(records.iter().map(|record| seed(record))).collect()
}
