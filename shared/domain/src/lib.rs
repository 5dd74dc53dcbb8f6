//! What Lethe knows, without a clock, a network or an environment: tokens, their lifecycle, marks, plans,
//! rails, audit entries and messages. Everything here is a pure function of its arguments.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod audit;
pub mod campaign;
pub mod candidates;
pub mod config;
pub mod extract;
pub mod fingerprint;
pub mod format;
pub mod lifecycle;
pub mod limits;
pub mod marks;
pub mod message;
pub mod plan;
pub mod policy;
pub mod rails;
pub mod record;
pub mod row;
pub mod run;
pub mod source;
pub mod time;
pub mod token;
