//! The control table in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lethe_domain::approval::Principal;
use lethe_domain::backlog::Backlog;
use lethe_domain::canary::Canary;
use lethe_domain::fan_out::FanOut;
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::pause::{Pause, Reach};
use lethe_domain::read_feed::{HourOfReads, ReadsByHour};
use lethe_domain::run::{ApplyTally, Run};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{Shard, TenantId};
use lethe_domain::undo::Undo;
use lethe_stages::error::PortError;
use lethe_stages::ports::{
    Acceptance, Approval, BudgetDay, Control, Counted, Done, KeptAnswer, Lease, Reference, RunRef, ShardRef,
    StoredConfig, Walk,
};

use crate::faults::Faults;

mod left;
mod regrets;
mod switch;
mod undos;

use left::LeftByCommands;

/// The fake control table. Clones share their items.
#[derive(Clone, Debug)]
pub struct FakeControl {
    state: Arc<Mutex<State>>,
    faults: Faults,
}

#[derive(Debug, Default)]
struct State {
    configs: BTreeMap<u64, StoredConfig>,
    current: Option<StoredConfig>,
    keys: BTreeMap<TenantId, TenantKeys>,
    fences: BTreeMap<TenantId, u64>,
    // Ordered as the table orders them: by the text of the run's id.
    runs: BTreeMap<(TenantId, String), Run>,
    done: BTreeMap<(RunRef, Done), BTreeSet<u32>>,
    leases: BTreeMap<(RunRef, Shard), Lease>,
    // Ordered as the table orders them: by the text of the run's id.
    acceptances: BTreeMap<(TenantId, String), Acceptance>,
    approvals: BTreeMap<(RunRef, Principal), Approval>,
    backlogs: BTreeMap<TenantId, Backlog>,
    walks: BTreeMap<String, Walk>,
    canaries: BTreeMap<(TenantId, String), Canary>,
    pauses: BTreeMap<Reach, Pause>,
    resumed: BTreeMap<Reach, EpochSeconds>,
    late_uses: BTreeMap<(TenantId, EpochSeconds), u64>,
    idle: BTreeMap<(TenantId, EpochSeconds), u64>,
    // Ordered as the table orders them: by the text of the run's id.
    undos: BTreeMap<(TenantId, String), Undo>,
    regrets: regrets::State,
    left: LeftByCommands,
}

impl FakeControl {
    pub(crate) fn new(faults: Faults) -> Self {
        Self { state: Arc::default(), faults }
    }

    /// Puts a config in force as its next version and returns that.
    pub fn put_config(&self, text: &str, now: EpochSeconds) -> u64 {
        let mut state = self.lock();
        let version = state.configs.keys().last().copied().unwrap_or(0) + 1;
        let config =
            StoredConfig { version, text: text.to_owned(), stored_at: now, author: "arn:test".to_owned() };
        state.configs.insert(version, config.clone());
        state.current = Some(config);
        version
    }

    /// Puts or replaces a run, whatever its revision.
    pub fn put_run(&self, run: Run) {
        self.lock().runs.insert((run.tenant.clone(), run.id.to_string()), run);
    }

    /// Puts or replaces a pause.
    pub fn put_pause(&self, reach: Reach, pause: Pause) {
        self.lock().pauses.insert(reach, pause);
    }

    /// Every run, oldest id first.
    pub fn all_runs(&self) -> Vec<Run> {
        self.lock().runs.values().cloned().collect()
    }

    /// Every run of which this is true, oldest id first; copies are made of these only.
    pub fn runs_where(&self, is_wanted: impl Fn(&Run) -> bool) -> Vec<Run> {
        self.lock().runs.values().filter(|run| is_wanted(run)).cloned().collect()
    }

    /// A tenant's keys as they stand.
    pub fn keys_now(&self, tenant: &TenantId) -> Option<TenantKeys> {
        self.lock().keys.get(tenant).cloned()
    }

