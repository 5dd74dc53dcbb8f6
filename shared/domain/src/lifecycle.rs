//! The decisions over one row. Each is a pure function of the row, the policy and the time; what is unknown is kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::candidates::Candidate;
use crate::policy::{Action, KindPolicy, Trigger};
use crate::row::{Phase, RowVersion, State, VaultRow};
use crate::run::{RunId, VerdictProof};
use crate::time::EpochSeconds;

mod attributes;
mod due;
mod image;
mod scanned;

pub use attributes::{StoredAttribute, StoredValue};
pub use due::{decide_due, next_due};
pub use image::{ImageVerdict, Transition, decide_image};
pub use scanned::{RunFacts, Scanned, decide_scanned};

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
        }
    }

    /// Whether a row still looks like that.
    pub fn matches(&self, row: &VaultRow) -> bool {
        *self == Self::of(row)
    }
}

/// Who decided: the config version, and for a run its id and fence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The config version.
    pub policy: u64,
    /// The run and the fence it holds.
    pub run: Option<(RunId, u64)>,
}

/// One change of one row. Every change steps the version by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// Out of service; with `purge_at` it is sentenced in the same write.
    Cool {
        /// Why.
        reason: Trigger,
        /// From when on.
        since: EpochSeconds,
        /// When it leaves the vault, where that is already decided.
        purge_at: Option<EpochSeconds>,
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
            Self::Cool { reason, since, purge_at, decided } => {
                after.state = State::Cooling;
                after.reason = Some(*reason);
                after.cooling_since = Some(*since);
                after.purge_at = *purge_at;
                after.due_at = None;
                after.note_decided(decided);
            }
            Self::Sentence { purge_at, decided } => {
                after.purge_at = Some(*purge_at);
                after.due_at = None;
                after.note_decided(decided);
            }
            Self::Reinstate { due_at, read_at, decided } => {
                after.last_read_at = read_at.or(row.last_read_at);
                after.state = State::Active;
                after.reason = None;
                after.cooling_since = None;
                after.purge_at = None;
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
            Self::Cool { decided, .. } | Self::Sentence { decided, .. } | Self::Reinstate { decided, .. } => {
                decided.run.as_ref().map(|(_, fence)| *fence)
            }
            Self::Stamp { .. } | Self::Rearm { .. } | Self::Lift { .. } => None,
        }
    }
}

impl VaultRow {
    fn note_decided(&mut self, decided: &Decided) {
        self.policy = Some(decided.policy);
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
}

/// What to do with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Keep(Why),
    /// This.
    Change(Change),
}

/// Decides over a command or notice about one token.
pub fn decide_command(
    row: &VaultRow,
    trigger: Trigger,
    kind: &KindPolicy,
    policy: u64,
    now: EpochSeconds,
) -> Verdict {
    if row.hold.is_some() {
        return Verdict::Keep(Why::OnHold);
    }
    let Some(rule) = kind.rule(trigger) else { return Verdict::Keep(Why::Ignored) };
    if rule.action == Action::Ignore {
        return Verdict::Keep(Why::Ignored);
    }
    // A final reason already holds; a found-unused one gives way, because it could still be revived.
    if row.state == State::Cooling && row.reason.is_some_and(|reason| !reason.is_revivable()) {
        return Verdict::Keep(Why::AlreadyDone);
    }
    Verdict::Change(end_by_trigger(trigger, rule.cool_off, policy, now))
}

/// Decides over a read: coalesced to the kind's granularity, never moving back, reviving where the reason allows.
pub fn decide_read(row: &VaultRow, at: EpochSeconds, kind: &KindPolicy, policy: u64) -> Verdict {
    match row.phase() {
        Phase::Active => {
            let known = row.last_read_at.unwrap_or(EpochSeconds(i64::MIN));
            if at.minus(kind.read_granularity) <= known {
                return Verdict::Keep(Why::AlreadyDone);
            }
            Verdict::Change(Change::Stamp { last_read_at: at })
        }
        Phase::Cooling | Phase::Sentenced => {
            if !row.reason.is_some_and(Trigger::is_revivable) {
                return Verdict::Keep(Why::OtherReason);
            }
            // Any read that was not known counts, also one from before the token was taken out of service whose
            // message came late: had it come in time, the token would have been kept.
            if at <= row.last_seen() {
                return Verdict::Keep(Why::AlreadyDone);
            }
            let due_at = next_due(row, kind, at);
            let decided = Decided { policy, run: None };
            Verdict::Change(Change::Reinstate { due_at, read_at: Some(at), decided })
        }
    }
}

/// Decides over removing a row whose `purge_at` has passed by more than `patience`.
///
/// Guard: what was read or issued again since it was found unused is not removed, also where its writer left the state
/// as it was.
pub fn decide_removal(row: &VaultRow, patience: Duration, now: EpochSeconds) -> Result<(), Why> {
    if row.hold.is_some() {
        return Err(Why::OnHold);
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

/// The one write by which a trigger other than a scan ends a token: out of service and sentenced at once.
fn end_by_trigger(reason: Trigger, cool_off: Duration, policy: u64, now: EpochSeconds) -> Change {
    Change::Cool {
        reason,
        since: now,
        purge_at: Some(now.plus(cool_off)),
        decided: Decided { policy, run: None },
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
