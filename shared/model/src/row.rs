//! The token's row, small enough to be one field of a state. The rules see the real one.

use lethe_domain::policy::Trigger;
use lethe_domain::row::{RowVersion, State, VaultRow};
use lethe_domain::time::EpochSeconds;

use crate::run::RunName;

/// What of a row differs from state to state. Times are ticks, and a tick is a second of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) state: State,
    pub(crate) version: u64,
    pub(crate) created_at: u8,
    pub(crate) last_read_at: Option<u8>,
    pub(crate) purge_at: Option<u8>,
    pub(crate) due_at: Option<u8>,
    pub(crate) reason: Option<Trigger>,
    pub(crate) cooling_since: Option<u8>,
    pub(crate) run: Option<RunName>,
    pub(crate) fence: Option<u64>,
    pub(crate) is_held: bool,
    pub(crate) released_at: Option<u8>,
}

/// The one hold of the model.
pub(crate) const HOLD: &str = "case-1";

/// A tick as the rules' time.
pub(crate) fn at(tick: u8) -> EpochSeconds {
    EpochSeconds(i64::from(tick))
}

/// The rules' time as a tick.
pub(crate) fn tick(at: EpochSeconds) -> u8 {
    u8::try_from(at.0).unwrap_or(u8::MAX)
}

impl Row {
    /// A row as its issuer puts it: its version starts at the moment of issue.
    pub(crate) fn issued(now: u8) -> Self {
        Self {
            state: State::Active,
            version: u64::from(now) * 1000,
            created_at: now,
            last_read_at: None,
            purge_at: None,
            due_at: None,
            reason: None,
            cooling_since: None,
            run: None,
            fence: None,
            is_held: false,
            released_at: None,
        }
    }

    /// The row that the rules see; what the model does not vary is the template's.
    pub(crate) fn to_vault(self, template: &VaultRow) -> VaultRow {
        VaultRow {
            state: self.state,
            version: RowVersion(self.version),
            created_at: at(self.created_at).to_millis(),
            last_read_at: self.last_read_at.map(at),
            purge_at: self.purge_at.map(at),
            due_at: self.due_at.map(at),
            reason: self.reason,
            cooling_since: self.cooling_since.map(at),
            run: self.run.map(RunName::to_id),
            fence: self.fence,
            hold: self.is_held.then(|| HOLD.to_owned()),
            released_at: self.released_at.map(at),
            ..template.clone()
        }
    }

    /// What the rules made of it.
    pub(crate) fn of_vault(row: &VaultRow) -> Self {
        Self {
            state: row.state,
            version: row.version.0,
            created_at: tick(row.created_at.to_seconds()),
            last_read_at: row.last_read_at.map(tick),
            purge_at: row.purge_at.map(tick),
            due_at: row.due_at.map(tick),
            reason: row.reason,
            cooling_since: row.cooling_since.map(tick),
            run: row.run.as_ref().map(RunName::of),
            fence: row.fence,
            is_held: row.hold.is_some(),
            released_at: row.released_at.map(tick),
        }
    }
}