    /// For the comparison of two worlds: everything but fences, and but answers and budgets, which tell of an attempt
    /// that failed on its way.
    pub fn picture(&self) -> String {
        let state = self.lock();
        let left = state.left.picture();
        let runs = (&state.runs, &state.done, &state.approvals, &state.backlogs);
        let regrets = state.regrets.picture();
        format!("{:#?}", (&state.configs, runs, &state.walks, left, regrets))
    }

    /// A tenant's first purge as it is on record.
    pub fn backlog_now(&self, tenant: &TenantId) -> Option<Backlog> {
        self.lock().backlogs.get(tenant).cloned()
    }

    /// Every fan-out that is not done, by tenant and id.
    pub fn all_fan_outs(&self) -> Vec<FanOut> {
        self.lock().left.all_fan_outs()
    }

    /// Puts or replaces a fan-out, whatever its revision.
    pub fn put_fan_out(&self, fan_out: FanOut) {
        self.lock().left.put_fan_out(fan_out);
    }

    /// The lease check of the vault's transactions.
    pub(crate) fn holds_lease(&self, lease: &Lease) -> bool {
        let state = self.lock();
        state.leases.get(&(lease.run.clone(), lease.shard)).is_some_and(|held| held.fence == lease.fence)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control for FakeControl {
    async fn current_config(&self) -> Result<Option<StoredConfig>, PortError> {
        let call = self.faults.begin("control.current_config").await?;
        call.end(self.lock().current.clone())
    }

    async fn config(&self, version: u64) -> Result<Option<StoredConfig>, PortError> {
        let call = self.faults.begin("control.config").await?;
        call.end(self.lock().configs.get(&version).cloned())
    }

    async fn store_config(&self, config: &StoredConfig) -> Result<bool, PortError> {
        let call = self.faults.begin("control.store_config").await?;
        let mut state = self.lock();
        let is_newest = state.current.as_ref().is_none_or(|current| current.version < config.version);
        if !is_newest || state.configs.contains_key(&config.version) {
            return call.end(false);
        }
        state.configs.insert(config.version, config.clone());
        state.current = Some(config.clone());
        call.end(true)
    }

    async fn keys(&self, tenant: &TenantId) -> Result<Option<TenantKeys>, PortError> {
        let call = self.faults.begin("control.keys").await?;
        call.end(self.lock().keys.get(tenant).cloned())
    }

    async fn create_keys(&self, tenant: &TenantId, keys: &TenantKeys) -> Result<bool, PortError> {
        let call = self.faults.begin("control.create_keys").await?;
        let mut state = self.lock();
        if state.keys.contains_key(tenant) {
            return call.end(false);
        }
        state.keys.insert(tenant.clone(), keys.clone());
        call.end(true)
    }

    async fn next_fence(&self, tenant: &TenantId) -> Result<u64, PortError> {
        let call = self.faults.begin("control.next_fence").await?;
        let mut state = self.lock();
        let fence = state.fences.entry(tenant.clone()).or_default();
        *fence += 1;
        call.end(*fence)
    }

    async fn run(&self, run: &RunRef) -> Result<Option<Run>, PortError> {
        let call = self.faults.begin("control.run").await?;
        call.end(self.lock().runs.get(&(run.tenant.clone(), run.id.to_string())).cloned())
    }

    async fn runs(&self, tenant: &TenantId, limit: u32) -> Result<Vec<Run>, PortError> {
        let call = self.faults.begin("control.runs").await?;
        let state = self.lock();
        let latest_first =
            state.runs.iter().rev().filter(|((of, _), _)| of == tenant).map(|(_, run)| run.clone());
        let limit = usize::try_from(limit).unwrap();
        let seen = latest_first.enumerate().filter(|(at, run)| *at < limit || !run.stage.is_final());
        call.end(seen.map(|(_, run)| run).collect())
    }

    async fn create_run(&self, run: &Run) -> Result<bool, PortError> {
        let call = self.faults.begin("control.create_run").await?;
        let mut state = self.lock();
        let place = (run.tenant.clone(), run.id.to_string());
        if state.runs.contains_key(&place) {
            return call.end(false);
        }
        state.runs.insert(place, run.clone());
        call.end(true)
    }

    async fn update_run(&self, run: &Run) -> Result<bool, PortError> {
        let call = self.faults.begin("control.update_run").await?;
        let mut state = self.lock();
        let stored = state.runs.get_mut(&(run.tenant.clone(), run.id.to_string()));
        let Some(stored) = stored.filter(|stored| stored.revision == run.revision) else {
            return call.end(false);
        };
        *stored = Run { revision: run.revision + 1, ..run.clone() };
        call.end(true)
    }

    async fn add_done(&self, run: &RunRef, work: Done, unit: u32) -> Result<(), PortError> {
        let call = self.faults.begin("control.add_done").await?;
        self.lock().done.entry((run.clone(), work)).or_default().insert(unit);
        call.end(())
    }

    async fn done(&self, run: &RunRef, work: Done) -> Result<BTreeSet<u32>, PortError> {
        let call = self.faults.begin("control.done").await?;
        call.end(self.lock().done.get(&(run.clone(), work)).cloned().unwrap_or_default())
    }

    async fn take_lease(
        &self,
        (run, shard): (&RunRef, Shard),
        fence: u64,
        now: EpochSeconds,
        until: EpochSeconds,
    ) -> Result<Option<Lease>, PortError> {
        let call = self.faults.begin("control.take_lease").await?;
        let mut state = self.lock();
        let free = Lease {
            run: run.clone(),
            shard,
            fence,
            until: EpochSeconds(i64::MIN),
            n_entries_done: 0,
            applied: ApplyTally::default(),
        };
        let lease = state.leases.entry((run.clone(), shard)).or_insert(free);
        // The fence is given once, so who comes with the lease's own fence took it before and lost the answer.
        if now < lease.until && lease.fence != fence {
            return call.end(None);
        }
        lease.fence = fence;
        lease.until = until;
        call.end(Some(lease.clone()))
    }

    async fn save_lease(&self, lease: &Lease) -> Result<bool, PortError> {
        let call = self.faults.begin("control.save_lease").await?;
        let mut state = self.lock();
        let stored = state.leases.get_mut(&(lease.run.clone(), lease.shard));
        let Some(stored) = stored.filter(|stored| stored.fence == lease.fence) else {
            return call.end(false);
        };
        *stored = lease.clone();
        call.end(true)
    }

    async fn leases(&self, run: &RunRef) -> Result<Vec<Lease>, PortError> {
        let call = self.faults.begin("control.leases").await?;
        let state = self.lock();
        call.end(state.leases.values().filter(|lease| lease.run == *run).cloned().collect())
    }

    async fn approve(&self, approval: &Approval) -> Result<bool, PortError> {
        let call = self.faults.begin("control.approve").await?;
        let mut state = self.lock();
        let place = (approval.run.clone(), Principal::of(&approval.actor));
        if state.approvals.get(&place).is_some_and(|earlier| earlier.hash == approval.hash) {
            return call.end(false);
        }
        state.approvals.insert(place, approval.clone());
        call.end(true)
    }

    async fn approvals(&self, run: &RunRef) -> Result<Vec<Approval>, PortError> {
        let call = self.faults.begin("control.approvals").await?;
        let state = self.lock();
        let of_run = state.approvals.iter().filter(|((of, _), _)| of == run);
        call.end(of_run.map(|(_, approval)| approval.clone()).collect())
    }

    async fn backlog(&self, tenant: &TenantId) -> Result<Option<Backlog>, PortError> {
        let call = self.faults.begin("control.backlog").await?;
        call.end(self.lock().backlogs.get(tenant).cloned())
    }

    async fn save_backlog(&self, backlog: &Backlog) -> Result<bool, PortError> {
        let call = self.faults.begin("control.save_backlog").await?;
        let mut state = self.lock();
        if state.backlogs.get(&backlog.tenant).map_or(0, |stored| stored.revision) != backlog.revision {
            return call.end(false);
        }
        let stepped = Backlog { revision: backlog.revision + 1, ..backlog.clone() };
        state.backlogs.insert(backlog.tenant.clone(), stepped);
        call.end(true)
    }

    async fn accept(&self, acceptance: &Acceptance) -> Result<bool, PortError> {
        let call = self.faults.begin("control.accept").await?;
        let mut state = self.lock();
        let place = (acceptance.run.tenant.clone(), acceptance.run.id.to_string());
        let is_new = !state.acceptances.contains_key(&place);
        state.acceptances.entry(place).or_insert_with(|| acceptance.clone());
        call.end(is_new)
    }

    async fn acceptances(&self, tenant: &TenantId) -> Result<Vec<Acceptance>, PortError> {
        let call = self.faults.begin("control.acceptances").await?;
        let state = self.lock();
        let of_tenant = state.acceptances.values().filter(|acceptance| acceptance.run.tenant == *tenant);
        call.end(of_tenant.cloned().collect())
    }

    async fn create_fan_out(&self, fan_out: &FanOut) -> Result<bool, PortError> {
        let call = self.faults.begin("control.create_fan_out").await?;
        call.end(self.lock().left.create_fan_out(fan_out))
    }

    async fn fan_out(&self, tenant: &TenantId, id: &str) -> Result<Option<FanOut>, PortError> {
        let call = self.faults.begin("control.fan_out").await?;
        call.end(self.lock().left.fan_out(tenant, id))
    }

    async fn fan_outs(&self, tenant: &TenantId, limit: u32) -> Result<Vec<FanOut>, PortError> {
        let call = self.faults.begin("control.fan_outs").await?;
        call.end(self.lock().left.fan_outs_of(tenant, limit))
    }

    async fn update_fan_out(&self, fan_out: &FanOut) -> Result<bool, PortError> {
        let call = self.faults.begin("control.update_fan_out").await?;
        call.end(self.lock().left.update_fan_out(fan_out))
    }

    async fn remove_fan_out(&self, tenant: &TenantId, id: &str) -> Result<(), PortError> {
        let call = self.faults.begin("control.remove_fan_out").await?;
        self.lock().left.remove_fan_out(tenant, id);
        call.end(())
    }

    async fn answer(&self, tenant: &TenantId, key: &str) -> Result<Option<KeptAnswer>, PortError> {
        let call = self.faults.begin("control.answer").await?;
        call.end(self.lock().left.answer(tenant, key))
    }

    async fn keep_answer(&self, tenant: &TenantId, key: &str, answer: &KeptAnswer) -> Result<(), PortError> {
        let call = self.faults.begin("control.keep_answer").await?;
        self.lock().left.keep_answer(tenant, key, answer);
        call.end(())
    }

    async fn spend(
        &self,
        tenant: &TenantId,
        day: EpochSeconds,
        n_tokens: u64,
        _until: EpochSeconds,
    ) -> Result<u64, PortError> {
        let call = self.faults.begin("control.spend").await?;
        call.end(self.lock().left.spend((tenant, day), n_tokens))
    }

    async fn count_idle(
        &self,
        tenant: &TenantId,
        day: EpochSeconds,
        n_tokens: u64,
        _until: EpochSeconds,
    ) -> Result<u64, PortError> {
        let call = self.faults.begin("control.count_idle").await?;
        let mut state = self.lock();
        let count = state.idle.entry((tenant.clone(), day)).or_default();
        *count += n_tokens;
        call.end(*count)
    }

    async fn budget(&self, tenant: &TenantId, day: EpochSeconds) -> Result<Option<BudgetDay>, PortError> {
        let call = self.faults.begin("control.budget").await?;
        call.end(self.lock().left.budget(tenant, day))
    }

    async fn approve_budget(
        &self,
        tenant: &TenantId,
        day: EpochSeconds,
        actor: &str,
        now: EpochSeconds,
    ) -> Result<bool, PortError> {
        let call = self.faults.begin("control.approve_budget").await?;
        call.end(self.lock().left.approve_budget((tenant, day), actor, now))
    }

    async fn count_reference(
        &self,
        reference: &Reference,
        delta: i64,
        _until: EpochSeconds,
    ) -> Result<Counted, PortError> {
        let call = self.faults.begin("control.count_reference").await?;
        call.end(self.lock().left.count_reference(reference, delta))
    }

    async fn references(&self, at: &ShardRef, token_hash: &str) -> Result<Option<i64>, PortError> {
        let call = self.faults.begin("control.references").await?;
        call.end(self.lock().left.references(at, token_hash))
    }

    async fn canaries(&self, tenant: &TenantId) -> Result<Vec<Canary>, PortError> {
        let call = self.faults.begin("control.canaries").await?;
        let state = self.lock();
        let of_tenant = state.canaries.iter().filter(|((of, _), _)| of == tenant);
        call.end(of_tenant.map(|(_, canary)| canary.clone()).collect())
    }

    async fn plant_canary(&self, tenant: &TenantId, canary: &Canary) -> Result<bool, PortError> {
        let call = self.faults.begin("control.plant_canary").await?;
        let mut state = self.lock();
        let place = (tenant.clone(), canary.source.clone());
        let is_new = !state.canaries.contains_key(&place);
        state.canaries.entry(place).or_insert_with(|| canary.clone());
        call.end(is_new)
    }

    async fn retire_canary(&self, tenant: &TenantId, canary: &Canary) -> Result<bool, PortError> {
        let call = self.faults.begin("control.retire_canary").await?;
        let mut state = self.lock();
        let place = (tenant.clone(), canary.source.clone());
        let is_this = state.canaries.get(&place).is_some_and(|stands| stands.planted_at == canary.planted_at);
        if is_this {
            state.canaries.remove(&place);
        }
        call.end(is_this)
    }

    async fn count_reads(
        &self,
        tenant: &TenantId,
        hour: EpochSeconds,
        reads: HourOfReads,
        _until: EpochSeconds,
    ) -> Result<(), PortError> {
        let call = self.faults.begin("control.count_reads").await?;
        self.lock().left.count_reads(tenant, hour, reads);
        call.end(())
    }

    async fn reads_by_hour(&self, tenant: &TenantId, since: EpochSeconds) -> Result<ReadsByHour, PortError> {
        let call = self.faults.begin("control.reads_by_hour").await?;
        call.end(self.lock().left.reads_by_hour(tenant, since))
    }

    async fn token_count(&self, tenant: &TenantId) -> Result<Option<u64>, PortError> {
        let call = self.faults.begin("control.token_count").await?;
        call.end(self.lock().left.token_count(tenant))
    }

    async fn save_token_count(&self, tenant: &TenantId, n_tokens: u64) -> Result<(), PortError> {
        let call = self.faults.begin("control.save_token_count").await?;
        self.lock().left.save_token_count(tenant, n_tokens);
        call.end(())
    }

    async fn walk(&self, name: &str) -> Result<Option<Walk>, PortError> {
        let call = self.faults.begin("control.walk").await?;
        call.end(self.lock().walks.get(name).cloned())
    }

    async fn save_walk(&self, name: &str, walk: &Walk) -> Result<(), PortError> {
        let call = self.faults.begin("control.save_walk").await?;
        self.lock().walks.insert(name.to_owned(), walk.clone());
        call.end(())
    }
}
