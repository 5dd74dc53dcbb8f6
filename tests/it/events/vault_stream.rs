//! The vault's stream: a state change goes on record, a removal into the archive, and a poisoned record fails alone.

use lethe_domain::audit::{AuditItem, Event};
use lethe_domain::time::EpochSeconds;
use lethe_stages::error::PortError;
use lethe_stages::ports::{AuditLog, AuditPage};
use lethe_testkit::{FakeAudit, FaultKind, START, token};
use serde_json::{Value, json};

use super::world::{World, event, sent_back};

/// An audit that panics, as a stage would over a record that nobody thought of.
struct Panicking(FakeAudit);

impl AuditLog for Panicking {
    async fn record(&self, item: &AuditItem) -> Result<bool, PortError> {
        panic!("over {:?}", item.event)
    }

    async fn page(&self, pk: &str, after: Option<&str>) -> Result<AuditPage, PortError> {
        self.0.page(pk, after).await
    }
}

fn push(event: &mut Value, record: Value) {
    event["Records"].as_array_mut().unwrap().insert(0, record);
}

#[tokio::test(flavor = "current_thread")]
async fn a_change_goes_on_record_once() {
    let world = World::new();
    for _ in 0..2 {
        assert!(sent_back(world.react(event("react-modify")).await).is_empty());
    }
    assert_eq!(world.history(&token(1)), [Event::Sentenced]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_poisoned_change_is_refused_and_its_neighbour_goes_on_record() {
    let world = World::new();
    let mut batch = event("react-modify");
    push(&mut batch, json!({ "eventID": "c0ffee", "eventName": "MODIFY", "dynamodb": { "Keys": 7 } }));
    assert!(sent_back(world.react(batch).await).is_empty());
    assert_eq!(world.refused(), [("c0ffee".to_owned(), "the stream record lacks an image".to_owned())]);
    assert_eq!(world.history(&token(1)), [Event::Sentenced]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_changed_row_that_does_not_parse_is_on_record() {
    let world = World::new();
    let mut batch = event("react-modify");
    batch["Records"][0]["dynamodb"]["NewImage"]["state"] = json!({ "S": "undead" });
    assert!(sent_back(world.react(batch).await).is_empty());
    let refused: Vec<String> = world.refused().into_iter().map(|(id, _)| id).collect();
    assert_eq!(refused, ["700000000000011111111111"]);
}

#[tokio::test(flavor = "current_thread")]
async fn the_row_of_a_subject_is_no_token_and_nothing_to_refuse() {
    let world = World::new();
    let subject = json!({
        "pk": { "S": "acme#0000" },
        "sk": { "S": "subject#alice" },
        "kind": { "S": "subject" },
        "version": { "N": "1" },
        "cutoff_at": { "N": "1800000000000" },
        "hold": { "S": "case-1" },
    });
    let mut batch = event("react-modify");
    batch["Records"][0]["dynamodb"]["NewImage"] = subject.clone();
    assert!(sent_back(world.react(batch).await).is_empty());
    let mut batch = event("archive-removed");
    batch["Records"][0]["dynamodb"]["OldImage"] = subject;
    assert!(sent_back(world.archive(batch).await).is_empty());
    assert_eq!(world.refused(), []);
    assert!(world.cloud.archive.records().iter().all(|record| record.token != "subject#alice"));
}

#[tokio::test(flavor = "current_thread")]
async fn a_failure_or_a_panic_brings_the_batch_again() {
    let world = World::new();
    world.cloud.faults.fail_call(1, FaultKind::Killed);
    world.react(event("react-modify")).await.unwrap_err();
    world.cloud.faults.calm();
    let error =
        world.react_with(event("react-modify"), &Panicking(world.cloud.audit.clone())).await.unwrap_err();
    assert_eq!(error.failure().to_string(), "panicked");
    assert!(sent_back(world.react(event("react-modify")).await).is_empty());
    assert_eq!(world.history(&token(1)), [Event::Sentenced]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_row_that_ttl_removed_is_archived_once() {
    let world = World::new();
    for _ in 0..2 {
        assert!(sent_back(world.archive(event("archive-ttl")).await).is_empty());
    }
    check_archived(&world, 1);
}

#[tokio::test(flavor = "current_thread")]
async fn a_row_that_somebody_removed_is_archived_as_well() {
    let world = World::new();
    assert!(sent_back(world.archive(event("archive-removed")).await).is_empty());
    check_archived(&world, 2);
}

/// One object holds exactly the row of this token, locked for its class, and that is on record.
#[track_caller]
fn check_archived(world: &World, seed: u64) {
    let records = world.cloud.archive.records();
    let tokens: Vec<&str> = records.iter().map(|record| record.token.as_str()).collect();
    assert_eq!(tokens, [token(seed).expose()]);
    assert_eq!(records[0].image["payload"], json!({ "B": "c2VhbGVkIGJ5IHRoZSBhcHBsaWNhdGlvbg==" }));
    assert_eq!(records[0].removed_at, START);
    let versions = world.cloud.archive.all_versions();
    assert!(versions[0].object.key.starts_with("r7/2027-01-15/"), "{}", versions[0].object.key);
    assert_eq!(world.history(&token(seed)), [Event::Archived]);
    let archived = world.cloud.audit.items_of(Event::Archived);
    assert!(archived.iter().all(|item| item.retain_until == Some(EpochSeconds(START.0 + 7 * 86_400))));
}

#[tokio::test(flavor = "current_thread")]
async fn a_removed_row_that_does_not_parse_is_archived_as_it_was() {
    let world = World::new();
    let mut batch = event("archive-ttl");
    batch["Records"][0]["dynamodb"]["OldImage"]["version"] = json!({ "S": "seven" });
    let image = batch["Records"][0]["dynamodb"]["OldImage"].clone();
    push(&mut batch, json!({ "eventID": "c0ffee", "eventName": "REMOVE", "dynamodb": { "SizeBytes": "?" } }));
    push(&mut batch, json!({ "eventID": "decade", "eventName": "VANISH" }));
    assert!(sent_back(world.archive(batch).await).is_empty());
    let images: Vec<Value> = world.cloud.archive.records().into_iter().map(|record| record.image).collect();
    assert!(images.contains(&image));
    assert!(images.iter().any(|image| image["eventID"] == "c0ffee"));
    let refused: Vec<String> = world.refused().into_iter().map(|(id, _)| id).collect();
    assert_eq!(refused, ["decade"]);
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_no_stream_event_is_an_error() {
    let world = World::new();
    world.archive(event("scheduler")).await.unwrap_err();
    world.react(json!({})).await.unwrap_err();
}
