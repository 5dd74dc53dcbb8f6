//! Scenes: what the environment may do in one exhaustive check. One scene with everything in it would have too many
//! states for a test; each of these has what one family of hazards needs, and all of the protocol.

use crate::property::Sometimes;
use crate::world::{Reference, Store};

/// How often each thing may happen that is not Lethe's doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// The tenant takes its reference out of a store to another.
    pub n_moves: u8,
    /// Somebody reads the token.
    pub n_reads: u8,
    /// Somebody writes the row's `last_read_at` without stepping its version.
    pub n_forgetful_reads: u8,
    /// The id is handed out again.
    pub n_issues: u8,
    /// The tenant deletes its last reference.
    pub n_drops: u8,
    /// A reading of a store misses the reference that is there, and nobody notices.
    pub n_misses: u8,
    /// A store cannot be read.
    pub n_failures: u8,
    /// A queue loses a message.
    pub n_losses: u8,
    /// A worker dies between two calls.
    pub n_crashes: u8,
    /// A legal hold is put on the token; each may be released.
    pub n_holds: u8,
    /// Somebody pauses the tenant; each pause may end.
    pub n_pauses: u8,
    /// Somebody says yes to a plan.
    pub n_approvals: u8,
    /// A plan is altered where it is stored.
    pub n_alterations: u8,
    /// Somebody orders that a run is undone.
    pub n_undos: u8,
    /// The token is revoked.
    pub n_revocations: u8,
}

/// How time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// At any moment: every worker may be arbitrarily slow.
    Slow,
    /// Only when Lethe has nothing to do: what is fair happens, and what then is late is late for good.
    Prompt,
}

/// Who removes rows past their date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remover {
    /// TTL, at any time after the date, and without a look at the row; the stream is worked off within a tick.
    Ttl,
    /// Reconcile alone; the stream may be late by any time.
    Reconcile,
}

/// One exhaustive check.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Its name.
    pub name: &'static str,
    /// Where the reference is at first.
    pub reference: Reference,
    /// The last tick.
    pub horizon: u8,
    /// The time from one campaign to the next.
    pub cadence: u8,
    /// How time passes.
    pub pace: Pace,
    /// Who removes.
    pub remover: Remover,
    /// Whether a second sweeper comes when the first one's lease is over.
    pub has_second_sweeper: bool,
    /// How many runs in a row must miss a token.
    pub strikes: u8,
    /// Somebody whom no registered store shows reads the token at least so often.
    pub read_every: Option<u8>,
    /// Whether the rails have every plan that condemns wait for a person.
    pub asks_a_person: bool,
    /// What may happen.
    pub budget: Budget,
    /// What must happen in some state.
    pub sometimes: &'static [Sometimes],
}

/// Longer than any scene.
const ONE_CAMPAIGN: u8 = 200;

const QUIET: Budget = Budget {
    n_moves: 0,
    n_reads: 0,
    n_forgetful_reads: 0,
    n_issues: 0,
    n_drops: 0,
    n_misses: 0,
    n_failures: 0,
    n_losses: 0,
    n_crashes: 0,
    n_holds: 0,
    n_pauses: 0,
    n_approvals: 0,
    n_alterations: 0,
    n_undos: 0,
    n_revocations: 0,
};

const PLAIN: Scene = Scene {
    name: "plain",
    reference: Reference::In(Store::A),
    horizon: 10,
    cadence: ONE_CAMPAIGN,
    pace: Pace::Slow,
    remover: Remover::Reconcile,
    has_second_sweeper: false,
    strikes: 1,
    read_every: None,
    asks_a_person: false,
    budget: QUIET,
    sometimes: &[],
};

impl Scene {
    /// A reference moves between two stores, also while it is in neither, and is dropped at last.
    pub const MOVER: Self = Self {
        name: "a reference moves",
        budget: Budget { n_moves: 3, n_drops: 1, ..QUIET },
        horizon: 10,
        remover: Remover::Ttl,
        sometimes: &[Sometimes::Purged],
        ..PLAIN
    };

    /// A reference moves faster than a run looks, and is read when it does.
    pub const FAST_MOVER: Self = Self {
        name: "a reference moves fast and is read",
        horizon: 8,
        budget: Budget { n_moves: 4, n_reads: 2, ..QUIET },
        sometimes: &[Sometimes::Stamped],
        ..PLAIN
    };

    /// Reads, by writers who step the version and by those who forget it, while TTL removes.
    pub const READER: Self = Self {
        name: "an unreferenced token is read",
        reference: Reference::Nowhere,
        remover: Remover::Ttl,
        budget: Budget { n_reads: 1, n_forgetful_reads: 1, ..QUIET },
        sometimes: &[Sometimes::Purged, Sometimes::Revived],
        ..PLAIN
    };

    /// The same while the stream is late and reconcile removes.
    pub const LATE_STREAM: Self = Self {
        name: "a read while the stream is late",
        reference: Reference::Nowhere,
        budget: Budget { n_reads: 1, n_forgetful_reads: 1, ..QUIET },
        sometimes: &[Sometimes::Purged, Sometimes::Revived],
        ..PLAIN
    };

    /// An id is handed out again, to a row that is still there or to one that left.
    pub const ISSUER: Self = Self {
        name: "an id is issued again",
        reference: Reference::Nowhere,
        horizon: 11,
        budget: Budget { n_issues: 1, n_drops: 1, ..QUIET },
        sometimes: &[Sometimes::Purged, Sometimes::Revived, Sometimes::Reborn],
        ..PLAIN
    };

