//! What commands leave in the fake control table. Nothing of it expires here: DynamoDB's TTL takes days too.

use std::collections::{BTreeMap, BTreeSet};

use lethe_domain::fan_out::FanOut;
use lethe_domain::read_feed::{HourOfReads, ReadsByHour};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::ports::{BudgetDay, Counted, KeptAnswer, Reference, ShardRef};

#[derive(Debug, Default)]
pub(super) struct LeftByCommands {
    fan_outs: BTreeMap<(TenantId, String), FanOut>,
    answers: BTreeMap<(TenantId, String), KeptAnswer>,
    budgets: BTreeMap<(TenantId, EpochSeconds), BudgetDay>,
    notices: BTreeSet<(ShardRef, String, String)>,
    references: BTreeMap<(ShardRef, String), i64>,
    reads: BTreeMap<TenantId, ReadsByHour>,
    token_counts: BTreeMap<TenantId, u64>,
}

impl LeftByCommands {
    pub(super) fn picture(&self) -> String {
        format!("{:#?}", (&self.fan_outs, &self.notices, &self.references, &self.token_counts))
    }

    pub(super) fn all_fan_outs(&self) -> Vec<FanOut> {
        self.fan_outs.values().cloned().collect()
    }

    pub(super) fn put_fan_out(&mut self, fan_out: FanOut) {
        self.fan_outs.insert(place_of(&fan_out), fan_out);
    }

    pub(super) fn create_fan_out(&mut self, fan_out: &FanOut) -> bool {
        let is_new = !self.fan_outs.contains_key(&place_of(fan_out));
        if is_new {
            self.put_fan_out(fan_out.clone());
        }
        is_new
    }

    pub(super) fn fan_out(&self, tenant: &TenantId, id: &str) -> Option<FanOut> {
        self.fan_outs.get(&(tenant.clone(), id.to_owned())).cloned()
    }

    pub(super) fn fan_outs_of(&self, tenant: &TenantId, limit: u32) -> Vec<FanOut> {
        let of_tenant = self.fan_outs.values().filter(|fan_out| fan_out.tenant == *tenant);
        of_tenant.take(usize::try_from(limit).unwrap()).cloned().collect()
    }

    pub(super) fn update_fan_out(&mut self, fan_out: &FanOut) -> bool {
        let stored = self.fan_outs.get_mut(&place_of(fan_out));
        let Some(stored) = stored.filter(|stored| stored.revision == fan_out.revision) else { return false };
        *stored = FanOut { revision: fan_out.revision + 1, ..fan_out.clone() };
        true
    }

    pub(super) fn remove_fan_out(&mut self, tenant: &TenantId, id: &str) {
        self.fan_outs.remove(&(tenant.clone(), id.to_owned()));
    }

    pub(super) fn answer(&self, tenant: &TenantId, key: &str) -> Option<KeptAnswer> {
        self.answers.get(&(tenant.clone(), key.to_owned())).cloned()
    }

    pub(super) fn keep_answer(&mut self, tenant: &TenantId, key: &str, answer: &KeptAnswer) {
        self.answers.insert((tenant.clone(), key.to_owned()), answer.clone());
    }

    pub(super) fn spend(&mut self, (tenant, day): (&TenantId, EpochSeconds), n_tokens: u64) -> u64 {
        let budget = self.budgets.entry((tenant.clone(), day)).or_default();
        budget.n_spent += n_tokens;
        budget.n_spent
    }

    pub(super) fn budget(&self, tenant: &TenantId, day: EpochSeconds) -> Option<BudgetDay> {
        self.budgets.get(&(tenant.clone(), day)).cloned()
    }

    pub(super) fn approve_budget(
        &mut self,
        (tenant, day): (&TenantId, EpochSeconds),
        actor: &str,
        now: EpochSeconds,
    ) -> bool {
        let Some(budget) = self.budgets.get_mut(&(tenant.clone(), day)) else { return false };
        budget.approved_at = Some(now);
        budget.approved_by = Some(actor.to_owned());
        true
    }

    pub(super) fn count_reference(&mut self, reference: &Reference, delta: i64) -> Counted {
        let Reference { at, token_hash, event_id } = reference.clone();
        let is_new = self.notices.insert((at.clone(), token_hash.clone(), event_id));
        let count = self.references.entry((at, token_hash)).or_default();
        if is_new {
            *count += delta;
        }
        Counted { is_new, count: *count }
    }

    pub(super) fn references(&self, at: &ShardRef, token_hash: &str) -> Option<i64> {
        self.references.get(&(at.clone(), token_hash.to_owned())).copied()
    }

    pub(super) fn count_reads(&mut self, tenant: &TenantId, hour: EpochSeconds, reads: HourOfReads) {
        let counted = self.reads.entry(tenant.clone()).or_default().entry(hour).or_default();
        counted.n_reads += reads.n_reads;
        counted.n_canaries += reads.n_canaries;
    }

    pub(super) fn reads_by_hour(&self, tenant: &TenantId, since: EpochSeconds) -> ReadsByHour {
        let reads = self.reads.get(tenant).into_iter().flatten();
        reads.filter(|(hour, _)| since <= **hour).map(|(hour, reads)| (*hour, *reads)).collect()
    }

    pub(super) fn token_count(&self, tenant: &TenantId) -> Option<u64> {
        self.token_counts.get(tenant).copied()
    }

    pub(super) fn save_token_count(&mut self, tenant: &TenantId, n_tokens: u64) {
        self.token_counts.insert(tenant.clone(), n_tokens);
    }
}

fn place_of(fan_out: &FanOut) -> (TenantId, String) {
    (fan_out.tenant.clone(), fan_out.id.clone())
}
