//! The fake vault's `owner` index.

use std::ops::Bound;

use lethe_domain::fan_out::IndexKey;
use lethe_domain::row::owner_partition;
use lethe_domain::token::RowKey;
use lethe_stages::ports::{OwnedPage, OwnedPart, OwnedQuery};

use super::State;
use crate::item::{self, Item};

impl State {
    /// The limit cuts what is looked at: what the key condition leaves, before the filter.
    pub(super) fn owned(&self, query: &OwnedQuery<'_>, after: Option<&IndexKey>, limit: u32) -> OwnedPage {
        let limit = self.page_limit(limit);
        let partition = owner_partition(query.tenant.as_str(), query.subject, query.bucket);
        // Of a session, what begins as its keys do.
        let prefix = match query.part {
            OwnedPart::Session(session) => format!("{session}#"),
            OwnedPart::Everything | OwnedPart::Device(_) | OwnedPart::Family(_) | OwnedPart::Client(_) => {
                String::new()
            }
        };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let bucket = self.owners.get(&partition).into_iter();
        let rest = bucket.flat_map(|keys| keys.range((from, Bound::Unbounded)));
        let looked: Vec<_> = rest.filter(|key| key.owner_sk.starts_with(&prefix)).take(limit).collect();
        let next = looked.last().filter(|_| looked.len() == limit).map(|key| (*key).clone());
        let is_part = |key: &&&IndexKey| {
            let row = self.rows.get(&(key.pk.clone(), key.sk.clone()));
            row.is_some_and(|row| is_part(row, query.part))
        };
        let owned = looked.iter().filter(is_part);
        OwnedPage { keys: owned.filter_map(|key| RowKey::parse(&key.pk, &key.sk)).collect(), next }
    }

    /// Keeps the index as a row is put, changed or removed.
    pub(super) fn index_owner(&mut self, old: Option<&Item>, new: Option<&Item>) {
        if let Some((partition, key)) = old.and_then(place_of) {
            self.owners.entry(partition).or_default().remove(&key);
        }
        if let Some((partition, key)) = new.and_then(place_of) {
            self.owners.entry(partition).or_default().insert(key);
        }
    }
}

/// Where a row is in the index, if it is.
fn place_of(row: &Item) -> Option<(String, IndexKey)> {
    let (pk, sk) = item::keys_of(row);
    let owner_sk = item::text_of(row, "owner_sk")?.to_owned();
    Some((item::text_of(row, "owner_pk")?.to_owned(), IndexKey { owner_sk, pk, sk }))
}

fn is_part(row: &Item, part: OwnedPart<'_>) -> bool {
    let (name, value) = match part {
        OwnedPart::Everything => return true,
        OwnedPart::Session(session) => ("session", session),
        OwnedPart::Device(device) => ("device", device),
        OwnedPart::Family(family) => ("family", family),
        OwnedPart::Client(client) => ("client", client),
    };
    item::text_of(row, name) == Some(value)
}
