//! The canaries of a tenant's sources.

use lethe_domain::canary::Canary;
use lethe_domain::token::TenantId;
use lethe_stages::error::PortError;

use super::table::{send_delete, send_put, send_query};
use super::{DynamoControl, places};
use crate::item::{from_item, number, to_item};

impl DynamoControl {
    pub(super) async fn read_canaries(&self, tenant: &TenantId) -> Result<Vec<Canary>, PortError> {
        const DOING: &str = "read a tenant's canaries";
        let items = send_query(DOING, self.table.query(places::canaries_of(tenant))).await?;
        items.into_iter().map(|item| from_item(DOING, item)).collect()
    }

    pub(super) async fn put_canary(&self, tenant: &TenantId, canary: &Canary) -> Result<bool, PortError> {
        const DOING: &str = "remember a canary";
        let item = to_item(DOING, places::canary(tenant, &canary.source), canary)?;
        send_put(DOING, self.table.put_new(item)).await
    }

    pub(super) async fn remove_canary(&self, tenant: &TenantId, canary: &Canary) -> Result<bool, PortError> {
        let delete = self
            .table
            .delete_item(places::canary(tenant, &canary.source))
            .condition_expression("#at = :at")
            .expression_attribute_names("#at", "planted_at")
            .expression_attribute_values(":at", number(canary.planted_at.0));
        send_delete("forget a canary", delete).await
    }
}
