//! The answers to commands, for whoever sends one again, and how many rows a tenant has.

use lethe_domain::token::TenantId;
use lethe_stages::error::PortError;
use lethe_stages::ports::KeptAnswer;

use super::table::send_put;
use super::{DynamoControl, forms, places};
use crate::item::{Malformed, number_of};

impl DynamoControl {
    pub(super) async fn read_answer(
        &self,
        tenant: &TenantId,
        key: &str,
    ) -> Result<Option<KeptAnswer>, PortError> {
        const DOING: &str = "read a kept answer";
        let item = self.table.get(DOING, places::answer(tenant, key)).await?;
        item.map(|item| forms::answer_of(DOING, &item)).transpose()
    }

    pub(super) async fn put_answer(
        &self,
        tenant: &TenantId,
        key: &str,
        answer: &KeptAnswer,
    ) -> Result<(), PortError> {
        let item = forms::answer_item(places::answer(tenant, key), answer);
        send_put("keep an answer", self.table.put(item)).await.map(|_| ())
    }

    pub(super) async fn read_token_count(&self, tenant: &TenantId) -> Result<Option<u64>, PortError> {
        const DOING: &str = "read a tenant's row count";
        let item = self.table.get(DOING, places::token_count(tenant)).await?;
        let count = item.map(|item| number_of(&item, "n").ok_or_else(|| PortError::never(DOING, Malformed)));
        count.transpose()
    }

    pub(super) async fn put_token_count(&self, tenant: &TenantId, n_tokens: u64) -> Result<(), PortError> {
        let item = forms::token_count_item(places::token_count(tenant), n_tokens);
        send_put("write a tenant's row count", self.table.put(item)).await.map(|_| ())
    }
}
