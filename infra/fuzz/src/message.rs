//! What the queues between the functions hold: wake-ups, and S3's notices of removed versions.

use lethe_domain::message::Wake;
use lethe_lambda::notice;

use crate::seed;

/// A wake-up that is read is written and read again as the same.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(wake) = Wake::parse(&text) {
        assert_eq!(Wake::parse(&wake.to_json()), Some(wake));
    }
    let notice = notice::read(&text);
    assert!(notice.gone.iter().all(|object| !object.version.is_empty()));
}

/// The bodies of the recorded events.
pub fn seeds() -> Vec<Vec<u8>> {
    let events = [
        include_str!("../../../tests/events/scan.json"),
        include_str!("../../../tests/events/sweep-plan.json"),
        include_str!("../../../tests/events/sweep-apply.json"),
        include_str!("../../../tests/events/confirm-lifecycle.json"),
        include_str!("../../../tests/events/confirm-lifecycle-marker.json"),
        include_str!("../../../tests/events/confirm-removed.json"),
        include_str!("../../../tests/events/confirm-test-event.json"),
    ];
    let bodies = events.map(|event| {
        let event: serde_json::Value = serde_json::from_str(event).unwrap();
        event["Records"][0]["body"].as_str().unwrap().to_owned()
    });
    let is_read = |body: &&String| Wake::parse(body).is_some() || notice::read(body).fault.is_none();
    assert_eq!(bodies.iter().filter(is_read).count(), bodies.len());
    bodies.iter().map(|body| seed(body)).collect()
}
