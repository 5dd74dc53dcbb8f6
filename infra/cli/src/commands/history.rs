//! Everything on record about one token: its own events, what was refused of it, and the events of the archive objects
//! it went into.

use std::collections::BTreeSet;

use lethe_domain::audit::{
    AuditItem, Event, ObjectVersion, Standing, bucket_of, object_partition, run_partition, token_partition,
};
use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::policy::Trigger;
use lethe_domain::row::RowVersion;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::ports::AuditLog;
use serde::Serialize;

use crate::error::CliError;

/// Before the first item of a tenant's partition about something that was refused: uses of a token that is out of
/// service among it.
const REFUSED: &str = "refused#";

/// One event of a token's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct HistoryEvent {
    /// When it happened.
    pub(crate) at: EpochSeconds,
    /// What happened.
    pub(crate) event: Event,
    /// Where the token stood before.
    pub(crate) from: Option<&'static str>,
    /// Where it stood then.
    pub(crate) to: Option<&'static str>,
    /// Why.
    pub(crate) reason: Option<Trigger>,
    /// The row's version after it.
    pub(crate) version: Option<RowVersion>,
    /// The run that decided.
    pub(crate) run: Option<String>,
    /// The config version that decided.
    pub(crate) policy: Option<u64>,
    /// The digest over the evidence.
    pub(crate) evidence: Option<String>,
    /// Who acted.
    pub(crate) actor: Option<String>,
    /// What was said about it.
    pub(crate) text: Option<String>,
    /// The archive object.
    pub(crate) object: Option<String>,
    /// That object's version.
    pub(crate) object_version: Option<String>,
    /// Until when that is locked.
    pub(crate) retain_until: Option<EpochSeconds>,
}

/// Reads a token's history, oldest first. A token may have lain under several fingerprints.
pub(crate) async fn history<A: AuditLog>(
    tenant: &TenantId,
    fingerprints: &BTreeSet<Fingerprint>,
    audit: &A,
) -> Result<Vec<HistoryEvent>, CliError> {
    let mut events = Vec::new();
    let mut objects: BTreeSet<ObjectVersion> = BTreeSet::new();
    let buckets: BTreeSet<u8> = fingerprints.iter().map(bucket_of).collect();
    for bucket in buckets {
        each_item((&token_partition(tenant, bucket), None), audit, |item| {
            let before = events.len();
            events.extend(of_tokens(item, fingerprints));
            if before < events.len() {
                objects.extend(item.object.clone());
            }
        })
        .await?;
    }
    each_item((&run_partition(tenant), Some(REFUSED)), audit, |item| {
        if item.event == Event::Refused {
            events.extend(of_tokens(item, fingerprints));
        }
    })
    .await?;
    for object in &objects {
        each_item((&object_partition(&object.key), None), audit, |item| {
            // The object's own `archived` only says what the token's has said.
            if item.object.as_ref() == Some(object) && item.event == Event::Purged {
                events.push(of_object(item));
            }
        })
        .await?;
    }
    events.sort_by_key(|event| (event.at, event.version, event.event));
    // A stream's batch that was cut anew makes an item that overlaps with an earlier one.
    events.dedup_by(|later, earlier| {
        (later.event, later.version, &later.object_version)
            == (earlier.event, earlier.version, &earlier.object_version)
            && later.version.is_some()
            // Whoever uses a token twice does so at one version of it.
            && later.event != Event::Refused
    });
    Ok(events)
}

async fn each_item<A: AuditLog>(
    (pk, from): (&str, Option<&str>),
    audit: &A,
    mut see: impl FnMut(&AuditItem),
) -> Result<(), CliError> {
    let mut after = from.map(str::to_owned);
    loop {
        let page = audit.page(pk, after.as_deref()).await?;
        page.items.iter().for_each(&mut see);
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn of_tokens(item: &AuditItem, fingerprints: &BTreeSet<Fingerprint>) -> Vec<HistoryEvent> {
    let ours = item.entries.iter().filter(|entry| fingerprints.contains(&entry.fingerprint));
    let at = happened_at(item);
    ours.map(|entry| HistoryEvent {
        at,
        from: Some(entry.from.as_str()),
        to: Some(entry.to.as_str()),
        reason: entry.reason,
        version: Some(entry.version),
        ..of_object(item)
    })
    .collect()
}

fn of_object(item: &AuditItem) -> HistoryEvent {
    HistoryEvent {
        at: item.written_at,
        event: item.event,
        from: None,
        to: (item.event == Event::Purged).then_some(Standing::Purged.as_str()),
        reason: None,
        version: None,
        run: item.run.clone(),
        policy: item.policy,
        evidence: item.evidence.clone(),
        actor: item.actor.clone(),
        text: item.reason_text.clone(),
        object: item.object.as_ref().map(|object| object.key.clone()),
        object_version: item.object.as_ref().map(|object| object.version.clone()),
        retain_until: item.retain_until,
    }
}

/// The time of the item's first record, which its sort key begins with; when it was written where it does not.
fn happened_at(item: &AuditItem) -> EpochSeconds {
    let millis = item.sk.split('#').next().and_then(|millis| millis.parse::<i64>().ok());
    millis.map_or(item.written_at, |millis| EpochSeconds(millis.div_euclid(1000)))
}
