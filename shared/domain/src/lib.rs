//! What Lethe knows, without a clock, a network or an environment: tokens, their lifecycle, marks, plans,
//! rails, audit entries and messages. Everything here is a pure function of its arguments.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod approval;
pub mod audit;
pub mod backlog;
pub mod barrier;
pub mod cadence;
pub mod caller;
pub mod campaign;
pub mod canary;
pub mod candidates;
pub mod command;
pub mod config;
pub mod event;
pub mod extract;
pub mod fan_out;
pub mod fingerprint;
pub mod format;
pub mod hold;
#[cfg(test)]
mod hostile;
pub mod issue;
pub mod lifecycle;
pub mod limits;
pub mod marks;
pub mod message;
pub mod pause;
pub mod plan;
pub mod policy;
pub mod rails;
pub mod read_feed;
pub mod reader;
pub mod record;
pub mod regret;
pub mod replay;
pub mod row;
pub mod run;
pub mod shape;
pub mod source;
pub mod subject;
pub mod time;
pub mod token;
pub mod undo;
pub mod window;
pub mod witness;
mod zone;
