//! The record of a tenant's first purge.

use lethe_domain::backlog::Backlog;
use lethe_domain::token::TenantId;
use lethe_stages::error::PortError;

use super::table::send_put;
use super::{DynamoControl, places};
use crate::item::{from_item, to_item};

impl DynamoControl {
    pub(super) async fn read_backlog(&self, tenant: &TenantId) -> Result<Option<Backlog>, PortError> {
        const DOING: &str = "read a tenant's backlog";
        let item = self.table.get(DOING, places::backlog(tenant)).await?;
        item.map(|item| from_item(DOING, item)).transpose()
    }

    pub(super) async fn step_backlog(&self, backlog: &Backlog) -> Result<bool, PortError> {
        const DOING: &str = "write a tenant's backlog";
        let stepped = Backlog { revision: backlog.revision.saturating_add(1), ..backlog.clone() };
        let item = to_item(DOING, places::backlog(&backlog.tenant), &stepped)?;
        let put = match backlog.revision {
            0 => self.table.put_new(item),
            revision => self.table.put_stepped(item, revision),
        };
        send_put(DOING, put).await
    }
}
