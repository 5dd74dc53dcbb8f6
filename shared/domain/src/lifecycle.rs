//! The decisions over one row. Each is a pure function of the row, the policy and the time; what is unknown is kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::canary::CANARY_KIND;
use crate::candidates::Candidate;
use crate::policy::Trigger;
use crate::row::{By, RowVersion, State, VaultRow};
use crate::run::{RunId, VerdictProof};
use crate::subject::SubjectRow;
use crate::time::EpochSeconds;

mod attributes;
mod cleanup;
mod command;
mod due;
mod held;
mod image;
mod paused;
mod read;
mod scanned;
mod undo;

pub use attributes::{StoredAttribute, StoredValue};
pub use cleanup::{Stolen, cleans_up, decide_cleanup, decide_reborn};
pub use command::{Ending, decide_command, decide_reinstate};
pub use due::{DueFacts, Unread, decide_due, family_end, next_due};
pub use held::{decide_hold, decide_release, decide_uncovered};
pub use image::{ImageVerdict, Transition, decide_image};
pub use paused::{decide_freeze, while_paused};
pub use read::decide_read;
pub use scanned::{RunFacts, Scanned, decide_scanned};
pub use undo::{Undoing, decide_undo};

/// What a write's condition names: the version read, and what the verdict rests on, so that a writer who forgets to
/// step the version does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// The version read.
    pub version: RowVersion,
    /// The state read.
    pub state: State,
    /// The end read.
    pub expires_at: Option<EpochSeconds>,
    /// The last read seen.
    pub last_read_at: Option<EpochSeconds>,
    /// The date of removal read.
    pub purge_at: Option<EpochSeconds>,
    /// Whether a hold stood. Where none did, none may stand when it is written.
    #[serde(default)]
    pub is_held: bool,
}

impl Expected {
    /// What a row looked like when it was read.
    pub fn of(row: &VaultRow) -> Self {
        Self {
            version: row.version,
            state: row.state,
            expires_at: row.expires_at,
            last_read_at: row.last_read_at,
            purge_at: row.purge_at,
            is_held: row.hold.is_some(),
        }
    }

    /// Whether a row still looks like that.
    pub fn matches(&self, row: &VaultRow) -> bool {
        *self == Self::of(row)
    }
}

/// Who decided: the config version, and the run with its fence or the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The config version.
    pub policy: u64,
    /// The run and the fence it holds.
    pub run: Option<(RunId, u64)>,
    /// The person or caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
}

impl Decided {
    /// Lifecycle itself, by the clock.
    pub fn by_timer(policy: u64) -> Self {
        Self { policy, run: None, by: None }
    }

    /// A run under its fence.
    pub fn by_run(policy: u64, run: RunId, fence: u64) -> Self {
        Self { policy, run: Some((run, fence)), by: None }
    }

    /// Somebody who asked for it.
    pub fn by_caller(policy: u64, by: &By) -> Self {
        Self { policy, run: None, by: Some(by.clone()) }
    }
}

/// What comes after a token was taken out of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// It waits: for a verdict run, or for the release of its hold.
    Wait,
    /// It waits for the release of its hold, and then for the approval of that day's commands.
    HeldApproval {
        /// The beginning of the budget day.
        day: EpochSeconds,
    },
    /// It leaves the vault at this moment: it is sentenced by the same write.
    Leave(EpochSeconds),
    /// Lifecycle looks again at this moment: a spent refresh token stays while its family lives.
    LookAgain(EpochSeconds),
    /// Lifecycle looks again then, and it leaves only if the command budget of that day was approved.
    Approval {
        /// The beginning of the budget day.
        day: EpochSeconds,
        /// When it would have left.
        look_at: EpochSeconds,
    },
}

impl Then {
    /// The date of removal that is set.
    pub fn purge_at(self) -> Option<EpochSeconds> {
        match self {
            Self::Leave(at) => Some(at),
            Self::Wait | Self::HeldApproval { .. } | Self::LookAgain(_) | Self::Approval { .. } => None,
        }
    }

    /// When lifecycle looks again.
    pub fn due_at(self) -> Option<EpochSeconds> {
        match self {
            Self::LookAgain(at) | Self::Approval { look_at: at, .. } => Some(at),
            Self::Wait | Self::HeldApproval { .. } | Self::Leave(_) => None,
        }
    }

    /// The budget day that it waits for.
    pub fn waits_for(self) -> Option<EpochSeconds> {
        match self {
            Self::Approval { day, .. } | Self::HeldApproval { day } => Some(day),
            Self::Wait | Self::Leave(_) | Self::LookAgain(_) => None,
        }
    }
}

