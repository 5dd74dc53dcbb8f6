//! Runs, and the list of those that are not final.

use aws_sdk_dynamodb::types::AttributeValue;
use lethe_domain::run::{Run, RunId};
use lethe_domain::token::TenantId;
use lethe_stages::error::PortError;
use lethe_stages::ports::{Control, RunRef};

use super::table::{send_first, send_put, send_update};
use super::{DynamoControl, places};
use crate::item::{from_item, to_item};

impl DynamoControl {
    pub(super) async fn last_and_open_runs(
        &self,
        tenant: &TenantId,
        limit: u32,
    ) -> Result<Vec<Run>, PortError> {
        const DOING: &str = "read a tenant's runs";
        let query = self.table.query(places::runs_of(tenant)).scan_index_forward(false);
        let items = send_first(DOING, query, limit).await?.into_iter();
        let mut runs: Vec<Run> = items.map(|item| from_item(DOING, item)).collect::<Result<_, _>>()?;
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

    pub(super) async fn put_new_run(&self, run: &Run) -> Result<bool, PortError> {
        const DOING: &str = "create a run";
        let item = to_item(DOING, places::run(&RunRef::from(run)), run)?;
        // First, so that a run which exists is always found; an id without a run does no harm.
        self.note_open_run(run, "ADD").await?;
        send_put(DOING, self.table.put_new(item)).await
    }

    pub(super) async fn step_run(&self, run: &Run) -> Result<bool, PortError> {
        const DOING: &str = "write a run";
        let stepped = Run { revision: run.revision.saturating_add(1), ..run.clone() };
        let item = to_item(DOING, places::run(&RunRef::from(run)), &stepped)?;
        let is_written = send_put(DOING, self.table.put_stepped(item, run.revision)).await?;
        if is_written && run.stage.is_final() {
            self.note_open_run(run, "DELETE").await?;
        }
        Ok(is_written)
    }

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
