//! The connectors over stores in memory: which tokens are found, how often, and what is refused.

mod bench;
mod exports;
mod listing;
mod objects;
mod packed;
mod ranges;
mod tables;
