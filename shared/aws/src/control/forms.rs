//! What the control table's items look like, where a port's type is not stored as it is.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::run::ApplyTally;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::Shard;
use lethe_stages::error::PortError;
use lethe_stages::ports::{Approval, Lease, RunRef, StoredConfig, Walk};
use serde::{Deserialize, Serialize};

use super::places;
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
    let (pk, sk) = places::approval(&approval.run);
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
