//! The control table: config, keys, fences, runs, `done` sets, leases, approvals, walks.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::run::{ApplyTally, Run, RunId};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{Shard, TenantId};
use lethe_stages::error::PortError;
use lethe_stages::ports::{Approval, Control, Done, Lease, RunRef, StoredConfig, Walk};

use crate::failure::port_error;
use crate::item::{Item, Malformed, from_item, number, number_of, text, to_item};

mod forms;
mod places;
mod table;

use table::{Table, Updated, key_of, send_put, send_query, send_update};

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

impl DynamoControl {
    /// The ids of the runs that are not final, or were not when they were last looked at.
    async fn open_runs(&self, tenant: &TenantId) -> Result<Vec<RunId>, PortError> {
        let item = self.table.get("read a tenant's open runs", places::open_runs(tenant)).await?;
        let ids = item.and_then(|item| item.get("runs")?.as_ss().ok().cloned()).unwrap_or_default();
        Ok(ids.iter().filter_map(|id| RunId::parse(id)).collect())
    }

    /// Puts a run's id among the open ones (`ADD`) or takes it off (`DELETE`).
    async fn note_open_run(&self, run: &Run, verb: &str) -> Result<(), PortError> {
        let update = self
            .table
            .update(places::open_runs(&run.tenant))
            .update_expression(format!("{verb} #runs :run"))
            .expression_attribute_names("#runs", "runs")
            .expression_attribute_values(":run", AttributeValue::Ss(vec![run.id.to_string()]));
        send_update("note an open run", update).await.map(|_| ())
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
        let mut write = self.table.client.transact_write_items();
        for put in [put_version, put_current] {
            let put =
                put.table_name(&self.table.name).build().map_err(|error| PortError::never(DOING, error))?;
            write = write.transact_items(TransactWriteItem::builder().put(put).build());
        }
        match write.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failure(error.as_service_error()) => Ok(false),
            Err(error) => Err(port_error(DOING, &error)),
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
        const DOING: &str = "read a tenant's runs";
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let query = self.table.query(places::runs_of(tenant)).scan_index_forward(false).limit(limit);
        // A run is far below the page limit of 1 MB, but a hundred of them may not be.
        let mut runs: Vec<Run> = Vec::new();
        let mut from = None;
        loop {
            let page = query.clone().set_exclusive_start_key(from).send().await;
            let page = page.map_err(|error| port_error(DOING, &error))?;
            for item in page.items.unwrap_or_default() {
                runs.push(from_item(DOING, item)?);
            }
            from = page.last_evaluated_key;
            let is_full = usize::try_from(limit).is_ok_and(|limit| limit <= runs.len());
            if from.is_none() || is_full {
                runs.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                break;
            }
        }
        for id in self.open_runs(tenant).await? {
            if runs.iter().all(|run| run.id != id) {
                // It may have become final without being taken off, or not have been created after all.
                let run = self.run(&RunRef { tenant: tenant.clone(), id }).await?;
                runs.extend(run.filter(|run| !run.stage.is_final()));
            }
        }
        runs.sort_by(|one, other| other.id.cmp(&one.id));
        Ok(runs)
    }

    async fn create_run(&self, run: &Run) -> Result<bool, PortError> {
        const DOING: &str = "create a run";
        let item = to_item(DOING, places::run(&RunRef::from(run)), run)?;
        // First, so that a run which exists is always found; an id without a run does no harm.
        self.note_open_run(run, "ADD").await?;
        send_put(DOING, self.table.put_new(item)).await
    }

    async fn update_run(&self, run: &Run) -> Result<bool, PortError> {
        const DOING: &str = "write a run";
        let stepped = Run { revision: run.revision.saturating_add(1), ..run.clone() };
        let item = to_item(DOING, places::run(&RunRef::from(run)), &stepped)?;
        let put = self
            .table
            .put(item)
            .condition_expression("#revision = :revision")
            .expression_attribute_names("#revision", "revision")
            .expression_attribute_values(":revision", number(run.revision));
        let is_written = send_put(DOING, put).await?;
        if is_written && run.stage.is_final() {
            self.note_open_run(run, "DELETE").await?;
        }
        Ok(is_written)
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

    async fn approve(&self, approval: &Approval) -> Result<(), PortError> {
        send_put("record an approval", self.table.put(forms::approval_item(approval))).await.map(|_| ())
    }

    async fn approval(&self, run: &RunRef) -> Result<Option<Approval>, PortError> {
        const DOING: &str = "read an approval";
        let item = self.table.get(DOING, places::approval(run)).await?;
        item.map(|item| forms::approval_of(DOING, run, &item)).transpose()
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

fn is_condition_failure(error: Option<&TransactWriteItemsError>) -> bool {
    match error {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled
            .cancellation_reasons()
            .iter()
            .any(|reason| reason.code() == Some("ConditionalCheckFailed")),
        Some(_) | None => false,
    }
}
