//! The fake vault's `owner` index.

use std::collections::BTreeMap;

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
        let bucket = self.bucket(query);
        let rest = bucket.iter().filter(|(key, _)| after.is_none_or(|after| after < *key));
        let looked: Vec<_> = rest.take(limit).collect();
        let next = looked.last().filter(|_| looked.len() == limit).map(|(key, _)| (*key).clone());
        let owned = looked.into_iter().filter(|(_, row)| is_part(row, query.part));
        OwnedPage { keys: owned.filter_map(|(key, _)| RowKey::parse(&key.pk, &key.sk)).collect(), next }
    }

    /// One partition of the index in its order; of a session, what begins as its keys do.
    fn bucket(&self, query: &OwnedQuery<'_>) -> BTreeMap<IndexKey, &Item> {
        let partition = owner_partition(query.tenant.as_str(), query.subject, query.bucket);
        let prefix = match query.part {
            OwnedPart::Session(session) => format!("{session}#"),
            OwnedPart::Everything | OwnedPart::Device(_) | OwnedPart::Family(_) | OwnedPart::Client(_) => {
                String::new()
            }
        };
        let of_owner = self.rows.iter().filter(|(_, row)| item::text_of(row, "owner_pk") == Some(&partition));
        let keyed = of_owner.filter_map(|((pk, sk), row)| {
            let owner_sk = item::text_of(row, "owner_sk")?.to_owned();
            Some((IndexKey { owner_sk, pk: pk.clone(), sk: sk.clone() }, row))
        });
        keyed.filter(|(key, _)| key.owner_sk.starts_with(&prefix)).collect()
    }
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
