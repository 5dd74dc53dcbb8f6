//! `lethe accept`: who may say that a store which holds less is right, and of which runs.

use super::super::accept::{AcceptanceView, accept};
use super::*;

/// A run that the empty guard stopped: it had seen everything.
fn stopped() -> Run {
    let seen = Run { evidence: Some("ee".into()), scan_started_at: START, ..run_at(Stage::Scanning) };
    seen.voided("source lake holds no references", START)
}

async fn accept_it(cloud: &FakeCloud) -> Result<AcceptanceView, CliError> {
    accept((&tenant("acme"), &stopped().id), &ada(START), (&cloud.control, &cloud.audit)).await
}

#[tokio::test]
async fn an_acceptance_is_stored_once_and_on_record_with_its_actor() {
    let cloud = cloud().await;
    cloud.control.put_run(stopped());
    assert!(accept_it(&cloud).await.unwrap().is_new);
    assert!(!accept_it(&cloud).await.unwrap().is_new);
    let stored = cloud.control.acceptances(&tenant("acme")).await.unwrap();
    let named: Vec<_> = stored.iter().map(|one| (one.run.id.clone(), one.actor.as_str())).collect();
    assert_eq!(named, [(stopped().id, ADA)]);
    let items = cloud.audit.items_of(Event::Accepted);
    assert_eq!(items.iter().map(|item| item.actor.as_deref()).collect::<Vec<_>>(), [Some(ADA)]);
    assert_eq!(items[0].evidence.as_deref(), Some("ee"));
}

#[tokio::test]
async fn only_a_void_run_that_saw_everything_can_be_accepted() {
    let cloud = cloud().await;
    assert_eq!(accept_it(&cloud).await.unwrap_err().exit_code(), 2);
    cloud.control.put_run(Run { evidence: None, ..stopped() });
    let half = accept_it(&cloud).await.unwrap_err();
    insta::assert_snapshot!(half.to_string(), @"run 1800000000-01 is void: it ended before it had seen every source whole, so there is nothing to accept; see `lethe status acme`");
    cloud.control.put_run(Run { stage: Stage::Applied, ..stopped() });
    let applied = accept_it(&cloud).await.unwrap_err();
    insta::assert_snapshot!(applied.to_string(), @"run 1800000000-01 is applied: only a void run is accepted; see `lethe status acme`");
    assert_eq!((half.exit_code(), applied.exit_code()), (2, 2));
    assert!(cloud.control.acceptances(&tenant("acme")).await.unwrap().is_empty());
    assert!(cloud.audit.items_of(Event::Accepted).is_empty());
}

#[tokio::test]
async fn status_names_weak_sources() {
    let cloud = FakeCloud::new();
    let text = Sample::new().tenant("acme").weak_table("orders", "acme-orders", 1).bucket(
        "lake",
        "acme-lake",
        "",
        "csv",
    );
    apply_text(&cloud, &text.text()).await.unwrap();
    assert_eq!(status_of(&cloud, None).await.tenants[0].weak_sources, ["orders"]);
    let strong = super::cloud().await;
    assert!(status_of(&strong, None).await.tenants.iter().all(|tenant| tenant.weak_sources.is_empty()));
}
