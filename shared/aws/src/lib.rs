//! The ports over AWS. The only crate that names the SDK; it reads no setting of its own, and no clock.

pub mod archive;
pub mod audit;
pub mod bus;
pub mod client;
pub mod clients;
pub mod control;
mod failure;
pub mod identity;
mod item;
pub mod queues;
#[cfg(test)]
mod script;
mod skew;
pub mod sources;
mod transaction;
pub mod vault;
pub mod work;

pub use archive::{LockMode, S3Archive};
pub use audit::DynamoAudit;
pub use bus::EventBridgeBus;
pub use client::{CallTimeouts, Timeouts};
pub use clients::Clients;
pub use control::DynamoControl;
pub use queues::SqsQueue;
pub use sources::{SourceObjects, SourceTables};
pub use vault::DynamoVault;
pub use work::S3Work;
