//! What the stages need of the outside, one trait a service. `lethe-aws` implements them over AWS, `lethe-testkit` in
//! memory; one conformance suite a port holds both to the same behaviour.

use std::ops::Range;
use std::time::Duration;

use lethe_domain::audit::AuditItem;
use lethe_domain::event::OutEvent;
use lethe_domain::message::Wake;
use lethe_domain::run::{Run, RunId};
use lethe_domain::token::{Shard, TenantId};

mod archive;
mod control;
mod regret;
mod switch;
mod undo;
mod vault;

pub use crate::error::{PortError, Retry};
pub use archive::{Archive, ArchiveObject, ListedVersion, Lock, Removal, VersionPage};
pub use control::{
    Acceptance, Approval, BudgetDay, Control, Counted, Done, KeptAnswer, Lease, Reference, StoredConfig, Walk,
};
pub use regret::{Came, RegretLedger};
pub use switch::KillSwitch;
pub use undo::Undos;
pub use vault::{
    LeasedOutcome, MAX_ROWS_AT_ONCE, OwnedPage, OwnedPart, OwnedQuery, RowPage, RowWrite, Vault, WriteOutcome,
};

/// One shard of one tenant's rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShardRef {
    /// The tenant.
    pub tenant: TenantId,
    /// The shard.
    pub shard: Shard,
}

/// A run by its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunRef {
    /// Whose run.
    pub tenant: TenantId,
    /// Which run.
    pub id: RunId,
}

impl From<&Run> for RunRef {
    fn from(run: &Run) -> Self {
        Self { tenant: run.tenant.clone(), id: run.id.clone() }
    }
}

/// Some items of an audit partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditPage {
    /// The items, oldest first.
    pub items: Vec<AuditItem>,
    /// The `sk` after which the next page begins.
    pub next: Option<String>,
}

/// The append-only record of everything that happened.
pub trait AuditLog {
    /// Appends an item; `false` when one with its key is there already, which is left as it is.
    async fn record(&self, item: &AuditItem) -> Result<bool, PortError>;
    /// Items of a partition after a sort key.
    async fn page(&self, pk: &str, after: Option<&str>) -> Result<AuditPage, PortError>;
}

/// The work bucket.
pub trait WorkStore {
    /// Writes an object once; `false` when its key exists, which is left as it is.
    async fn put_new(&self, key: &str, bytes: Vec<u8>) -> Result<bool, PortError>;
    /// The whole object; `None` when there is none.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError>;
    /// A part of an object; fewer bytes when it ends before; `None` when there is none.
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, PortError>;
    /// The object's last bytes, all of them when it is shorter; `None` when there is none.
    async fn get_suffix(&self, key: &str, n_bytes: u64) -> Result<Option<Vec<u8>>, PortError>;
}

/// The longest that a queue keeps a message back.
pub const MAX_DELAY: Duration = Duration::from_mins(15);

/// One queue of wake-ups.
pub trait Queue {
    /// Sends all of them, in batches; any may arrive twice.
    async fn send(&self, wakes: &[Wake]) -> Result<(), PortError>;
    /// Sends a message that arrives after `delay`, which is at most [`MAX_DELAY`].
    async fn send_later(&self, wake: &Wake, delay: Duration) -> Result<(), PortError>;
}

/// The bus on which the outside learns what was taken out of service.
pub trait EventBus {
    /// Publishes all of them; any may arrive twice.
    async fn publish(&self, events: &[OutEvent]) -> Result<(), PortError>;
}
