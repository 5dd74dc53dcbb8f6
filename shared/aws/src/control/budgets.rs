//! What the commands of a day have ended, and who approved what waited then.

use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::error::PortError;
use lethe_stages::ports::BudgetDay;

use super::table::{Updated, send_update};
use super::{DynamoControl, forms, places};
use crate::item::{number, text};

impl DynamoControl {
    /// Adds to the sum. Whoever loses the answer and comes again adds twice, which asks a person sooner.
    pub(super) async fn add_to_budget(
        &self,
        (tenant, day): (&TenantId, EpochSeconds),
        n_tokens: u64,
        until: EpochSeconds,
    ) -> Result<u64, PortError> {
        const DOING: &str = "add to a day's budget";
        let update = self
            .table
            .update(places::budget(tenant, day))
            .update_expression("ADD #spent :tokens SET #ttl = :until")
            .expression_attribute_names("#spent", "n_spent")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":tokens", number(n_tokens))
            .expression_attribute_values(":until", number(until.0));
        match send_update(DOING, update).await? {
            Updated::Done(item) | Updated::Refused(item) => {
                forms::budget_of(DOING, &item).map(|budget| budget.n_spent)
            }
        }
    }

    pub(super) async fn read_budget(
        &self,
        tenant: &TenantId,
        day: EpochSeconds,
    ) -> Result<Option<BudgetDay>, PortError> {
        const DOING: &str = "read a day's budget";
        let item = self.table.get(DOING, places::budget(tenant, day)).await?;
        item.map(|item| forms::budget_of(DOING, &item)).transpose()
    }

    pub(super) async fn note_approver(
        &self,
        (tenant, day): (&TenantId, EpochSeconds),
        actor: &str,
        now: EpochSeconds,
    ) -> Result<bool, PortError> {
        let update = self
            .table
            .update(places::budget(tenant, day))
            .update_expression("SET #at = :now, #by = :actor")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#at", "approved_at")
            .expression_attribute_names("#by", "approved_by")
            .expression_attribute_values(":now", number(now.0))
            .expression_attribute_values(":actor", text(actor));
        match send_update("approve a day's budget", update).await? {
            Updated::Done(_) => Ok(true),
            Updated::Refused(_) => Ok(false),
        }
    }
}
