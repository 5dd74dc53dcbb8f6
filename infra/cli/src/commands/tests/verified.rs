//! `lethe verify` over the fakes.

use lethe_domain::audit::{AuditItem, Entry, Event, Standing, bucket_of};
use lethe_domain::policy::Trigger;
use lethe_domain::replay::Fault;
use lethe_domain::row::RowVersion;
use lethe_domain::time::EpochMillis;
use lethe_stages::ports::AuditLog;
use lethe_stages::verify::Verify;
use lethe_testkit::{FakeCloud, START, row, tenant, token};

use super::super::verify::{VerifyView, verify};
use super::{LIMITS, cloud, keys};
use crate::error::CliError;

async fn verified(cloud: &FakeCloud, name: &str, pause: impl AsyncFn()) -> Result<VerifyView, CliError> {
    let ports = Verify {
        control: &cloud.control,
        audit: &cloud.audit,
        vault: &cloud.vault,
        archive: &cloud.archive,
        limits: &LIMITS,
    };
    verify(&tenant(name), &ports, (|| START, &|_| ()), pause).await
}

async fn never() {
    panic!("nothing to look at again");
}

async fn record_cooled(cloud: &FakeCloud, version: u64) {
    let fingerprint = keys().fingerprint(&token(1));
    let reason = Some(Trigger::Unreferenced);
    let (from, to) = (Standing::Active, Standing::Cooling);
    let entry = Entry { fingerprint, version: RowVersion(version), from, to, reason };
    let place = (&tenant("acme"), bucket_of(&fingerprint));
    let item = AuditItem::of_tokens(place, Event::Cooled, (EpochMillis(1), "1"), vec![entry], START);
    cloud.audit.record(&item).await.unwrap();
}

fn cool_row(cloud: &FakeCloud) {
    let cooling = row("acme", &token(1)).version(7).cooling(Trigger::Unreferenced, START);
    cloud.vault.insert(cooling);
}

#[tokio::test]
async fn a_record_that_adds_up_is_looked_at_once() {
    let cloud = cloud().await;
    cloud.vault.insert(row("acme", &token(2)));
    cool_row(&cloud);
    record_cooled(&cloud, 7).await;
    let view = verified(&cloud, "acme", never).await.unwrap();
    assert_eq!((view.n_faults, view.n_too_recent, view.counted.n_rows), (0, 0, 2));
}

#[tokio::test]
async fn what_is_on_record_after_the_grace_was_too_recent_to_judge() {
    let cloud = cloud().await;
    cool_row(&cloud);
    let view = verified(&cloud, "acme", async || record_cooled(&cloud, 7).await).await.unwrap();
    assert_eq!((view.n_faults, view.n_too_recent), (0, 1));
}

#[tokio::test]
async fn what_is_still_wrong_after_the_grace_is_named_without_a_token() {
    let cloud = cloud().await;
    cool_row(&cloud);
    let view = verified(&cloud, "acme", async || ()).await.unwrap();
    assert_eq!(view.n_faults, 1);
    assert_eq!(view.faults[0].fault, Fault::EndNotOnRecord);
    let json = serde_json::to_string(&view).unwrap();
    assert!(json.contains(&keys().fingerprint(&token(1)).to_string()), "{json}");
    assert!(!json.contains(token(1).expose()), "{json}");
}

#[tokio::test]
async fn a_tenant_that_nobody_knows_is_bad_input() {
    let error = verified(&cloud().await, "acmee", never).await.unwrap_err();
    assert_eq!(error.exit_code(), 2);
}
