//! A subject's tokens, by the `owner` index.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use lethe_domain::fan_out::IndexKey;
use lethe_domain::row::owner_partition;
use lethe_stages::error::PortError;
use lethe_stages::ports::{OwnedPage, OwnedPart, OwnedQuery};

use super::{DynamoVault, key_of};
use crate::failure::port_error;
use crate::item::{Item, Malformed, text, text_of};

const DOING: &str = "query the owner index";

impl DynamoVault {
    pub(super) async fn owned_page(
        &self,
        query: &OwnedQuery<'_>,
        after: Option<&IndexKey>,
        limit: u32,
    ) -> Result<OwnedPage, PortError> {
        let pk = owner_partition(query.tenant.as_str(), query.subject, query.bucket);
        let start = after.map(|after| start_of(&pk, after));
        let send = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("owner")
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .expression_attribute_names("#pk", "owner_pk")
            .expression_attribute_values(":pk", text(pk));
        let page = narrowed(send, query.part).send().await.map_err(|error| port_error(DOING, &error))?;
        // Guard: a place that cannot be read is an error, or what lies behind it would be passed over.
        let next = page.last_evaluated_key.as_ref().map(index_key_of).transpose()?;
        Ok(OwnedPage { keys: page.items().iter().filter_map(key_of).collect(), next })
    }
}

/// Only this part of the bucket.
fn narrowed(query: QueryFluentBuilder, part: OwnedPart<'_>) -> QueryFluentBuilder {
    let (name, value) = match part {
        OwnedPart::Everything => return query.key_condition_expression("#pk = :pk"),
        OwnedPart::Session(session) => ("session", session),
        OwnedPart::Device(device) => ("device", device),
        OwnedPart::Family(family) => ("family", family),
        OwnedPart::Client(client) => ("client", client),
    };
    let query = query
        .filter_expression("#part = :part")
        .expression_attribute_names("#part", name)
        .expression_attribute_values(":part", text(value));
    match part {
        // A session whose name begins with this one's and a `#` shares its prefix, hence the filter.
        OwnedPart::Session(session) => query
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
            .expression_attribute_names("#sk", "owner_sk")
            .expression_attribute_values(":prefix", text(format!("{session}#"))),
        OwnedPart::Everything | OwnedPart::Device(_) | OwnedPart::Family(_) | OwnedPart::Client(_) => {
            query.key_condition_expression("#pk = :pk")
        }
    }
}

fn start_of(owner_pk: &str, after: &IndexKey) -> Item {
    let parts = [("owner_pk", owner_pk), ("owner_sk", &after.owner_sk), ("pk", &after.pk), ("sk", &after.sk)];
    parts.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
}

fn index_key_of(place: &Item) -> Result<IndexKey, PortError> {
    let part = |name| text_of(place, name).map(str::to_owned);
    let key = part("owner_sk").zip(part("pk")).zip(part("sk"));
    let key = key.map(|((owner_sk, pk), sk)| IndexKey { owner_sk, pk, sk });
    key.ok_or_else(|| PortError::never(DOING, Malformed))
}
