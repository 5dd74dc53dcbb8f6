//! What is regretted, in the fake control table.

use std::collections::{BTreeMap, BTreeSet};

use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::regret::Regrets;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::error::PortError;
use lethe_stages::ports::{Came, RegretLedger};

use super::FakeControl;

#[derive(Debug, Default)]
pub(super) struct State {
    events: BTreeSet<(TenantId, String)>,
    counts: BTreeMap<TenantId, Regrets>,
    asked: BTreeMap<(TenantId, Fingerprint), EpochSeconds>,
}

impl State {
    /// What two worlds must agree in: not which questions were asked on the way.
    pub(super) fn picture(&self) -> String {
        format!("{:#?}", self.counts)
    }
}

impl RegretLedger for FakeControl {
    async fn count_outcome(
        &self,
        tenant: &TenantId,
        came: &Came,
        _until: (EpochSeconds, EpochSeconds),
    ) -> Result<bool, PortError> {
        let call = self.faults.begin("control.count_outcome").await?;
        let state = &mut self.lock().regrets;
        let is_new = state.events.insert((tenant.clone(), came.event_id.clone()));
        if is_new {
            let counts = state.counts.entry(tenant.clone()).or_default();
            counts.entry(came.decision.clone()).or_default().add(came.outcome, came.n_tokens);
        }
        call.end(is_new)
    }

    async fn regrets(&self, tenant: &TenantId) -> Result<Regrets, PortError> {
        let call = self.faults.begin("control.regrets").await?;
        call.end(self.lock().regrets.counts.get(tenant).cloned().unwrap_or_default())
    }

    async fn note_asked(
        &self,
        tenant: &TenantId,
        token: &Fingerprint,
        until: EpochSeconds,
    ) -> Result<(), PortError> {
        let call = self.faults.begin("control.note_asked").await?;
        self.lock().regrets.asked.insert((tenant.clone(), *token), until);
        call.end(())
    }

    async fn was_asked(
        &self,
        tenant: &TenantId,
        token: &Fingerprint,
        now: EpochSeconds,
    ) -> Result<bool, PortError> {
        let call = self.faults.begin("control.was_asked").await?;
        let until = self.lock().regrets.asked.get(&(tenant.clone(), *token)).copied();
        call.end(until.is_some_and(|until| now < until))
    }
}
