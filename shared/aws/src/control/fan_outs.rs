//! Fan-outs: a command that reaches many tokens, from its acceptance until it is done.

use lethe_domain::fan_out::FanOut;
use lethe_domain::token::TenantId;
use lethe_stages::error::PortError;

use super::table::{send_first, send_put};
use super::{DynamoControl, forms, places};

impl DynamoControl {
    pub(super) async fn put_new_fan_out(&self, fan_out: &FanOut) -> Result<bool, PortError> {
        const DOING: &str = "create a fan-out";
        send_put(DOING, self.table.put_new(forms::fan_out_item(DOING, fan_out)?)).await
    }

    pub(super) async fn read_fan_out(
        &self,
        tenant: &TenantId,
        id: &str,
    ) -> Result<Option<FanOut>, PortError> {
        const DOING: &str = "read a fan-out";
        let item = self.table.get(DOING, places::fan_out(tenant, id)).await?;
        item.map(|item| forms::fan_out_of(DOING, &item)).transpose()
    }

    pub(super) async fn first_fan_outs(
        &self,
        tenant: &TenantId,
        limit: u32,
    ) -> Result<Vec<FanOut>, PortError> {
        const DOING: &str = "read a tenant's fan-outs";
        let items = send_first(DOING, self.table.query(places::fan_outs_of(tenant)), limit).await?;
        items.iter().map(|item| forms::fan_out_of(DOING, item)).collect()
    }

    pub(super) async fn step_fan_out(&self, fan_out: &FanOut) -> Result<bool, PortError> {
        const DOING: &str = "write a fan-out";
        let stepped = FanOut { revision: fan_out.revision.saturating_add(1), ..fan_out.clone() };
        let item = forms::fan_out_item(DOING, &stepped)?;
        send_put(DOING, self.table.put_stepped(item, fan_out.revision)).await
    }
}
