//! The control table: config, keys, fences, runs, `done` sets, leases, approvals, walks, and what commands leave
//! behind: fan-outs, answers, budgets, the ledger of notices.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use lethe_domain::backlog::Backlog;
use lethe_domain::canary::Canary;
use lethe_domain::fan_out::FanOut;
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::read_feed::{HourOfReads, ReadsByHour};
use lethe_domain::run::{ApplyTally, Run};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{Shard, TenantId};
use lethe_stages::error::PortError;
use lethe_stages::ports::{
    Acceptance, Approval, BudgetDay, Control, Counted, Done, KeptAnswer, Lease, Reference, RunRef, ShardRef,
    StoredConfig, Walk,
};

use crate::item::{Item, Malformed, from_item, number, number_of, text};

mod acceptances;
mod answers;
mod backlogs;
mod budgets;
mod canaries;
mod fan_outs;
mod forms;
mod ledger;
mod places;
mod reads;
mod regrets;
mod runs;
mod switch;
mod table;
mod undos;

use table::{Committed, Table, Updated, key_of, send_put, send_query, send_transaction, send_update};

/// The control table.
#[derive(Clone, Debug)]
pub struct DynamoControl {
    table: Table,
}

/// The key of a lease, for the check in the vault's transactions.
pub(crate) fn lease_place(run: &RunRef, shard: Shard) -> Item {
    key_of(places::lease(run, shard))
}

impl DynamoControl {
    /// The control table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { table: Table { client, name: table } }
    }
}

impl Control for DynamoControl {
    async fn current_config(&self) -> Result<Option<StoredConfig>, PortError> {
        const DOING: &str = "read the config in force";
        let item = self.table.get(DOING, places::current_config()).await?;
        item.map(|item| forms::config_of(DOING, item)).transpose()
    }

    async fn config(&self, version: u64) -> Result<Option<StoredConfig>, PortError> {
        const DOING: &str = "read a config version";
        let item = self.table.get(DOING, places::config(version)).await?;
        item.map(|item| forms::config_of(DOING, item)).transpose()
    }

    async fn store_config(&self, config: &StoredConfig) -> Result<bool, PortError> {
        const DOING: &str = "store a config version";
        let version = forms::config_item(DOING, places::config(config.version), config)?;
        let current = forms::config_item(DOING, places::current_config(), config)?;
        let put_version =
            Put::builder().condition_expression("attribute_not_exists(pk)").set_item(Some(version));
        // Guard: an older version never comes back into force by being stored late.
        let put_current = Put::builder()
            .condition_expression("attribute_not_exists(pk) OR version < :version")
            .expression_attribute_values(":version", number(config.version))
            .set_item(Some(current));
        let mut actions = Vec::new();
        for put in [put_version, put_current] {
            let put =
                put.table_name(&self.table.name).build().map_err(|error| PortError::never(DOING, error))?;
            actions.push(TransactWriteItem::builder().put(put).build());
        }
        match send_transaction(DOING, &self.table.client, actions).await? {
            Committed::Yes => Ok(true),
            Committed::Refused => Ok(false),
        }
    }

    async fn keys(&self, tenant: &TenantId) -> Result<Option<TenantKeys>, PortError> {
        const DOING: &str = "read a tenant's keys";
        let item = self.table.get(DOING, places::keys(tenant)).await?;
        item.map(|item| forms::keys_of(DOING, &item)).transpose()
    }

    async fn create_keys(&self, tenant: &TenantId, keys: &TenantKeys) -> Result<bool, PortError> {
        let item = forms::keys_item(places::keys(tenant), keys);
        send_put("store a tenant's keys", self.table.put_new(item)).await
    }

    async fn next_fence(&self, tenant: &TenantId) -> Result<u64, PortError> {
        const DOING: &str = "take the next fence";
        let update = self
            .table
            .update(places::fence(tenant))
            .update_expression("ADD #fence :one")
            .expression_attribute_names("#fence", "fence")
            .expression_attribute_values(":one", number(1));
        match send_update(DOING, update).await? {
            Updated::Done(item) | Updated::Refused(item) => {
                number_of(&item, "fence").ok_or_else(|| PortError::never(DOING, Malformed))
            }
        }
    }

    async fn run(&self, run: &RunRef) -> Result<Option<Run>, PortError> {
        const DOING: &str = "read a run";
        let item = self.table.get(DOING, places::run(run)).await?;
        item.map(|item| from_item(DOING, item)).transpose()
    }

    async fn runs(&self, tenant: &TenantId, limit: u32) -> Result<Vec<Run>, PortError> {
        self.last_and_open_runs(tenant, limit).await
    }

    async fn create_run(&self, run: &Run) -> Result<bool, PortError> {
        self.put_new_run(run).await
    }