/// One change of one row. Every change steps the version by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// Out of service; where it leaves at a known moment it is sentenced in the same write.
    Cool {
        /// Why.
        reason: Trigger,
        /// From when on.
        since: EpochSeconds,
        /// What comes after.
        then: Then,
        /// Who decided.
        decided: Decided,
    },
    /// A cooling token gets the date at which it leaves the vault.
    Sentence {
        /// When it leaves.
        purge_at: EpochSeconds,
        /// Who decided.
        decided: Decided,
    },
    /// Back into service.
    Reinstate {
        /// When lifecycle must look at it next.
        due_at: Option<EpochSeconds>,
        /// The read that brought it back, which is stamped too, or the next run would miss the token again.
        read_at: Option<EpochSeconds>,
        /// Who decided.
        decided: Decided,
    },
    /// Back into service, because a person took back what the run did. It is no read of the token.
    Undo {
        /// When lifecycle must look at it next.
        due_at: Option<EpochSeconds>,
        /// From then on it must be missed anew: earlier strikes do not count.
        undone_at: EpochSeconds,
        /// Who ordered it.
        decided: Decided,
    },
    /// A read was seen.
    Stamp {
        /// When it was read.
        last_read_at: EpochSeconds,
    },
    /// Lifecycle looks again at another time, or no more.
    Rearm {
        /// When.
        due_at: Option<EpochSeconds>,
    },
    /// Under legal hold: nothing removes it any more.
    Hold {
        /// The holds that stand now.
        hold: String,
        /// Who decided.
        decided: Decided,
    },
    /// A hold was released.
    Release {
        /// The holds that still stand.
        hold: Option<String>,
        /// When it leaves the vault, decided afresh.
        purge_at: Option<EpochSeconds>,
        /// When lifecycle must look at it next.
        due_at: Option<EpochSeconds>,
        /// When it was released: for a time from then on nothing makes it leave sooner.
        released_at: EpochSeconds,
        /// Who decided.
        decided: Decided,
    },
    /// Somebody else changed the row: its removal is lifted and decided afresh.
    Lift {
        /// When lifecycle must look at it next.
        due_at: EpochSeconds,
    },
}

impl Change {
    /// The row after this change. The fakes write this; the tables' adapters write the same attributes.
    #[must_use]
    pub fn apply(&self, row: &VaultRow) -> VaultRow {
        let mut after = VaultRow { version: row.version.next(), ..row.clone() };
        match self {
            Self::Cool { reason, since, then, decided } => {
                after.state = State::Cooling;
                after.reason = Some(*reason);
                after.cooling_since = Some(*since);
                after.purge_at = then.purge_at();
                after.due_at = then.due_at();
                after.waits_for = then.waits_for();
                after.note_decided(decided);
            }
            Self::Sentence { purge_at, decided } => {
                after.purge_at = Some(*purge_at);
                after.due_at = None;
                after.waits_for = None;
                // Whoever ended it stays on record with the date that follows from that.
                let by = decided.by.clone().or_else(|| row.by.clone());
                after.note_decided(&Decided { by, ..decided.clone() });
            }
            Self::Reinstate { due_at, read_at, decided } => {
                after.last_read_at = read_at.or(row.last_read_at);
                after.put_in_service(*due_at, decided);
            }
            Self::Undo { due_at, undone_at, decided } => {
                after.released_at = Some(*undone_at);
                after.put_in_service(*due_at, decided);
            }
            Self::Hold { hold, decided } => {
                after.hold = Some(hold.clone());
                after.purge_at = None;
                after.due_at = None;
                after.note_decided(decided);
            }
            Self::Release { hold, purge_at, due_at, released_at, decided } => {
                after.released_at = Some(*released_at);
                after.hold.clone_from(hold);
                after.purge_at = *purge_at;
                after.due_at = *due_at;
                after.note_decided(decided);
            }
            Self::Stamp { last_read_at } => after.last_read_at = Some(*last_read_at),
            Self::Rearm { due_at } => after.due_at = *due_at,
            Self::Lift { due_at } => {
                after.purge_at = None;
                after.due_at = Some(*due_at);
            }
        }
        after
    }

