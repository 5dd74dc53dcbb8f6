//! What a run decides over one row: the join of the vault with the marks.

use super::{Why, next_due, struck};
use crate::candidates::Candidate;
use crate::policy::{Action, KindPolicy, Trigger};
use crate::row::{Phase, VaultRow};
use crate::run::{Purpose, VerdictProof};
use crate::time::EpochSeconds;

/// What a run knows when it decides over a row.
#[derive(Clone, Copy, Debug)]
pub struct RunFacts {
    /// What the run is for.
    pub purpose: Purpose,
    /// When its scan began.
    pub scan_started_at: EpochSeconds,
    /// Whether a miss is a further strike: not when the run before it was too short a time ago.
    pub counts_strikes: bool,
    /// Present in a sealed verdict run only.
    pub proof: Option<VerdictProof>,
}

/// What follows for one row. When it happens is decided where it is carried out, since a plan may wait for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// Nothing.
    Keep(Why),
    /// It was missed, and its strikes do not suffice yet: no write, only the candidate list.
    Strike(Candidate),
    /// Out of service: missed often enough. It stays on the candidate list until it is.
    Cool(Candidate),
    /// It gets its date of removal.
    Sentence(VerdictProof),
    /// Back into service; `due_at` is when lifecycle must look at it next.
    Reinstate {
        /// See above.
        due_at: Option<EpochSeconds>,
    },
}

/// Decides over one row of a scanned kind. `found` is how often stores hold the token.
pub fn decide_scanned(
    row: &VaultRow,
    found: u64,
    prior: Option<&Candidate>,
    kind: &KindPolicy,
    facts: &RunFacts,
) -> Scanned {
    if row.hold.is_some() {
        return Scanned::Keep(Why::OnHold);
    }
    match row.phase() {
        Phase::Active => decide_active(row, found, prior, kind, facts),
        Phase::Cooling | Phase::Sentenced => decide_cooling(row, found, kind, facts),
    }
}

fn decide_active(
    row: &VaultRow,
    found: u64,
    prior: Option<&Candidate>,
    kind: &KindPolicy,
    facts: &RunFacts,
) -> Scanned {
    if found > 0 {
        return Scanned::Keep(Why::Referenced);
    }
    if row.purge_at.is_some() {
        return Scanned::Keep(Why::KnownEnd);
    }
    if !is_old_enough(row, facts.scan_started_at, kind) {
        return Scanned::Keep(Why::InGrace);
    }
    let Some(rule) = kind.rule(Trigger::Unreferenced).filter(|rule| rule.action != Action::Ignore) else {
        return Scanned::Keep(Why::Ignored);
    };
    // A strike of an earlier run counts only if the token was already old enough for that run.
    let prior = prior.filter(|prior| is_old_enough(row, prior.first_scan_at, kind));
    let may_strike = match facts.purpose {
        Purpose::Discovery | Purpose::Confirm => facts.counts_strikes || prior.is_none(),
        // A verdict run looks at what is cooling; its misses are no strikes.
        Purpose::Verdict => false,
    };
    if !may_strike {
        return prior.map_or(Scanned::Keep(Why::NotDue), |prior| Scanned::Strike(*prior));
    }
    let candidate = struck(prior, facts.scan_started_at);
    if candidate.strikes < rule.strikes { Scanned::Strike(candidate) } else { Scanned::Cool(candidate) }
}

fn decide_cooling(row: &VaultRow, found: u64, kind: &KindPolicy, facts: &RunFacts) -> Scanned {
    let Some((reason, since)) = row.reason.filter(|reason| reason.is_revivable()).zip(row.cooling_since)
    else {
        return Scanned::Keep(Why::OtherReason);
    };
    if found > 0 || row.was_seen_since_cooling() {
        return Scanned::Reinstate { due_at: next_due(row, kind, facts.scan_started_at) };
    }
    if row.phase() == Phase::Sentenced {
        return Scanned::Keep(Why::AlreadySentenced);
    }
    let Some(rule) = kind.rule(reason).filter(|rule| rule.action != Action::Ignore) else {
        return Scanned::Keep(Why::Ignored);
    };
    match facts.proof {
        // The verdict's whole scan must lie after the cool-off.
        Some(proof) if since.plus(rule.cool_off) <= proof.scan_started_at() => Scanned::Sentence(proof),
        Some(_) | None => Scanned::Keep(Why::CoolingOff),
    }
}

/// Guard: the age floor. Only a token that existed, unread, for the grace before a scan began can be missed by it. One
/// that a person gave back, from an undone run or a hold, begins anew from there.
fn is_old_enough(row: &VaultRow, scan_started_at: EpochSeconds, kind: &KindPolicy) -> bool {
    let since = row.released_at.map_or(row.last_seen(), |at| at.max(row.last_seen()));
    since < scan_started_at.minus(kind.grace)
}
