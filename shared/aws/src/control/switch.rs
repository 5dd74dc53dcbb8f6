//! The kill switch: an item that is there is a pause, so that who may only put items can pause and never resume. Beside it
//! stands when the last one ended.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use futures::future::try_join;
use lethe_domain::pause::{Pause, Pauses, Reach};
use lethe_domain::row::By;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::error::PortError;
use lethe_stages::ports::KillSwitch;

use super::table::{Committed, key_of, send_put, send_query, send_transaction};
use super::{DynamoControl, places};
use crate::item::{Item, Malformed, number, number_of, text, text_of};

impl KillSwitch for DynamoControl {
    async fn pauses(&self, tenant: &TenantId) -> Result<Pauses, PortError> {
        let of_all = Box::pin(self.found(Reach::Everybody));
        let own = Box::pin(self.found(Reach::Tenant(tenant.clone())));
        let ((of_all, all_ended), (own, own_ended)) = try_join(of_all, own).await?;
        Ok(Pauses { of_all, own, ended_at: all_ended.max(own_ended) })
    }

    async fn pause(&self, reach: &Reach, pause: &Pause) -> Result<bool, PortError> {
        let put = self
            .table
            .put(pause_item(reach, pause))
            .condition_expression("attribute_not_exists(pk) OR (#freezes = :no AND :freezes = :yes)")
            .expression_attribute_names("#freezes", "freezes")
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":freezes", AttributeValue::Bool(pause.freezes));
        send_put("set the kill switch", put).await
    }

    async fn resume(&self, reach: &Reach, since: EpochSeconds, now: EpochSeconds) -> Result<bool, PortError> {
        const DOING: &str = "lift the kill switch";
        let mut end = key_of(places::pause_end(reach));
        end.insert("at".to_owned(), number(now.0));
        let end = Put::builder().table_name(&self.table.name).set_item(Some(end)).build();
        let delete = Delete::builder()
            .table_name(&self.table.name)
            .set_key(Some(key_of(places::pause(reach))))
            // One that nobody can read has no time that it could be named by.
            .condition_expression(
                "attribute_exists(pk) AND (#since = :since OR attribute_not_exists(#since))",
            )
            .expression_attribute_names("#since", "since")
            .expression_attribute_values(":since", number(since.0))
            .build();
        let actions = vec![
            TransactWriteItem::builder().put(end.map_err(|error| PortError::never(DOING, error))?).build(),
            TransactWriteItem::builder()
                .delete(delete.map_err(|error| PortError::never(DOING, error))?)
                .build(),
        ];
        match send_transaction(DOING, &self.table.client, actions).await? {
            Committed::Yes => Ok(true),
            Committed::Refused => Ok(false),
        }
    }

    /// Whoever loses the answer and comes again adds twice, which asks a person sooner.
    async fn count_late_uses(
        &self,
        tenant: &TenantId,
        day: EpochSeconds,
        n_tokens: u64,
        until: EpochSeconds,
    ) -> Result<u64, PortError> {
        self.table.add("count late uses", places::late_uses(tenant, day), n_tokens, until).await
    }

    async fn late_uses(&self, tenant: &TenantId, day: EpochSeconds) -> Result<u64, PortError> {
        const DOING: &str = "read the count of late uses";
        let Some(item) = self.table.get(DOING, places::late_uses(tenant, day)).await? else { return Ok(0) };
        number_of(&item, "n").ok_or_else(|| PortError::never(DOING, Malformed))
    }

    async fn forget_late_uses(&self, tenant: &TenantId, day: EpochSeconds) -> Result<(), PortError> {
        self.table.delete("forget late uses", places::late_uses(tenant, day)).await
    }
}

impl DynamoControl {
    /// The pause with this reach, and when the last one ended. Guard: whatever stands there and is no end is a pause, and
    /// an end that cannot be understood is an error, which is a pause as well.
    async fn found(&self, reach: Reach) -> Result<(Option<Pause>, Option<EpochSeconds>), PortError> {
        const DOING: &str = "read the kill switch";
        let (pk, end) = places::pause_end(&reach);
        let (mut pause, mut ended_at) = (None, None);
        for item in send_query(DOING, self.table.query(pk)).await? {
            if text_of(&item, "sk") == Some(end.as_str()) {
                let at = number_of(&item, "at").ok_or_else(|| PortError::never(DOING, Malformed))?;
                ended_at = Some(EpochSeconds(at));
            } else {
                pause = Some(pause_of(&item));
            }
        }
        Ok((pause, ended_at))
    }
}

fn pause_item(reach: &Reach, pause: &Pause) -> Item {
    let mut item = key_of(places::pause(reach));
    item.insert("actor".to_owned(), text(&pause.by.actor));
    item.insert("since".to_owned(), number(pause.since.0));
    item.insert("freezes".to_owned(), AttributeValue::Bool(pause.freezes));
    if let Some(reason_text) = &pause.by.reason_text {
        item.insert("reason_text".to_owned(), text(reason_text));
    }
    item
}

/// Guard: what stands there is a pause, whatever it says. One that cannot be understood freezes.
fn pause_of(item: &Item) -> Pause {
    Pause {
        by: By {
            actor: text_of(item, "actor").unwrap_or("unknown").to_owned(),
            reason_text: text_of(item, "reason_text").map(str::to_owned),
        },
        since: EpochSeconds(number_of(item, "since").unwrap_or(0)),
        freezes: item.get("freezes").and_then(|flag| flag.as_bool().ok()).copied().unwrap_or(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_understood_is_a_pause_that_freezes() {
        let pause = pause_of(&key_of(places::pause(&Reach::Everybody)));
        assert!(pause.freezes);
        assert_eq!((pause.by.actor.as_str(), pause.since), ("unknown", EpochSeconds(0)));
    }
}
