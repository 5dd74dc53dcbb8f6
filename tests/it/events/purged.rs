//! S3's notices about removed versions, as the purged queue delivers them: only a version that is gone is purged.

use lethe_domain::audit::{Event, ObjectVersion};
use lethe_testkit::FaultKind;
use serde_json::{Value, json};

use super::world::{World, event, event_with_body, sent_back};

/// A world in which one row was archived, and where its version lies.
async fn archived() -> (World, ObjectVersion) {
    let world = World::new();
    world.archive(event("archive-ttl")).await.unwrap();
    let object = world.cloud.archive.all_versions()[0].object.clone();
    (world, object)
}

/// The recorded notice, naming this version.
fn notice(name: &str, object: &ObjectVersion) -> Value {
    let recorded = event(name);
    let mut body: Value = serde_json::from_str(recorded["Records"][0]["body"].as_str().unwrap()).unwrap();
    body["Records"][0]["s3"]["object"]["key"] = json!(object.key.replace('-', "%2D"));
    body["Records"][0]["s3"]["object"]["versionId"] = json!(object.version);
    event_with_body(name, &body.to_string())
}

fn purged(world: &World) -> Vec<ObjectVersion> {
    let items = world.cloud.audit.items_of(Event::Purged);
    items.into_iter().filter_map(|item| item.object).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn a_version_that_lifecycle_or_somebody_removed_is_purged_once() {
    for name in ["confirm-lifecycle", "confirm-removed"] {
        let (world, object) = archived().await;
        world.cloud.archive.expire(&object);
        for _ in 0..2 {
            assert!(sent_back(world.confirm(&notice(name, &object)).await).is_empty());
        }
        assert_eq!(purged(&world), [object], "{name}");
        assert!(world.refused().is_empty());
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_delete_marker_purges_nothing() {
    let (world, object) = archived().await;
    let marker = world.cloud.archive.hide(&object.key);
    for named in [&object, &marker] {
        assert!(sent_back(world.confirm(&notice("confirm-lifecycle-marker", named)).await).is_empty());
    }
    assert!(purged(&world).is_empty());
    assert!(world.refused().is_empty());
}

#[tokio::test(flavor = "current_thread")]
async fn a_version_that_is_still_there_is_not_purged() {
    let (world, object) = archived().await;
    assert!(sent_back(world.confirm(&notice("confirm-lifecycle", &object)).await).is_empty());
    assert!(purged(&world).is_empty());
    assert_eq!(world.refused().len(), 1);
}

#[tokio::test(flavor = "current_thread")]
async fn a_version_that_was_never_archived_is_not_purged() {
    let world = World::new();
    assert!(sent_back(world.confirm(&event("confirm-lifecycle")).await).is_empty());
    assert!(purged(&world).is_empty());
}

#[tokio::test(flavor = "current_thread")]
async fn s3s_test_of_the_queue_is_acknowledged_quietly() {
    let world = World::new();
    assert!(sent_back(world.confirm(&event("confirm-test-event")).await).is_empty());
    assert!(world.cloud.audit.items().is_empty());
}

#[tokio::test(flavor = "current_thread")]
async fn an_unreadable_notice_is_refused_and_acknowledged() {
    let world = World::new();
    for body in ["", "{", "[]", r#"{"Records":[{"eventName":"ObjectRemoved:Delete"}]}"#] {
        let world = World::new();
        assert!(
            sent_back(world.confirm(&event_with_body("confirm-removed", body)).await).is_empty(),
            "{body}"
        );
        assert_eq!(world.refused().len(), 1, "{body}");
    }
    assert!(world.refused().is_empty());
}

#[tokio::test(flavor = "current_thread")]
async fn a_notice_comes_again_when_the_bucket_cannot_be_asked() {
    let (world, object) = archived().await;
    world.cloud.archive.expire(&object);
    world.cloud.faults.fail_call(1, FaultKind::BeforeEffect);
    let back = sent_back(world.confirm(&notice("confirm-lifecycle", &object)).await);
    assert_eq!(back, ["059f36b4-87a3-44ab-83d2-661975830a7d"]);
    world.cloud.faults.calm();
    assert!(sent_back(world.confirm(&notice("confirm-lifecycle", &object)).await).is_empty());
    assert_eq!(purged(&world), [object]);
}
