//! Lethe's protocol as a model that is checked exhaustively. What is decided is decided by the shipped rules of
//! `lethe-domain`; only what is around them is modelled: the stores, the queues, the clock, the stream, who dies when.
//! Nothing of this is built into a function.

mod action;
mod guard;
mod plan;
mod property;
mod protocol;
mod row;
mod run;
mod scene;
mod step;
mod switch;
mod world;

pub use action::Action;
pub use guard::Guard;
pub use property::{Invariant, Sometimes};
pub use protocol::Protocol;
pub use scene::{Budget, Pace, Remover, Scene};
pub use world::{Reference, Store, Worker, World};
