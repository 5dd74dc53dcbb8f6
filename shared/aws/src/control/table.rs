//! The few kinds of calls by which the control table is used.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValue::AllNew;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use lethe_stages::error::PortError;

use crate::failure::port_error;
use crate::item::{Item, text};

/// Where an item lives: partition key and sort key.
pub(crate) type Place = (String, String);

/// The control table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
}

/// What became of an update.
pub(super) enum Updated {
    /// It was made; this stands there now.
    Done(Item),
    /// Its condition failed; this stands there, empty where nothing does.
    Refused(Item),
}

impl Table {
    /// One item, consistently read.
    pub(super) async fn get(&self, doing: &'static str, place: Place) -> Result<Option<Item>, PortError> {
        let get =
            self.client.get_item().table_name(&self.name).set_key(Some(key_of(place))).consistent_read(true);
        Ok(get.send().await.map_err(|error| port_error(doing, &error))?.item)
    }

    /// A write of a whole item.
    pub(super) fn put(&self, item: Item) -> PutItemFluentBuilder {
        self.client.put_item().table_name(&self.name).set_item(Some(item))
    }

    /// A write of a whole item where none stands.
    pub(super) fn put_new(&self, item: Item) -> PutItemFluentBuilder {
        self.put(item).condition_expression("attribute_not_exists(pk)")
    }

    /// A write of some attributes.
    pub(super) fn update(&self, place: Place) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.name).set_key(Some(key_of(place))).return_values(AllNew)
    }

    /// The items of a partition, consistently read.
    pub(super) fn query(&self, pk: String) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(pk))
    }
}

/// Sends a write; `false` when its condition failed.
pub(super) async fn send_put(doing: &'static str, put: PutItemFluentBuilder) -> Result<bool, PortError> {
    match put.send().await {
        Ok(_) => Ok(true),
        Err(error) => match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
            Some(_) | None => Err(port_error(doing, &error)),
        },
    }
}

/// Sends an update.
pub(super) async fn send_update(
    doing: &'static str,
    update: UpdateItemFluentBuilder,
) -> Result<Updated, PortError> {
    match update.return_values_on_condition_check_failure(AllOld).send().await {
        Ok(answer) => Ok(Updated::Done(answer.attributes.unwrap_or_default())),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(stands)) => {
                Ok(Updated::Refused(stands.item.clone().unwrap_or_default()))
            }
            Some(_) | None => Err(port_error(doing, &error)),
        },
    }
}

/// Every item that a query finds.
pub(super) async fn send_query(
    doing: &'static str,
    query: QueryFluentBuilder,
) -> Result<Vec<Item>, PortError> {
    let mut items = Vec::new();
    let mut from = None;
    loop {
        let page = query.clone().set_exclusive_start_key(from).send().await;
        let page = page.map_err(|error| port_error(doing, &error))?;
        items.extend(page.items.unwrap_or_default());
        from = page.last_evaluated_key;
        if from.is_none() {
            return Ok(items);
        }
    }
}

/// A place as the key of a call.
pub(super) fn key_of((pk, sk): Place) -> Item {
    Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}
