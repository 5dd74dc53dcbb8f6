//! The connectors over stores in memory: which tokens are found, how often, and what is refused.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "these are tests, and a panic is how a test fails"
)]

mod bench;
mod exports;
mod listing;
mod objects;
mod packed;
mod ranges;
mod relisting;
mod tables;
