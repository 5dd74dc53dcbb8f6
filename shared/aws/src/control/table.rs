//! The few kinds of calls by which the control table is used.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValue::AllNew;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use aws_sdk_dynamodb::types::TransactWriteItem;
use lethe_domain::time::EpochSeconds;
use lethe_stages::error::PortError;

use crate::failure::port_error;
use crate::item::{Item, Malformed, number, number_of, text};
use crate::transaction::{self, Cancellation};

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

/// What became of a transaction.
pub(super) enum Committed {
    /// It was made.
    Yes,
    /// The condition of some action failed, and nothing was written.
    Refused,
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

    /// A write of a whole item whose stored revision is still this one.
    pub(super) fn put_stepped(&self, item: Item, revision: u64) -> PutItemFluentBuilder {
        self.put(item)
            .condition_expression("#revision = :revision")
            .expression_attribute_names("#revision", "revision")
            .expression_attribute_values(":revision", number(revision))
    }

    /// A removal with a condition.
    pub(super) fn delete_item(&self, place: Place) -> DeleteItemFluentBuilder {
        self.client.delete_item().table_name(&self.name).set_key(Some(key_of(place)))
    }

    /// Removes an item, if it is there.
    pub(super) async fn delete(&self, doing: &'static str, place: Place) -> Result<(), PortError> {
        self.delete_item(place).send().await.map(|_| ()).map_err(|error| port_error(doing, &error))
    }

    /// A write of some attributes.
    pub(super) fn update(&self, place: Place) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.name).set_key(Some(key_of(place))).return_values(AllNew)
    }

    /// Adds to the count of an item that goes by itself after `until`, and returns the sum. Whoever loses the answer and
    /// comes again adds twice.
    pub(super) async fn add(
        &self,
        doing: &'static str,
        place: Place,
        n: u64,
        until: EpochSeconds,
    ) -> Result<u64, PortError> {
        let update = self
            .update(place)
            .update_expression("ADD #n :more SET #ttl = :until")
            .expression_attribute_names("#n", "n")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":more", number(n))
            .expression_attribute_values(":until", number(until.0));
        match send_update(doing, update).await? {
            Updated::Done(item) | Updated::Refused(item) => {
                number_of(&item, "n").ok_or_else(|| PortError::never(doing, Malformed))
            }
        }
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

/// Sends a removal; `false` when its condition failed.
pub(super) async fn send_delete(
    doing: &'static str,
    delete: DeleteItemFluentBuilder,
) -> Result<bool, PortError> {
    match delete.send().await {
        Ok(_) => Ok(true),
        Err(error) => match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(false),
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

/// Makes all of these writes or none.
pub(super) async fn send_transaction(
    doing: &'static str,
    client: &Client,
    actions: Vec<TransactWriteItem>,
) -> Result<Committed, PortError> {
    let answer = client.transact_write_items().set_transact_items(Some(actions)).send().await;
    let Err(error) = answer else { return Ok(Committed::Yes) };
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            match transaction::judge(doing, cancelled.cancellation_reasons()) {
                Cancellation::Refused(_) => Ok(Committed::Refused),
                Cancellation::Conflict => Err(transaction::conflict(doing)),
                Cancellation::Failed(error) => Err(error),
            }
        }
        Some(_) | None => Err(port_error(doing, &error)),
    }
}

/// The first items that a query finds, at most so many. They may need several pages, which end at 1 MB.
pub(super) async fn send_first(
    doing: &'static str,
    query: QueryFluentBuilder,
    limit: u32,
) -> Result<Vec<Item>, PortError> {
    let n_wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let query = query.limit(i32::try_from(limit).unwrap_or(i32::MAX));
    let mut items = Vec::new();
    let mut from = None;
    loop {
        let page = query.clone().set_exclusive_start_key(from).send().await;
        let page = page.map_err(|error| port_error(doing, &error))?;
        items.extend(page.items.unwrap_or_default());
        from = page.last_evaluated_key;
        if from.is_none() || n_wanted <= items.len() {
            items.truncate(n_wanted);
            return Ok(items);
        }
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
