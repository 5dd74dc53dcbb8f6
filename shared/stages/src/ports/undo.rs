//! Orders to take back a run, in the control table.

use lethe_domain::token::TenantId;
use lethe_domain::undo::Undo;

use super::RunRef;
use crate::error::PortError;

/// The orders to take back runs. They are kept with their outcome.
pub trait Undos {
    /// Writes an order down; `false` when the run has one, which is left as it is.
    async fn create_undo(&self, undo: &Undo) -> Result<bool, PortError>;
    /// The order to take back a run, consistently read.
    async fn undo(&self, run: &RunRef) -> Result<Option<Undo>, PortError>;
    /// A tenant's latest orders, latest run first, consistently read.
    async fn undos(&self, tenant: &TenantId, limit: u32) -> Result<Vec<Undo>, PortError>;
    /// Writes an order if its stored revision is still `undo.revision`, and steps it; `false` when it is not.
    async fn update_undo(&self, undo: &Undo) -> Result<bool, PortError>;
}
