//! A state of the model: the vault's row, the tenant's stores, Lethe's run and workers, and what is in flight.

use crate::plan::{PlanHash, Planned};
use crate::property::{Broken, Invariant};
use crate::row::Row;
use crate::run::{RunName, RunRow};
use crate::scene::Budget;
use crate::switch::Switch;

/// One of the tenant's two registered stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Store {
    /// The one that is listed first.
    A,
    /// The other.
    B,
}

impl Store {
    pub(crate) const ALL: [Self; 2] = [Self::A, Self::B];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// One of two workers that may meet on one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Worker {
    /// The one that comes first.
    First,
    /// The one that a doubled or repeated message wakes.
    Second,
}

impl Worker {
    pub(crate) const ALL: [Self; 2] = [Self::First, Self::Second];
}

/// Where the tenant keeps its one reference to the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// Nowhere: the token is not needed any more.
    Nowhere,
    /// In a store.
    In(Store),
    /// Copied out of this store into the other, and not deleted here yet.
    CopiedFrom(Store),
    /// Deleted in one store and not yet written to another.
    InHand,
    /// Just issued, and not stored yet.
    Issued {
        /// When.
        at: u8,
    },
}

impl Reference {
    /// Whether a store holds it now.
    pub(crate) fn is_in(self, store: Store) -> bool {
        match self {
            Self::In(place) => place == store,
            Self::CopiedFrom(_) => true,
            Self::Nowhere | Self::InHand | Self::Issued { .. } => false,
        }
    }

    /// Whether somebody has it.
    pub(crate) fn is_live(self) -> bool {
        self != Self::Nowhere
    }
}

/// What the run has seen of one store.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and a state holds all of them")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Look {
    /// Whether this round has listed it.
    pub(crate) is_listed: bool,
    /// Whether something in it waits to be read.
    pub(crate) must_read: bool,
    /// Whether the message about that is in the queue.
    pub(crate) is_sent: bool,
    /// Whether it changed since it was last listed.
    pub(crate) is_changed: bool,
    /// Whether a mark was found in it.
    pub(crate) is_found: bool,
    /// Whether it was once given up in this run.
    pub(crate) is_failed: bool,
}

/// What a worker has in its memory: nothing in it changes when the world does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Work {
    pub(crate) run: RunRow,
    pub(crate) planned: Planned,
    pub(crate) fence: u64,
    /// Whether another worker took the lease of that run since.
    pub(crate) is_ousted: bool,
    /// The kill switch as it was when the lease was taken: what the guard forbids to remember.
    pub(crate) remembered: Option<Switch>,
}

/// What an undo has to know of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Past {
    pub(crate) name: RunName,
    pub(crate) scan_started_at: u8,
    pub(crate) ended_at: u8,
}

impl Past {
    /// The run, at its end.
    pub(crate) fn of(run: &RunRow, ended_at: u8) -> Self {
        Self { name: run.name, scan_started_at: run.scan_started_at, ended_at }
    }
}

/// A person's order to take back a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Order {
    pub(crate) run: Past,
    /// Whether the run is over, by itself or because of the order.
    pub(crate) is_stopped: bool,
    /// When the lease ends that a worker of the run had when it was given up.
    pub(crate) leased_until: Option<u8>,
    /// The row as reconcile read it, where it decided to bring it back.
    pub(crate) read: Option<Row>,
    pub(crate) is_done: bool,
}

/// What earlier runs left for the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Carried {
    /// When the scan of the last whole run began.
    pub(crate) scan_started_at: Option<u8>,
    /// The token's strikes, and when the scan of the first began.
    pub(crate) candidate: Option<(u8, u8)>,
}

/// A removed row on its way into the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Leaving {
    /// The stream will bring it, again if its worker dies.
    InStream,
    /// Written to the archive, and not acknowledged yet.
    Stored,
    /// Acknowledged, and not written yet: what the guard forbids.
    Acknowledged,
}

/// The archive's versions of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Archived {
    /// None was ever there.
    Never,
    /// Locked until then, so many of them.
    Locked {
        /// When the lock ends.
        until: u8,
        /// How many.
        n_versions: u8,
    },
    /// Gone for good.
    Purged,
}

/// A state.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and a state holds all of them")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub(crate) now: u8,
    pub(crate) left: Budget,
    pub(crate) reference: Reference,
    /// Whether the mover has moved in this look already, so that by the rule of the house it now reads.
    pub(crate) has_moved_in_look: bool,
    /// Whether a read is on its way to the vault.
    pub(crate) is_read_in_flight: bool,
    /// Whether that read was made before the sentence that stands, and so must land before the row may leave.
    pub(crate) is_read_owed: bool,
    /// When a read or an issue last reached the vault.
    pub(crate) last_use: Option<u8>,
    pub(crate) row: Option<Row>,
    pub(crate) run: Option<RunRow>,
    /// The slot of the last campaign.
    pub(crate) slot: u8,
    pub(crate) looks: [Look; 2],
    pub(crate) carried: Carried,
    pub(crate) planned: Option<Planned>,
    /// Whether a message about the run's shard is in the queue.
    pub(crate) is_woken: bool,
    pub(crate) fence: u64,
    pub(crate) lease_until: Option<u8>,
    pub(crate) workers: [Option<Work>; 2],
    /// The last run whose plan was carried out, where somebody may order it to be undone.
    pub(crate) past: Option<Past>,
    /// The run that took the token out of service last, where an undo may bring it back.
    pub(crate) cooled_by: Option<RunName>,
    /// That order.
    pub(crate) order: Option<Order>,
    pub(crate) switch: Switch,
    /// The plan that a person has looked at and not answered yet, by its hash.
    pub(crate) looked_at: Option<PlanHash>,
    /// The plans that were approved.
    pub(crate) approved: Vec<PlanHash>,
    /// When the scan behind the present date of removal began.
    pub(crate) verdict_scan: Option<u8>,
    /// The row as reconcile read it, where it decided to remove it.
    pub(crate) removing: Option<Row>,
    /// The row in whose image react saw what has to be lifted.
    pub(crate) lifting: Option<Row>,
    pub(crate) leaving: Option<Leaving>,
    pub(crate) archived: Archived,
    pub(crate) is_revived: bool,
    pub(crate) is_cut_short: bool,
    pub(crate) broken: Broken,
}

impl World {
    /// Whether a step on the way here broke this.
    pub fn has_broken(&self, invariant: Invariant) -> bool {
        self.broken.has(invariant)
    }

    /// Whether a further move would be the second in one look: who moves faster than a run looks must have read the
    /// token, so such a move comes with a read.
    pub(crate) fn is_too_fast(&self) -> bool {
        self.has_moved_in_look && self.run.is_some_and(|run| run.is_looking())
    }

    pub(crate) fn look(&self, store: Store) -> Look {
        let [a, b] = self.looks;
        match store {
            Store::A => a,
            Store::B => b,
        }
    }

    pub(crate) fn look_mut(&mut self, store: Store) -> &mut Look {
        let [a, b] = &mut self.looks;
        match store {
            Store::A => a,
            Store::B => b,
        }
    }

    pub(crate) fn worker(&self, worker: Worker) -> Option<Work> {
        let [first, second] = self.workers;
        match worker {
            Worker::First => first,
            Worker::Second => second,
        }
    }

    pub(crate) fn worker_mut(&mut self, worker: Worker) -> &mut Option<Work> {
        let [first, second] = &mut self.workers;
        match worker {
            Worker::First => first,
            Worker::Second => second,
        }
    }
}
