//! Orders to take back runs.

use lethe_domain::token::TenantId;
use lethe_domain::undo::Undo;
use lethe_stages::error::PortError;
use lethe_stages::ports::{RunRef, Undos};

use super::table::{key_of, send_first, send_put};
use super::{DynamoControl, places};
use crate::item::{Item, Malformed, number, text, text_of};

impl Undos for DynamoControl {
    async fn create_undo(&self, undo: &Undo) -> Result<bool, PortError> {
        const DOING: &str = "create an undo";
        send_put(DOING, self.table.put_new(undo_item(DOING, undo)?)).await
    }

    async fn undo(&self, run: &RunRef) -> Result<Option<Undo>, PortError> {
        const DOING: &str = "read an undo";
        let item = self.table.get(DOING, places::undo(run)).await?;
        item.map(|item| undo_of(DOING, &item)).transpose()
    }

    async fn undos(&self, tenant: &TenantId, limit: u32) -> Result<Vec<Undo>, PortError> {
        const DOING: &str = "read a tenant's undos";
        let query = self.table.query(places::undos_of(tenant)).scan_index_forward(false);
        send_first(DOING, query, limit).await?.iter().map(|item| undo_of(DOING, item)).collect()
    }

    async fn update_undo(&self, undo: &Undo) -> Result<bool, PortError> {
        const DOING: &str = "write an undo";
        let stepped = Undo { revision: undo.revision.saturating_add(1), ..undo.clone() };
        send_put(DOING, self.table.put_stepped(undo_item(DOING, &stepped)?, undo.revision)).await
    }
}

/// The order as one text, and the revision for the conditions.
fn undo_item(doing: &'static str, undo: &Undo) -> Result<Item, PortError> {
    let form = serde_json::to_string(undo).map_err(|_| PortError::never(doing, Malformed))?;
    let run = RunRef { tenant: undo.tenant.clone(), id: undo.run.clone() };
    let mut item = key_of(places::undo(&run));
    item.insert("undo".to_owned(), text(form));
    item.insert("revision".to_owned(), number(undo.revision));
    Ok(item)
}

/// The reader's own error is left out, because it may quote the text, and a position may name a token.
fn undo_of(doing: &'static str, item: &Item) -> Result<Undo, PortError> {
    let undo = text_of(item, "undo").and_then(|form| serde_json::from_str(form).ok());
    undo.ok_or_else(|| PortError::never(doing, Malformed))
}
