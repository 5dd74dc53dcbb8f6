//! The kill switch of the fake control table.

use lethe_domain::pause::{Pause, Pauses, Reach};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::error::PortError;
use lethe_stages::ports::KillSwitch;

use super::FakeControl;

impl KillSwitch for FakeControl {
    async fn pauses(&self, tenant: &TenantId) -> Result<Pauses, PortError> {
        let call = self.faults.begin("control.pauses").await?;
        let state = self.lock();
        let of = |reach: &Reach| state.pauses.get(reach).cloned();
        let reaches = [Reach::Everybody, Reach::Tenant(tenant.clone())];
        let ended_at = reaches.iter().filter_map(|reach| state.resumed.get(reach).copied()).max();
        let [of_all, own] = reaches.map(|reach| of(&reach));
        call.end(Pauses { of_all, own, ended_at })
    }

    async fn pause(&self, reach: &Reach, pause: &Pause) -> Result<bool, PortError> {
        let call = self.faults.begin("control.pause").await?;
        let mut state = self.lock();
        if state.pauses.get(reach).is_some_and(|stands| stands.freezes || !pause.freezes) {
            return call.end(false);
        }
        state.pauses.insert(reach.clone(), pause.clone());
        call.end(true)
    }

    async fn resume(&self, reach: &Reach, since: EpochSeconds, now: EpochSeconds) -> Result<bool, PortError> {
        let call = self.faults.begin("control.resume").await?;
        let mut state = self.lock();
        let is_this = state.pauses.get(reach).is_some_and(|stands| stands.since == since);
        if is_this {
            state.pauses.remove(reach);
            state.resumed.insert(reach.clone(), now);
        }
        call.end(is_this)
    }

    async fn count_late_uses(
        &self,
        tenant: &TenantId,
        day: EpochSeconds,
        n_tokens: u64,
        _until: EpochSeconds,
    ) -> Result<u64, PortError> {
        let call = self.faults.begin("control.count_late_uses").await?;
        let mut state = self.lock();
        let count = state.late_uses.entry((tenant.clone(), day)).or_default();
        *count += n_tokens;
        call.end(*count)
    }

    async fn late_uses(&self, tenant: &TenantId, day: EpochSeconds) -> Result<u64, PortError> {
        let call = self.faults.begin("control.late_uses").await?;
        call.end(self.lock().late_uses.get(&(tenant.clone(), day)).copied().unwrap_or(0))
    }

    async fn forget_late_uses(&self, tenant: &TenantId, day: EpochSeconds) -> Result<(), PortError> {
        let call = self.faults.begin("control.forget_late_uses").await?;
        self.lock().late_uses.remove(&(tenant.clone(), day));
        call.end(())
    }
}
