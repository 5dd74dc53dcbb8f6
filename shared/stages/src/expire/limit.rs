//! How many tokens may go idle in a day. A scan's plan waits for a person above the ratio; a timer has no plan that anybody
//! could approve, so it goes on the next day.

use std::collections::BTreeMap;
use std::time::Duration;

use lethe_domain::lifecycle::Change;
use lethe_domain::rails::idle_limit;
use lethe_domain::run::Stage;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{TenantId, token_digest};

use super::{Expire, Looked, waits_for_verdict};
use crate::error::StageError;
use crate::ports::{Control, RowWrite, Vault};

/// Among how many of a tenant's latest runs the last plan is looked for.
const RUNS_SEEN: u32 = 40;

impl<C: Control, V: Vault> Expire<'_, C, V> {
    /// The writes with those put off that the day has no room for, and how many that are. They are counted before any is
    /// made: a crash after it leaves the count too high, which is the safe side.
    pub(super) async fn within_limits(
        &self,
        mut writes: Vec<RowWrite>,
        looked: Looked<'_>,
    ) -> Result<(Vec<RowWrite>, u64), StageError> {
        let mut room: BTreeMap<TenantId, u64> = BTreeMap::new();
        for write in writes.iter().filter(|write| waits_for_verdict(&write.change)) {
            let n_idle = room.entry(write.key.tenant.clone()).or_default();
            *n_idle = n_idle.saturating_add(1);
        }
        for (tenant, n_tokens) in &mut room {
            *n_tokens = self.grant(tenant, *n_tokens, looked).await?;
        }
        let mut n_put_off = 0_u64;
        for write in writes.iter_mut().filter(|write| waits_for_verdict(&write.change)) {
            let left = room.entry(write.key.tenant.clone()).or_default();
            if let Some(rest) = left.checked_sub(1) {
                *left = rest;
            } else {
                write.change = self.put_off(write, looked.now);
                n_put_off = n_put_off.saturating_add(1);
            }
        }
        Ok((writes, n_put_off))
    }

    /// Has a token looked at again on the next day, each at its own time of it: what stayed due would hide what is behind
    /// it in the index, other tenants' tokens too.
    fn put_off(&self, write: &RowWrite, now: EpochSeconds) -> Change {
        let limits = &self.settings.limits;
        let tomorrow = limits.budget_day_of(now).plus(limits.budget_day);
        let digest = token_digest(write.key.token.expose().as_bytes());
        let number = digest.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
        let time_of_day = number.checked_rem(limits.budget_day.as_secs()).unwrap_or_default();
        let due_at = tomorrow.plus(Duration::from_secs(time_of_day));
        Change::Rearm { due_at: Some(write.expected.expires_at.map_or(due_at, |end| end.min(due_at))) }
    }

    /// How many of a tenant's idle tokens still have room today.
    async fn grant(
        &self,
        tenant: &TenantId,
        n_tokens: u64,
        Looked { pinned, now, .. }: Looked<'_>,
    ) -> Result<u64, StageError> {
        let limits = &self.settings.limits;
        let (day, until) = (limits.budget_day_of(now), now.plus(limits.budget_kept()));
        let asked = self.control.count_idle(tenant, day, n_tokens, until).await?;
        // As many as the last plan found in service, which is what the ratio of a run is of. Before there is one the floor
        // holds.
        let runs = self.control.runs(tenant, RUNS_SEEN).await?;
        let planned = runs.iter().find(|run| matches!(run.stage, Stage::Applied | Stage::Reported));
        let n_active = planned.map_or(0, |run| run.tally.n_active);
        let limit = idle_limit(n_active, &pinned.config.rails);
        let n_free = limit.saturating_sub(asked.saturating_sub(n_tokens)).min(n_tokens);
        if n_free < n_tokens {
            tracing::warn!(%tenant, limit, "more tokens are idle than may go in a day; is the read feed whole?");
        }
        Ok(n_free)
    }
}