    /// Stores fail, and a reading misses what is there.
    pub const BAD_STORE: Self = Self {
        name: "a store fails or hides what it holds",
        strikes: 2,
        horizon: 12,
        budget: Budget { n_misses: 2, n_failures: 1, n_drops: 1, ..QUIET },
        sometimes: &[Sometimes::WronglyCooled, Sometimes::Purged],
        ..PLAIN
    };

    /// Somebody whom no registered store shows reads now and then.
    pub const UNKNOWN_STORE: Self = Self {
        name: "an unknown store's token is read regularly",
        reference: Reference::Nowhere,
        horizon: 13,
        read_every: Some(6),
        budget: Budget { n_reads: 4, ..QUIET },
        sometimes: &[Sometimes::Revived],
        ..PLAIN
    };

    /// Two workers on one shard, of whom one stands still, or dies.
    pub const TWO_SWEEPERS: Self = Self {
        name: "two sweepers, one of them a zombie",
        reference: Reference::Nowhere,
        remover: Remover::Ttl,
        has_second_sweeper: true,
        budget: Budget { n_crashes: 2, n_reads: 1, ..QUIET },
        sometimes: &[Sometimes::Purged],
        ..PLAIN
    };

    /// Legal holds come and go.
    pub const HOLDER: Self = Self {
        name: "a legal hold",
        reference: Reference::Nowhere,
        budget: Budget { n_holds: 1, n_crashes: 1, ..QUIET },
        sometimes: &[Sometimes::Purged],
        ..PLAIN
    };

    /// Everything that can be lost or die is, and Lethe is prompt: what nobody needs must be gone in the end.
    pub const FAULTS: Self = Self {
        name: "messages are lost and workers die",
        reference: Reference::Nowhere,
        pace: Pace::Prompt,
        has_second_sweeper: true,
        horizon: 20,
        strikes: 2,
        budget: Budget { n_losses: 2, n_crashes: 2, n_failures: 2, ..QUIET },
        sometimes: &[Sometimes::Purged],
        ..PLAIN
    };

    /// A pause comes and goes while a worker stands still, and the token is missed by mistake and found again, or dropped.
    pub const PAUSER: Self = Self {
        name: "a pause",
        has_second_sweeper: true,
        budget: Budget { n_pauses: 1, n_misses: 1, n_drops: 1, ..QUIET },
        sometimes: &[Sometimes::Purged, Sometimes::Revived, Sometimes::CutShort],
        ..PLAIN
    };

    /// Pauses hold up what nobody needs, and Lethe is prompt: in the end it must be gone all the same.
    pub const HELD_UP: Self = Self {
        name: "pauses hold up what nobody needs",
        reference: Reference::Nowhere,
        pace: Pace::Prompt,
        horizon: 25,
        strikes: 2,
        budget: Budget { n_pauses: 3, ..QUIET },
        sometimes: &[Sometimes::Purged, Sometimes::CutShort],
        ..PLAIN
    };

    /// Every plan that condemns waits for a person, who may answer late; and plans are altered where they are stored.
    pub const APPROVER: Self = Self {
        name: "plans wait for a person and are altered",
        reference: Reference::Nowhere,
        asks_a_person: true,
        horizon: 9,
        budget: Budget { n_approvals: 2, n_alterations: 1, n_reads: 1, n_pauses: 1, ..QUIET },
        sometimes: &[Sometimes::Purged, Sometimes::CutShort],
        ..PLAIN
    };

    /// A person takes back what a run did, while the token is revoked.
    pub const UNDOER: Self = Self {
        name: "a run is undone",
        reference: Reference::Nowhere,
        budget: Budget { n_undos: 1, n_revocations: 1, ..QUIET },
        sometimes: &[Sometimes::Purged, Sometimes::Undone],
        ..PLAIN
    };

    /// A further campaign looks at what was given back, or takes again what was read before the order came to it.
    pub const NEXT_CAMPAIGN: Self = Self {
        name: "a run is undone and another campaign follows",
        reference: Reference::Nowhere,
        horizon: 9,
        cadence: 6,
        budget: Budget { n_undos: 1, n_reads: 1, ..QUIET },
        sometimes: &[Sometimes::Undone],
        ..PLAIN
    };

    /// A worker stands still until a later run has found the reference that its own had missed, and given the token back.
    pub const OLD_RUN: Self = Self {
        name: "a worker of an older run comes late",
        has_second_sweeper: true,
        horizon: 9,
        budget: Budget { n_misses: 1, ..QUIET },
        sometimes: &[Sometimes::WronglyCooled, Sometimes::Revived],
        ..PLAIN
    };

    /// Every scene.
    pub const ALL: [Self; 16] = [
        Self::MOVER,
        Self::FAST_MOVER,
        Self::READER,
        Self::LATE_STREAM,
        Self::ISSUER,
        Self::BAD_STORE,
        Self::UNKNOWN_STORE,
        Self::TWO_SWEEPERS,
        Self::HOLDER,
        Self::FAULTS,
        Self::PAUSER,
        Self::HELD_UP,
        Self::APPROVER,
        Self::UNDOER,
        Self::NEXT_CAMPAIGN,
        Self::OLD_RUN,
    ];
}
