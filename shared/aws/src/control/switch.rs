//! The kill switch: an item that is there is a pause, so that who may only put items can pause and never resume.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join;
use lethe_domain::pause::{Pause, Pauses, Reach};
use lethe_domain::row::By;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::error::PortError;
use lethe_stages::ports::KillSwitch;

use super::table::{Updated, key_of, send_delete, send_put, send_update};
use super::{DynamoControl, places};
use crate::item::{Item, Malformed, number, number_of, text, text_of};

impl KillSwitch for DynamoControl {
    async fn pauses(&self, tenant: &TenantId) -> Result<Pauses, PortError> {
        const DOING: &str = "read the kill switch";
        let of_all = self.table.get(DOING, places::pause(&Reach::Everybody));
        let own = self.table.get(DOING, places::pause(&Reach::Tenant(tenant.clone())));
        let (of_all, own) = try_join(of_all, own).await?;
        Ok(Pauses { of_all: of_all.as_ref().map(pause_of), own: own.as_ref().map(pause_of) })
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

    async fn resume(&self, reach: &Reach, since: EpochSeconds) -> Result<bool, PortError> {
        let delete = self
            .table
            .delete_item(places::pause(reach))
            // One that nobody can read has no time that it could be named by.
            .condition_expression(
                "attribute_exists(pk) AND (#since = :since OR attribute_not_exists(#since))",
            )
            .expression_attribute_names("#since", "since")
            .expression_attribute_values(":since", number(since.0));
        send_delete("lift the kill switch", delete).await
    }

    /// Whoever loses the answer and comes again adds twice, which asks a person sooner.
    async fn count_late_uses(
        &self,
        tenant: &TenantId,
        day: EpochSeconds,
        n_tokens: u64,
        until: EpochSeconds,
    ) -> Result<u64, PortError> {
        const DOING: &str = "count late uses";
        let update = self
            .table
            .update(places::late_uses(tenant, day))
            .update_expression("ADD #n :tokens SET #ttl = :until")
            .expression_attribute_names("#n", "n")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":tokens", number(n_tokens))
            .expression_attribute_values(":until", number(until.0));
        match send_update(DOING, update).await? {
            Updated::Done(item) | Updated::Refused(item) => {
                number_of(&item, "n").ok_or_else(|| PortError::never(DOING, Malformed))
            }
        }
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