    async fn update_run(&self, run: &Run) -> Result<bool, PortError> {
        self.step_run(run).await
    }

    async fn add_done(&self, run: &RunRef, work: Done, unit: u32) -> Result<(), PortError> {
        let update = self
            .table
            .update(places::done(run, work, unit))
            .update_expression("ADD #units :unit SET #ttl = :ttl")
            .expression_attribute_names("#units", "units")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":unit", AttributeValue::Ns(vec![unit.to_string()]))
            .expression_attribute_values(":ttl", number(places::ttl(run).0));
        send_update("add to a done set", update).await.map(|_| ())
    }

    async fn done(&self, run: &RunRef, work: Done) -> Result<BTreeSet<u32>, PortError> {
        const DOING: &str = "read a done set";
        let query = self
            .table
            .query(places::done_of(run))
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":prefix", text(places::done_prefix(work)));
        let mut done = BTreeSet::new();
        for item in send_query(DOING, query).await? {
            let units = item
                .get("units")
                .and_then(|units| units.as_ns().ok())
                .ok_or_else(|| PortError::never(DOING, Malformed))?;
            for unit in units {
                done.insert(unit.parse().map_err(|_| PortError::never(DOING, Malformed))?);
            }
        }
        Ok(done)
    }

    async fn take_lease(
        &self,
        (run, shard): (&RunRef, Shard),
        fence: u64,
        now: EpochSeconds,
        until: EpochSeconds,
    ) -> Result<Option<Lease>, PortError> {
        const DOING: &str = "take a lease";
        let update = self
            .table
            .update(places::lease(run, shard))
            .update_expression(
                "SET #fence = :fence, #until = :until, #n_done = if_not_exists(#n_done, :none), \
                 #applied = if_not_exists(#applied, :nothing), #ttl = :ttl",
            )
            // Who comes with the lease's own fence took it before and lost the answer.
            .condition_expression("attribute_not_exists(pk) OR #until <= :now OR #fence = :fence")
            .expression_attribute_names("#fence", "fence")
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#n_done", "n_entries_done")
            .expression_attribute_names("#applied", "applied")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":fence", number(fence))
            .expression_attribute_values(":until", number(until.0))
            .expression_attribute_values(":now", number(now.0))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":nothing", forms::tally_value(DOING, &ApplyTally::default())?)
            .expression_attribute_values(":ttl", number(places::ttl(run).0));
        match send_update(DOING, update).await? {
            Updated::Done(item) => forms::lease_of(DOING, run, item).map(Some),
            Updated::Refused(_) => Ok(None),
        }
    }

    async fn save_lease(&self, lease: &Lease) -> Result<bool, PortError> {
        const DOING: &str = "write a lease";
        let update = self
            .table
            .update(places::lease(&lease.run, lease.shard))
            .update_expression("SET #until = :until, #n_done = :n_done, #applied = :applied")
            .condition_expression("#fence = :fence")
            .expression_attribute_names("#fence", "fence")
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#n_done", "n_entries_done")
            .expression_attribute_names("#applied", "applied")
            .expression_attribute_values(":fence", number(lease.fence))
            .expression_attribute_values(":until", number(lease.until.0))
            .expression_attribute_values(":n_done", number(lease.n_entries_done))
            .expression_attribute_values(":applied", forms::tally_value(DOING, &lease.applied)?);
        match send_update(DOING, update).await? {
            Updated::Done(_) => Ok(true),
            Updated::Refused(_) => Ok(false),
        }
    }

    async fn leases(&self, run: &RunRef) -> Result<Vec<Lease>, PortError> {
        const DOING: &str = "read a run's leases";
        let items = send_query(DOING, self.table.query(places::leases_of(run))).await?;
        items.into_iter().map(|item| forms::lease_of(DOING, run, item)).collect()
    }

    async fn approve(&self, approval: &Approval) -> Result<bool, PortError> {
        let put = self.table.put(forms::approval_item(approval));
        let of_another_plan = put
            .condition_expression("attribute_not_exists(pk) OR #hash <> :hash")
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_values(":hash", text(&approval.hash));
        send_put("record an approval", of_another_plan).await
    }

    async fn approvals(&self, run: &RunRef) -> Result<Vec<Approval>, PortError> {
        const DOING: &str = "read a run's approvals";
        let query = self
            .table
            .query(places::approvals_of(&run.tenant))
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":prefix", text(places::approval_prefix(run)));
        let items = send_query(DOING, query).await?;
        items.iter().map(|item| forms::approval_of(DOING, run, item)).collect()
    }

    async fn backlog(&self, tenant: &TenantId) -> Result<Option<Backlog>, PortError> {
        self.read_backlog(tenant).await
    }

    async fn save_backlog(&self, backlog: &Backlog) -> Result<bool, PortError> {
        self.step_backlog(backlog).await
    }

    async fn accept(&self, acceptance: &Acceptance) -> Result<bool, PortError> {
        self.put_new_acceptance(acceptance).await
    }

    async fn acceptances(&self, tenant: &TenantId) -> Result<Vec<Acceptance>, PortError> {
        self.read_acceptances(tenant).await
    }

    async fn create_fan_out(&self, fan_out: &FanOut) -> Result<bool, PortError> {
        self.put_new_fan_out(fan_out).await
    }

    async fn fan_out(&self, tenant: &TenantId, id: &str) -> Result<Option<FanOut>, PortError> {
        self.read_fan_out(tenant, id).await
    }

    async fn fan_outs(&self, tenant: &TenantId, limit: u32) -> Result<Vec<FanOut>, PortError> {
        self.first_fan_outs(tenant, limit).await
    }

    async fn update_fan_out(&self, fan_out: &FanOut) -> Result<bool, PortError> {
        self.step_fan_out(fan_out).await
    }

    async fn remove_fan_out(&self, tenant: &TenantId, id: &str) -> Result<(), PortError> {
        self.table.delete("remove a fan-out", places::fan_out(tenant, id)).await
    }

    async fn answer(&self, tenant: &TenantId, key: &str) -> Result<Option<KeptAnswer>, PortError> {
        self.read_answer(tenant, key).await
    }

    async fn keep_answer(&self, tenant: &TenantId, key: &str, answer: &KeptAnswer) -> Result<(), PortError> {
        self.put_answer(tenant, key, answer).await
    }

    async fn spend(
        &self,
        tenant: &TenantId,
        day: EpochSeconds,
        n_tokens: u64,
        until: EpochSeconds,
    ) -> Result<u64, PortError> {
        self.add_to_budget((tenant, day), n_tokens, until).await
    }

    async fn count_idle(
        &self,
        tenant: &TenantId,
        day: EpochSeconds,
        n_tokens: u64,
        until: EpochSeconds,
    ) -> Result<u64, PortError> {
        self.table.add("count idle tokens", places::idle(tenant, day), n_tokens, until).await
    }

    async fn budget(&self, tenant: &TenantId, day: EpochSeconds) -> Result<Option<BudgetDay>, PortError> {
        self.read_budget(tenant, day).await
    }

    async fn approve_budget(
        &self,
        tenant: &TenantId,
        day: EpochSeconds,
        actor: &str,
        now: EpochSeconds,
    ) -> Result<bool, PortError> {
        self.note_approver((tenant, day), actor, now).await
    }

    async fn count_reference(
        &self,
        reference: &Reference,
        delta: i64,
        until: EpochSeconds,
    ) -> Result<Counted, PortError> {
        self.count_notice(reference, delta, until).await
    }

    async fn references(&self, at: &ShardRef, token_hash: &str) -> Result<Option<i64>, PortError> {
        self.read_count(at, token_hash).await
    }

    async fn canaries(&self, tenant: &TenantId) -> Result<Vec<Canary>, PortError> {
        self.read_canaries(tenant).await
    }

    async fn plant_canary(&self, tenant: &TenantId, canary: &Canary) -> Result<bool, PortError> {
        self.put_canary(tenant, canary).await
    }

    async fn retire_canary(&self, tenant: &TenantId, canary: &Canary) -> Result<bool, PortError> {
        self.remove_canary(tenant, canary).await
    }

    async fn count_reads(
        &self,
        tenant: &TenantId,
        hour: EpochSeconds,
        reads: HourOfReads,
        until: EpochSeconds,
    ) -> Result<(), PortError> {
        self.add_reads((tenant, hour), reads, until).await
    }

    async fn reads_by_hour(&self, tenant: &TenantId, since: EpochSeconds) -> Result<ReadsByHour, PortError> {
        self.read_reads(tenant, since).await
    }

    async fn token_count(&self, tenant: &TenantId) -> Result<Option<u64>, PortError> {
        self.read_token_count(tenant).await
    }

    async fn save_token_count(&self, tenant: &TenantId, n_tokens: u64) -> Result<(), PortError> {
        self.put_token_count(tenant, n_tokens).await
    }

    async fn walk(&self, name: &str) -> Result<Option<Walk>, PortError> {
        const DOING: &str = "read a walk";
        let item = self.table.get(DOING, places::walk(name)).await?;
        item.map(|item| forms::walk_of(DOING, &item)).transpose()
    }

    async fn save_walk(&self, name: &str, walk: &Walk) -> Result<(), PortError> {
        send_put("write a walk", self.table.put(forms::walk_item(name, walk))).await.map(|_| ())
    }
}
