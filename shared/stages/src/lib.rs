//! The nine use cases over ports: each reads, decides (in `lethe-domain`) and acts. No AWS, no clock, no environment.
#![expect(
    async_fn_in_trait,
    reason = "the ports are used with concrete types only, so no caller needs a Send bound"
)]

pub mod announce;
pub mod approvals;
pub mod archive;
mod budget;
pub mod confirm;
mod deeds;
pub mod error;
pub mod expire;
mod fan_out;
pub mod first_purge;
mod footers;
mod hours;
pub mod intake;
pub mod invocation;
mod parsed;
pub mod pinned;
pub mod ports;
pub mod react;
pub mod reconcile;
pub mod refuse;
pub mod runs;
pub mod scan;
pub mod seal;
pub mod settings;
mod silence;
mod stored;
pub mod stream;
pub mod survey;
pub mod sweep;
pub mod undo;
pub mod verify;
mod waking;
pub mod work_keys;