    /// The fence that the row must not be past, where a run decided.
    pub fn fence(&self) -> Option<u64> {
        match self {
            Self::Cool { decided, .. }
            | Self::Sentence { decided, .. }
            | Self::Reinstate { decided, .. }
            | Self::Undo { decided, .. }
            | Self::Hold { decided, .. }
            | Self::Release { decided, .. } => decided.run.as_ref().map(|(_, fence)| *fence),
            Self::Stamp { .. } | Self::Rearm { .. } | Self::Lift { .. } => None,
        }
    }
}

impl VaultRow {
    fn put_in_service(&mut self, due_at: Option<EpochSeconds>, decided: &Decided) {
        self.state = State::Active;
        self.reason = None;
        self.cooling_since = None;
        self.purge_at = None;
        self.due_at = due_at;
        self.waits_for = None;
        self.note_decided(decided);
    }

    fn note_decided(&mut self, decided: &Decided) {
        self.policy = Some(decided.policy);
        self.by.clone_from(&decided.by);
        if let Some((run, fence)) = &decided.run {
            self.run = Some(run.clone());
            self.fence = Some(*fence);
        }
    }
}

/// Why a row is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// A legal hold stands.
    OnHold,
    /// Its kind is not in the config.
    UnknownKind,
    /// Its kind is not scanned for.
    NotScanned,
    /// Its id is not of its kind's format, so a scan could not have found it.
    UnknownFormat,
    /// It lies in another shard than its id says, so its marks were counted elsewhere.
    WrongShard,
    /// A store holds it.
    Referenced,
    /// It was created or read too shortly before the scan.
    InGrace,
    /// It has a known end, which TTL carries out.
    KnownEnd,
    /// Its cool-off is not over, or no verdict run decided yet.
    CoolingOff,
    /// It already has a date of removal.
    AlreadySentenced,
    /// It was taken out of service for a reason that a scan does not judge.
    OtherReason,
    /// The policy says to ignore the trigger.
    Ignored,
    /// Nothing is due.
    NotDue,
    /// It is already as the command would make it.
    AlreadyDone,
    /// It was issued after the moment up to which the command reaches.
    IssuedLater,
    /// A spent refresh token was sent again within the leeway: two tabs, no theft.
    Retry,
    /// Its removal waits until a person approves the day's commands.
    WaitsForApproval,
    /// The policy asks for silence too, and it is not known to be unread for long enough.
    NotIdle,
    /// Its tenant is paused, and nothing gets a date of removal.
    Paused,
    /// Another run, or idleness, took it out of service.
    AnotherRun,
    /// The order to undo its run has brought it back before.
    Undone,
}

/// What to do with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Keep(Why),
    /// This.
    Change(Change),
    /// Nothing, but it goes on record and rings: somebody uses what is out of service for good.
    LateUse,
    /// A spent refresh token was used: its family is compromised.
    Reuse,
}

/// Decides over removing a row whose `purge_at` has passed by more than `patience`.
///
/// Guard: what was read or issued again since it was found unused is not removed, also where its writer left the state
/// as it was. A hold on the subject is one on each of its tokens, also while its fan-out is under way.
pub fn decide_removal(
    row: &VaultRow,
    subject: Option<&SubjectRow>,
    patience: Duration,
    now: EpochSeconds,
) -> Result<(), Why> {
    if row.hold.is_some() || subject.is_some_and(|subject| subject.hold.is_some()) {
        return Err(Why::OnHold);
    }
    // Guard: no policy decides over a canary; whoever gave it a date of removal made a mistake.
    if row.kind == CANARY_KIND {
        return Err(Why::UnknownKind);
    }
    // A known end leaves with its end, and not before: who extended it may have forgotten its date of removal.
    if row.state == State::Active && row.expires_at.is_none_or(|end| now < end) {
        return Err(Why::NotDue);
    }
    if row.was_seen_since_cooling() {
        return Err(Why::OtherReason);
    }
    match row.purge_at {
        Some(at) if at.plus(patience) <= now => Ok(()),
        Some(_) | None => Err(Why::NotDue),
    }
}

/// What is carried from run to run about a token that was missed.
fn struck(prior: Option<&Candidate>, scan_started_at: EpochSeconds) -> Candidate {
    match prior {
        None => Candidate { strikes: 1, first_scan_at: scan_started_at },
        Some(prior) => {
            Candidate { strikes: prior.strikes.saturating_add(1), first_scan_at: prior.first_scan_at }
        }
    }
}

/// The write by which a token that a scan condemned is sentenced: it cannot be built without a verdict run's proof.
pub fn sentence(_proof: VerdictProof, purge_at: EpochSeconds, decided: Decided) -> Change {
    Change::Sentence { purge_at, decided }
}

#[cfg(test)]
mod tests;
