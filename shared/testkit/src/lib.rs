//! What tests are made of: every port in memory, a clock that moves by hand, faults at any call, builders of rows,
//! tokens and configs, and one conformance suite a port that holds the fakes and the real services to the same
//! behaviour.
#![expect(
    async_fn_in_trait,
    reason = "the suites are used with concrete types only, so no caller needs a Send bound"
)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "only tests use this crate, and a panic is how a test fails"
)]

mod archive;
mod audit;
mod bus;
mod clock;
mod cloud;
pub mod conformance;
mod control;
mod faults;
pub mod item;
mod queue;
mod rows;
mod sample;
pub mod sources;
mod tokens;
mod vault;
mod work;

pub use archive::{ArchivedVersion, FakeArchive, records_in};
pub use audit::FakeAudit;
pub use bus::FakeBus;
pub use clock::{HandClock, START};
pub use cloud::FakeCloud;
pub use control::FakeControl;
pub use faults::{Call, FaultKind, Faults, Flaw, Injected};
pub use item::Item;
pub use queue::FakeQueue;
pub use rows::{LONG_AGO, RowBuilder, row};
pub use sample::{APP, CHANGED_AT, DUE_SHARDS, SHARDS, Sample, sample};
pub use tokens::{key, tenant, token, token_named};
pub use vault::{FakeVault, tokens as token_rows};
pub use work::FakeWork;
