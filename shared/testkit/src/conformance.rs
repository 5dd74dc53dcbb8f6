//! One suite a port. Each runs on the fake always, and on the real service where there is one; a fake that behaves
//! otherwise is a bug in the fake. Every check uses names of its own, so that one table or bucket serves them all.

mod archive;
mod audit;
mod bus;
mod control;
mod objects;
mod queue;
mod tables;
mod vault;
mod work;

pub use archive::{ArchiveSeed, archive_suite};
pub use audit::audit_suite;
pub use bus::{BusSeed, Received, bus_suite};
pub use control::control_suite;
pub use objects::{ObjectSeed, objects_suite};
pub use queue::{QueueSeed, queue_suite};
pub use tables::{TableSeed, tables_suite};
pub use vault::{VaultSeed, vault_suite};
pub use work::work_suite;
