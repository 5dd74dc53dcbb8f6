//! The ledger of notices: how many copies of a token its tenant has told of. A notice counts once, however often it
//! arrives, because its id and the count are written by one transaction.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use lethe_domain::time::EpochSeconds;
use lethe_stages::error::PortError;
use lethe_stages::ports::{Counted, Reference, ShardRef};

use super::table::{Committed, Place, key_of, send_transaction};
use super::{DynamoControl, places};
use crate::item::{Malformed, number, number_of};

const COUNT: &str = "count a notice";
/// How much longer than a notice's id its token's count is kept. A count that nobody touches for so long is worth
/// nothing, and whoever starts again at zero errs towards keeping the token.
const COUNT_KEPT: Duration = Duration::from_hours(400 * 24);

impl DynamoControl {
    pub(super) async fn count_notice(
        &self,
        reference: &Reference,
        delta: i64,
        until: EpochSeconds,
    ) -> Result<Counted, PortError> {
        let Reference { at, token_hash, event_id } = reference;
        let notice = self.put_notice(places::notice(at, token_hash, event_id), until)?;
        let count = self.add_to_count(places::count(at, token_hash), delta, until)?;
        let is_new = match send_transaction(COUNT, &self.table.client, vec![notice, count]).await? {
            Committed::Yes => true,
            Committed::Refused => false,
        };
        // A transaction does not say what it leaves, and others may have counted since: that is the count now.
        let count = self.read_count(at, token_hash).await?;
        Ok(Counted { is_new, count: count.unwrap_or(0) })
    }

    pub(super) async fn read_count(&self, at: &ShardRef, token_hash: &str) -> Result<Option<i64>, PortError> {
        const DOING: &str = "read a token's count";
        let item = self.table.get(DOING, places::count(at, token_hash)).await?;
        let count = item.map(|item| number_of(&item, "n").ok_or_else(|| PortError::never(DOING, Malformed)));
        count.transpose()
    }

    fn put_notice(&self, place: Place, until: EpochSeconds) -> Result<TransactWriteItem, PortError> {
        let mut item = key_of(place);
        item.insert("ttl".to_owned(), number(until.0));
        let put = Put::builder()
            .table_name(&self.table.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        let put = put.build().map_err(|error| PortError::never(COUNT, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn add_to_count(
        &self,
        place: Place,
        delta: i64,
        until: EpochSeconds,
    ) -> Result<TransactWriteItem, PortError> {
        let update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(key_of(place)))
            .update_expression("ADD #n :delta SET #ttl = :ttl")
            .expression_attribute_names("#n", "n")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":delta", number(delta))
            .expression_attribute_values(":ttl", number(until.plus(COUNT_KEPT).0));
        let update = update.build().map_err(|error| PortError::never(COUNT, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

#[cfg(test)]
mod tests {
    use lethe_domain::token::{Shard, TenantId};
    use lethe_stages::error::Retry;

    use super::*;
    use crate::client::{Timeouts, dynamodb};
    use crate::script::Script;

    async fn count(script: &Script) -> Result<Counted, PortError> {
        let client = dynamodb(&script.config(), &Timeouts::PRODUCTION);
        let control = DynamoControl::new(client, "control".to_owned());
        let at = ShardRef { tenant: TenantId::new("acme").unwrap(), shard: Shard(0x1f) };
        let reference = Reference { at, token_hash: "ab".repeat(32), event_id: "e-1".to_owned() };
        control.count_notice(&reference, -1, EpochSeconds(1_800_000_000)).await
    }

    fn cancelled(codes: [&str; 2]) -> String {
        let reasons = codes.map(|code| format!(r#"{{"Code":"{code}"}}"#)).join(",");
        format!(
            r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":[{reasons}]}}"#
        )
    }

    const STANDS: &str = r#"{"Item":{"n":{"N":"-3"}}}"#;

    #[tokio::test]
    async fn a_notice_that_was_counted_before_shows_the_count_as_it_stands() {
        let script = Script::default();
        script.answer(400, &cancelled(["ConditionalCheckFailed", "None"])).answer(200, STANDS);
        assert_eq!(count(&script).await.unwrap(), Counted { is_new: false, count: -3 });
        let place = format!("ledger#acme#001f#{}", "ab".repeat(32));
        assert!(script.asked().iter().all(|asked| asked.contains(&place)), "{:?}", script.asked());
    }

    #[tokio::test]
    async fn the_count_outlives_the_notices_id() {
        let script = Script::default();
        script.answer(200, "{}").answer(200, STANDS);
        assert!(count(&script).await.unwrap().is_new);
        let asked = &script.asked()[0];
        for ttl in [1_800_000_000_u64, 1_800_000_000 + 400 * 86_400] {
            assert!(asked.contains(&format!(r#"{{"N":"{ttl}"}}"#)), "{ttl} in {asked}");
        }
    }

    #[tokio::test]
    async fn notices_of_one_token_at_once_come_again_later() {
        let in_progress = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionInProgressException"}"#;
        for answer in [cancelled(["None", "TransactionConflict"]), in_progress.to_owned()] {
            let script = Script::default();
            script.answer(400, &answer);
            assert_eq!(count(&script).await.map_err(|error| error.retry()), Err(Retry::Later), "{answer}");
        }
    }
}
