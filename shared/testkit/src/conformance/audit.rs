//! What every audit table must do.

use std::collections::BTreeMap;

use lethe_domain::audit::{AuditItem, Entry, Event, ObjectVersion, Standing};
use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::policy::Trigger;
use lethe_domain::row::RowVersion;
use lethe_domain::time::EpochSeconds;
use lethe_stages::ports::AuditLog;

use crate::tokens::tenant;

const NOW: EpochSeconds = EpochSeconds(1_800_000_000);

fn full_item() -> AuditItem {
    let entry = |byte, reason| Entry {
        fingerprint: Fingerprint([byte; 16]),
        version: RowVersion(u64::MAX),
        from: Standing::Cooling,
        to: Standing::Archived,
        reason,
    };
    AuditItem {
        run: Some("1800000000-01".to_owned()),
        policy: Some(3),
        evidence: Some("e".repeat(64)),
        actor: Some("arn:aws:iam::1:user/ops".to_owned()),
        reason_text: Some("asked for".to_owned()),
        object: Some(ObjectVersion {
            key: "r7/2027-01-15/ab.ndjson.zst".to_owned(),
            version: "v1".to_owned(),
        }),
        retain_until: Some(EpochSeconds(NOW.0 + 7)),
        tenants: BTreeMap::from([(tenant("acme"), 1), (tenant("globex"), u64::MAX)]),
        entries: vec![entry(0, None), entry(0xff, Some(Trigger::Superseded))],
        ..AuditItem::new("full#00".to_owned(), "1800000000000#archived#1".to_owned(), Event::Archived, NOW)
    }
}

/// Holds an audit table to what the stages count on.
pub async fn audit_suite<A: AuditLog>(audit: &A) {
    an_item_is_recorded_once_and_never_changed(audit).await;
    an_item_with_nothing_but_its_key_reads_back(audit).await;
    a_partition_is_read_page_by_page_oldest_first(audit).await;
}

async fn an_item_is_recorded_once_and_never_changed<A: AuditLog>(audit: &A) {
    let item = full_item();
    assert!(audit.record(&item).await.unwrap());
    let other = AuditItem { policy: Some(4), entries: Vec::new(), ..item.clone() };
    assert!(!audit.record(&other).await.unwrap());
    assert_eq!(all(audit, "full#00").await, [item]);
}

async fn an_item_with_nothing_but_its_key_reads_back<A: AuditLog>(audit: &A) {
    let item = AuditItem::new("bare#run".to_owned(), "1-01#gated".to_owned(), Event::Gated, NOW);
    assert!(audit.record(&item).await.unwrap());
    assert_eq!(all(audit, "bare#run").await, [item]);
    assert!(all(audit, "bare#ru").await.is_empty());
}

/// More than one page even where a page is 1 MB.
async fn a_partition_is_read_page_by_page_oldest_first<A: AuditLog>(audit: &A) {
    let item = |n: i64| {
        let long = AuditItem::new("pages#00".to_owned(), format!("{n:013}#cooled#1"), Event::Cooled, NOW);
        AuditItem { reason_text: Some("x".repeat(100_000)), ..long }
    };
    for n in (0..13).rev() {
        assert!(audit.record(&item(n)).await.unwrap());
    }
    let first = audit.page("pages#00", None).await.unwrap();
    assert!(first.next.is_some(), "13 items of 100 kB are more than a page");
    assert_eq!(all(audit, "pages#00").await, (0..13).map(item).collect::<Vec<_>>());
    let from_middle = audit.page("pages#00", Some(&item(9).sk)).await.unwrap();
    assert_eq!(from_middle.items.first().map(|item| item.sk.clone()), Some(item(10).sk));
}

async fn all<A: AuditLog>(audit: &A, pk: &str) -> Vec<AuditItem> {
    let mut items = Vec::new();
    let mut after = None;
    loop {
        let page = audit.page(pk, after.as_deref()).await.unwrap();
        items.extend(page.items);
        after = page.next;
        if after.is_none() {
            return items;
        }
    }
}
