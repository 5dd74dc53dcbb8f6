//! What a deployment decides for the stages: the mode, and the limits on the profile's time scale.

use lethe_domain::limits::Limits;
use lethe_domain::source::UnitLimits;

/// Whether Lethe may touch the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It looks and reports; the one write to the vault is intake's read stamp.
    Report,
    /// It acts.
    Act,
}

/// The stages' settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Durations and patience.
    pub limits: Limits,
    /// How large a unit of scanning is.
    pub units: UnitLimits,
    /// Report or act.
    pub mode: Mode,
    /// Whether survey, scan and sweep run.
    pub scan: bool,
    /// How many vault rows one part of a plan reads at most: what a planner holds in memory.
    pub plan_rows: usize,
}

/// The most rows that one part of a plan covers (design §5).
pub const PLAN_ROWS: usize = 250_000;

/// How many calls a stage has under way at once towards one table or bucket.
pub const PARALLEL_CALLS: usize = 16;
