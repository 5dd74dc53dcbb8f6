//! Sends again what a run's workers have not done: after a message was lost, or when the tenant's window opens.

use lethe_domain::limits::Limits;
use lethe_domain::message::Wake;
use lethe_domain::run::{Run, Stage};
use lethe_domain::token::Shard;

use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{Control, Done, Queue, RunRef};

/// Where a run's messages go.
pub(crate) struct Waking<'a, C, Q> {
    pub(crate) control: &'a C,
    pub(crate) scan_queue: &'a Q,
    pub(crate) sweep_queue: &'a Q,
    pub(crate) limits: &'a Limits,
}

impl<C: Control, Q: Queue> Waking<'_, C, Q> {
    /// Sends the units of a scan that are missing.
    pub(crate) async fn send_units(&self, run: &Run) -> Result<(), StageError> {
        let done = self.control.done(&RunRef::from(run), Done::Scan).await?;
        let missing = (0..run.n_units).filter(|unit| !done.contains(unit));
        let wake = |unit| Wake::Scan { tenant: run.tenant.clone(), run: run.id.clone(), unit };
        self.scan_queue.send(&missing.map(wake).collect::<Vec<_>>()).await?;
        Ok(())
    }

    /// Sends every shard of a plan. One that is done already is sent too: its worker closes the gate or the run if the
    /// last one could not.
    pub(crate) async fn send_shards(&self, run: &Run) -> Result<(), StageError> {
        let pinned = Pinned::at(self.control, run.config, self.limits).await?;
        let shards = pinned.tenant(&run.tenant)?.shards;
        let wakes: Vec<Wake> = shards.all().filter_map(|shard| wake_of(run, shard)).collect();
        self.sweep_queue.send(&wakes).await?;
        Ok(())
    }
}

/// The message that wakes a shard's worker in the run's present stage.
fn wake_of(run: &Run, shard: Shard) -> Option<Wake> {
    let (tenant, id) = (run.tenant.clone(), run.id.clone());
    match run.stage {
        Stage::Planning => Some(Wake::Plan { tenant, run: id, shard }),
        Stage::Applying => Some(Wake::Apply { tenant, run: id, shard, hash: run.plan_hash.clone()? }),
        Stage::Booked
        | Stage::Surveying
        | Stage::Scanning
        | Stage::Draining
        | Stage::Gated
        | Stage::Applied
        | Stage::Reported
        | Stage::Void => None,
    }
}
