//! The vault over `DynamoDB`.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use lethe_domain::fan_out::IndexKey;
use lethe_domain::lifecycle::Expected;
use lethe_domain::row::{RowRead, RowVersion, StoredRow, VaultRow};
use lethe_domain::subject::{SubjectKey, SubjectRow, is_subject_row};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{RowKey, partition};
use lethe_stages::error::PortError;
use lethe_stages::ports::{
    Lease, LeasedOutcome, OwnedPage, OwnedQuery, RowPage, RowWrite, ShardRef, Vault, WriteOutcome,
};

use crate::failure::port_error;
use crate::item::{Item, Malformed, number, text, text_of};

mod expression;
mod leased;
mod many;
mod owned;
mod subject;

use expression::Expression;

/// The vault's table, and the control table whose leases its transactions check.
#[derive(Clone, Debug)]
pub struct DynamoVault {
    client: Client,
    table: String,
    control_table: String,
}

impl DynamoVault {
    /// The vault in `table`.
    pub fn new(client: Client, table: String, control_table: String) -> Self {
        Self { client, table, control_table }
    }

    /// The rows of a shard, consistently read, from after `after` on.
    fn query_shard(&self, at: &ShardRef, after: Option<&str>, limit: u32) -> QueryFluentBuilder {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_values(":pk", text(partition(&at.tenant, at.shard)));
        match after {
            None => query.key_condition_expression("#pk = :pk"),
            Some(after) => query
                .key_condition_expression("#pk = :pk AND #sk > :after")
                .expression_attribute_names("#sk", "sk")
                .expression_attribute_values(":after", text(after)),
        }
    }
}

impl Vault for DynamoVault {
    async fn page(&self, at: &ShardRef, after: Option<&str>, limit: u32) -> Result<RowPage, PortError> {
        read_page("read vault rows", self.query_shard(at, after, limit)).await
    }

    async fn overdue(
        &self,
        at: &ShardRef,
        after: Option<&str>,
        limit: u32,
        until: EpochSeconds,
    ) -> Result<RowPage, PortError> {
        let query = self
            .query_shard(at, after, limit)
            .filter_expression("#purge_at <= :until")
            .expression_attribute_names("#purge_at", "purge_at")
            .expression_attribute_values(":until", number(until.0));
        read_page("read overdue vault rows", query).await
    }

    async fn get(&self, key: &RowKey) -> Result<Option<RowRead>, PortError> {
        let get =
            self.client.get_item().table_name(&self.table).set_key(Some(place_of(key))).consistent_read(true);
        let answer = get.send().await.map_err(|error| port_error("read a vault row", &error))?;
        Ok(answer.item.map(read))
    }

    async fn create(&self, row: &VaultRow) -> Result<bool, PortError> {
        const DOING: &str = "put a vault row";
        let item: Item =
            serde_dynamo::to_item(StoredRow::from(row)).map_err(|_| PortError::never(DOING, Malformed))?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                Some(_) | None => Err(port_error(DOING, &error)),
            },
        }
    }

    async fn due(&self, partition: &str, until: EpochSeconds, limit: u32) -> Result<Vec<RowKey>, PortError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("due")
            .key_condition_expression("#pk = :pk AND #at <= :until")
            .expression_attribute_names("#pk", "due_pk")
            .expression_attribute_names("#at", "due_at")
            .expression_attribute_values(":pk", text(partition))
            .expression_attribute_values(":until", number(until.0));
        let mut keys = Vec::new();
        let mut from = None;
        loop {
            let left = i32::try_from(limit.saturating_sub(keys.len())).unwrap_or(i32::MAX);
            let page = query.clone().limit(left.max(1)).set_exclusive_start_key(from).send().await;
            let page = page.map_err(|error| port_error("query the due index", &error))?;
            keys.extend(page.items().iter().filter_map(key_of));
            from = page.last_evaluated_key;
            if from.is_none() || limit <= keys.len() {
                keys.truncate(limit);
                return Ok(keys);
            }
        }
    }

    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<RowRead>>, PortError> {
        self.read_many(keys).await
    }

    async fn owned(
        &self,
        query: &OwnedQuery<'_>,
        after: Option<&IndexKey>,
        limit: u32,
    ) -> Result<OwnedPage, PortError> {
        self.owned_page(query, after, limit).await
    }

    async fn subject(&self, key: &SubjectKey) -> Result<Option<SubjectRow>, PortError> {
        self.read_subject(key).await
    }

    async fn write_subject(
        &self,
        key: &SubjectKey,
        expected: RowVersion,
        row: &SubjectRow,
    ) -> Result<bool, PortError> {
        self.put_subject(key, expected, row).await
    }

    async fn write(&self, write: &RowWrite) -> Result<WriteOutcome, PortError> {
        let expression = Expression::of_write(write);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(place_of(&write.key)))
            .update_expression(expression.update)
            .condition_expression(expression.condition)
            .set_expression_attribute_names(Some(expression.names))
            .set_expression_attribute_values(Some(expression.values))
            .return_values_on_condition_check_failure(AllOld);
        match update.send().await {
            Ok(_) => Ok(WriteOutcome::Done),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(stands)) => {
                    Ok(changed(stands.item.clone()))
                }
                Some(_) | None => Err(port_error("write a vault row", &error)),
            },
        }
    }

    async fn write_under_lease(
        &self,
        lease: &Lease,
        writes: &[RowWrite],
    ) -> Result<LeasedOutcome, PortError> {
        self.write_leased(lease, writes).await
    }

    async fn remove(&self, key: &RowKey, expected: &Expected) -> Result<WriteOutcome, PortError> {
        let expression = Expression::of_removal(expected);
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(place_of(key)))
            .condition_expression(expression.condition)
            .set_expression_attribute_names(Some(expression.names))
            .set_expression_attribute_values(Some(expression.values))
            .return_values_on_condition_check_failure(AllOld);
        match delete.send().await {
            Ok(_) => Ok(WriteOutcome::Done),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(stands)) => {
                    Ok(changed(stands.item.clone()))
                }
                Some(_) | None => Err(port_error("remove a vault row", &error)),
            },
        }
    }
}

async fn read_page(doing: &'static str, query: QueryFluentBuilder) -> Result<RowPage, PortError> {
    let page = query.send().await.map_err(|error| port_error(doing, &error))?;
    let next = page.last_evaluated_key.as_ref().and_then(|key| text_of(key, "sk")).map(str::to_owned);
    Ok(RowPage {
        n_read: u64::try_from(page.scanned_count).unwrap_or(0),
        rows: page.items.unwrap_or_default().into_iter().map(read).collect(),
        next,
    })
}

/// What the stages see of an item; one whose attributes have other types is unreadable, not an error.
fn read(item: Item) -> RowRead {
    if is_subject_row(text_of(&item, "kind"), text_of(&item, "sk")) {
        return RowRead::Subject;
    }
    RowRead::from_stored(serde_dynamo::from_item::<_, StoredRow>(item).ok())
}

/// A failed condition: what stands there now. An item that is not there is not returned, or empty.
fn changed(item: Option<Item>) -> WriteOutcome {
    WriteOutcome::Changed(item.filter(|item| !item.is_empty()).map(|item| Box::new(read(item))))
}

fn place_of(key: &RowKey) -> Item {
    Item::from([("pk".to_owned(), text(key.pk())), ("sk".to_owned(), text(key.token.expose()))])
}

/// The key of an index entry; `None` for one that is no token's, which nothing here touches.
fn key_of(entry: &Item) -> Option<RowKey> {
    RowKey::parse(text_of(entry, "pk")?, text_of(entry, "sk")?)
}
