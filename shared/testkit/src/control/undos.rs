//! Orders to take back runs, in the fake control table.

use lethe_domain::token::TenantId;
use lethe_domain::undo::Undo;
use lethe_stages::error::PortError;
use lethe_stages::ports::{RunRef, Undos};

use super::FakeControl;

impl Undos for FakeControl {
    async fn create_undo(&self, undo: &Undo) -> Result<bool, PortError> {
        let call = self.faults.begin("control.create_undo").await?;
        let mut state = self.lock();
        let place = (undo.tenant.clone(), undo.run.to_string());
        if state.undos.contains_key(&place) {
            return call.end(false);
        }
        state.undos.insert(place, undo.clone());
        call.end(true)
    }

    async fn undo(&self, run: &RunRef) -> Result<Option<Undo>, PortError> {
        let call = self.faults.begin("control.undo").await?;
        call.end(self.lock().undos.get(&(run.tenant.clone(), run.id.to_string())).cloned())
    }

    async fn undos(&self, tenant: &TenantId, limit: u32) -> Result<Vec<Undo>, PortError> {
        let call = self.faults.begin("control.undos").await?;
        let state = self.lock();
        let latest_first = state.undos.iter().rev().filter(|((of, _), _)| of == tenant);
        let limit = usize::try_from(limit).unwrap();
        call.end(latest_first.take(limit).map(|(_, undo)| undo.clone()).collect())
    }

    async fn update_undo(&self, undo: &Undo) -> Result<bool, PortError> {
        let call = self.faults.begin("control.update_undo").await?;
        let mut state = self.lock();
        let stored = state.undos.get_mut(&(undo.tenant.clone(), undo.run.to_string()));
        let Some(stored) = stored.filter(|stored| stored.revision == undo.revision) else {
            return call.end(false);
        };
        *stored = Undo { revision: undo.revision + 1, ..undo.clone() };
        call.end(true)
    }
}
