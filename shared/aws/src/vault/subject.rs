//! Subjects' rows.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use lethe_domain::row::RowVersion;
use lethe_domain::subject::{SUBJECT_KIND, SubjectKey, SubjectRow};
use lethe_stages::error::PortError;

use super::DynamoVault;
use crate::failure::port_error;
use crate::item::{Item, number, text, to_item};

impl DynamoVault {
    pub(super) async fn read_subject(&self, key: &SubjectKey) -> Result<Option<SubjectRow>, PortError> {
        let place = Item::from([("pk".to_owned(), text(&key.pk)), ("sk".to_owned(), text(&key.sk))]);
        let get = self.client.get_item().table_name(&self.table).set_key(Some(place)).consistent_read(true);
        let answer = get.send().await.map_err(|error| port_error("read a subject's row", &error))?;
        Ok(answer.item.map(|item| SubjectRow::from_stored(serde_dynamo::from_item(item).ok())))
    }

    pub(super) async fn put_subject(
        &self,
        key: &SubjectKey,
        expected: RowVersion,
        row: &SubjectRow,
    ) -> Result<bool, PortError> {
        const DOING: &str = "write a subject's row";
        let item = to_item(DOING, (key.pk.clone(), key.sk.clone()), &row.to_stored(key))?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        // Guard: a row that nobody understands reads as version 0, and is not written over: it is there.
        let put = match expected {
            RowVersion(0) => put.condition_expression("attribute_not_exists(pk)"),
            RowVersion(version) => put
                .condition_expression("#version = :version AND #kind = :kind")
                .expression_attribute_names("#version", "version")
                .expression_attribute_names("#kind", "kind")
                .expression_attribute_values(":version", number(version))
                .expression_attribute_values(":kind", text(SUBJECT_KIND)),
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                Some(_) | None => Err(port_error(DOING, &error)),
            },
        }
    }
}
