//! One invocation of a function: when it began, and whether its end is near.

use lethe_domain::time::EpochSeconds;

/// What a stage knows of the invocation that it runs in.
#[derive(Clone, Copy)]
pub struct Invocation<'a> {
    /// When it began. The clock is read once, at the edge.
    pub now: EpochSeconds,
    /// Whether the deadline is so near that work is better handed on.
    pub should_pause: &'a dyn Fn() -> bool,
    /// Whether a moment has come by now: for what must end at a time of the day, the deadline being far.
    pub has_come: &'a dyn Fn(EpochSeconds) -> bool,
}
