//! Void runs of which a person says that what they saw is right.

use lethe_domain::run::RunId;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::error::PortError;
use lethe_stages::ports::{Acceptance, RunRef};

use super::table::{key_of, send_put, send_query};
use super::{DynamoControl, places};
use crate::item::{Item, Malformed, number, number_of, text, text_of};

impl DynamoControl {
    pub(super) async fn put_new_acceptance(&self, acceptance: &Acceptance) -> Result<bool, PortError> {
        let mut item = key_of(places::acceptance(&acceptance.run));
        item.insert("actor".to_owned(), text(&acceptance.actor));
        item.insert("accepted_at".to_owned(), number(acceptance.accepted_at.0));
        send_put("record an acceptance", self.table.put_new(item)).await
    }

    pub(super) async fn read_acceptances(&self, tenant: &TenantId) -> Result<Vec<Acceptance>, PortError> {
        const DOING: &str = "read the accepted runs";
        let items = send_query(DOING, self.table.query(places::acceptances_of(tenant))).await?;
        let read = |item| acceptance_of(tenant, item).ok_or_else(|| PortError::never(DOING, Malformed));
        items.iter().map(read).collect()
    }
}

fn acceptance_of(tenant: &TenantId, item: &Item) -> Option<Acceptance> {
    Some(Acceptance {
        run: RunRef { tenant: tenant.clone(), id: RunId::parse(text_of(item, "sk")?)? },
        actor: text_of(item, "actor")?.to_owned(),
        accepted_at: EpochSeconds(number_of(item, "accepted_at")?),
    })
}
