//! What the control table's items look like, where a port's type is not stored as it is.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use lethe_domain::approval::Principal;
use lethe_domain::fan_out::FanOut;
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::read_feed::HourOfReads;
use lethe_domain::run::ApplyTally;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::Shard;
use lethe_stages::error::PortError;
use lethe_stages::ports::{Approval, BudgetDay, KeptAnswer, Lease, RunRef, StoredConfig, Walk};
use serde::{Deserialize, Serialize};

use super::places;
use super::table::{Place, key_of};
use crate::item::{Item, Malformed, from_item, number, number_of, text, text_of, to_item};

#[derive(Serialize, Deserialize)]
struct ConfigForm {
    version: u64,
    text: String,
    stored_at: EpochSeconds,
    author: String,
}

pub(super) fn config_item(
    doing: &'static str,
    place: (String, String),
    config: &StoredConfig,
) -> Result<Item, PortError> {
    let form = ConfigForm {
        version: config.version,
        text: config.text.clone(),
        stored_at: config.stored_at,
        author: config.author.clone(),
    };
    to_item(doing, place, &form)
}

pub(super) fn config_of(doing: &'static str, item: Item) -> Result<StoredConfig, PortError> {
    let ConfigForm { version, text, stored_at, author } = from_item(doing, item)?;
    Ok(StoredConfig { version, text, stored_at, author })
}

pub(super) fn keys_item((pk, sk): (String, String), keys: &TenantKeys) -> Item {
    Item::from([
        ("pk".to_owned(), text(pk)),
        ("sk".to_owned(), text(sk)),
        ("mark_key".to_owned(), number(keys.mark_key)),
        ("fingerprint_key".to_owned(), AttributeValue::B(Blob::new(keys.fingerprint_key))),
        ("key_version".to_owned(), number(keys.key_version)),
    ])
}

pub(super) fn keys_of(doing: &'static str, item: &Item) -> Result<TenantKeys, PortError> {
    let read = || {
        Some(TenantKeys {
            mark_key: number_of(item, "mark_key")?,
            fingerprint_key: item.get("fingerprint_key")?.as_b().ok()?.as_ref().try_into().ok()?,
            key_version: number_of(item, "key_version")?,
        })
    };
    read().ok_or_else(|| PortError::never(doing, Malformed))
}

#[derive(Deserialize)]
struct LeaseForm {
    sk: String,
    fence: u64,
    until: EpochSeconds,
    n_entries_done: u64,
    applied: ApplyTally,
}

pub(super) fn lease_of(doing: &'static str, run: &RunRef, item: Item) -> Result<Lease, PortError> {
    let LeaseForm { sk, fence, until, n_entries_done, applied } = from_item(doing, item)?;
    let shard = u16::from_str_radix(&sk, 16).map_err(|_| PortError::never(doing, Malformed))?;
    Ok(Lease { run: run.clone(), shard: Shard(shard), fence, until, n_entries_done, applied })
}

pub(super) fn tally_value(doing: &'static str, tally: &ApplyTally) -> Result<AttributeValue, PortError> {
    serde_dynamo::to_attribute_value(tally).map_err(|_| PortError::never(doing, Malformed))
}

pub(super) fn approval_item(approval: &Approval) -> Item {
    let (pk, sk) = places::approval(&approval.run, &Principal::of(&approval.actor));
    Item::from([
        ("pk".to_owned(), text(pk)),
        ("sk".to_owned(), text(sk)),
        ("hash".to_owned(), text(&approval.hash)),
        ("actor".to_owned(), text(&approval.actor)),
        ("approved_at".to_owned(), number(approval.approved_at.0)),
    ])
}

pub(super) fn approval_of(doing: &'static str, run: &RunRef, item: &Item) -> Result<Approval, PortError> {
    let read = || {
        Some(Approval {
            run: run.clone(),
            hash: text_of(item, "hash")?.to_owned(),
            actor: text_of(item, "actor")?.to_owned(),
            approved_at: EpochSeconds(number_of(item, "approved_at")?),
        })
    };
    read().ok_or_else(|| PortError::never(doing, Malformed))
}

/// The fan-out as one text, so that its parts need not be attributes, and the revision for the conditions.
pub(super) fn fan_out_item(doing: &'static str, fan_out: &FanOut) -> Result<Item, PortError> {
    let form = serde_json::to_string(fan_out).map_err(|_| PortError::never(doing, Malformed))?;
    let mut item = key_of(places::fan_out(&fan_out.tenant, &fan_out.id));
    item.insert("fan_out".to_owned(), text(form));
    item.insert("revision".to_owned(), number(fan_out.revision));
    Ok(item)
}

/// The reader's own error is left out, because it may quote the text, which names a subject.
pub(super) fn fan_out_of(doing: &'static str, item: &Item) -> Result<FanOut, PortError> {
    let fan_out = text_of(item, "fan_out").and_then(|form| serde_json::from_str(form).ok());
    fan_out.ok_or_else(|| PortError::never(doing, Malformed))
}

pub(super) fn answer_item(place: Place, answer: &KeptAnswer) -> Item {
    let mut item = key_of(place);
    item.extend([
        ("digest".to_owned(), text(&answer.digest)),
        ("status".to_owned(), number(answer.status)),
        ("body".to_owned(), text(&answer.body)),
        ("ttl".to_owned(), number(answer.until.0)),
    ]);
    item
}

pub(super) fn answer_of(doing: &'static str, item: &Item) -> Result<KeptAnswer, PortError> {
    let read = || {
        Some(KeptAnswer {
            digest: text_of(item, "digest")?.to_owned(),
            status: number_of(item, "status")?,
            body: text_of(item, "body")?.to_owned(),
            until: EpochSeconds(number_of(item, "ttl")?),
        })
    };
    read().ok_or_else(|| PortError::never(doing, Malformed))
}

pub(super) fn budget_of(doing: &'static str, item: &Item) -> Result<BudgetDay, PortError> {
    let n_spent = number_of(item, "n_spent").ok_or_else(|| PortError::never(doing, Malformed))?;
    Ok(BudgetDay {
        n_spent,
        approved_at: number_of(item, "approved_at").map(EpochSeconds),
        approved_by: text_of(item, "approved_by").map(str::to_owned),
    })
}

pub(super) fn reads_of(doing: &'static str, item: &Item) -> Result<(EpochSeconds, HourOfReads), PortError> {
    let read = || {
        let hour = text_of(item, "sk")?.parse().ok()?;
        let (n_reads, n_canaries) = (number_of(item, "n_reads")?, number_of(item, "n_canaries")?);
        Some((EpochSeconds(hour), HourOfReads { n_reads, n_canaries }))
    };
    read().ok_or_else(|| PortError::never(doing, Malformed))
}

pub(super) fn token_count_item(place: Place, n_tokens: u64) -> Item {
    let mut item = key_of(place);
    item.insert("n".to_owned(), number(n_tokens));
    item
}

pub(super) fn walk_item(name: &str, walk: &Walk) -> Item {
    let (pk, sk) = places::walk(name);
    let mut item = Item::from([
        ("pk".to_owned(), text(pk)),
        ("sk".to_owned(), text(sk)),
        ("started_at".to_owned(), number(walk.started_at.0)),
    ]);
    if let Some(position) = &walk.position {
        item.insert("position".to_owned(), text(position));
    }
    item
}

pub(super) fn walk_of(doing: &'static str, item: &Item) -> Result<Walk, PortError> {
    let started_at = number_of(item, "started_at").ok_or_else(|| PortError::never(doing, Malformed))?;
    Ok(Walk { started_at: EpochSeconds(started_at), position: text_of(item, "position").map(str::to_owned) })
}
