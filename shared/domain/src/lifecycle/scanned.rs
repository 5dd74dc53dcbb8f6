//! What a run decides over one row: the join of the vault with the marks.

use super::{Why, next_due, struck};
use crate::candidates::Candidate;
use crate::policy::{Action, KindPolicy, Rule, Trigger};
use crate::read_feed::Silence;
use crate::row::{Phase, VaultRow};
use crate::run::{Purpose, VerdictProof};
use crate::time::EpochSeconds;

/// What a run knows when it decides over a row.
#[derive(Clone, Copy, Debug)]
pub struct RunFacts<'a> {
    /// What the run is for.
    pub purpose: Purpose,
    /// When its scan began.
    pub scan_started_at: EpochSeconds,
    /// Whether a miss is a further strike: not when the run before it was too short a time ago.
    pub counts_strikes: bool,
    /// Present in a sealed verdict run only.
    pub proof: Option<VerdictProof>,
    /// Which silence is idleness, where idleness and the scan decide together.
    pub silence: &'a Silence,
}

/// What follows for one row. When it happens is decided where it is carried out, since a plan may wait for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// Nothing.
    Keep(Why),
    /// It was missed, and its strikes do not suffice yet: no write, only the candidate list.
    Strike(Candidate),
    /// Out of service: missed often enough. It stays on the candidate list until it is.
    Cool {
        /// For being unreferenced, or for being idle as well.
        reason: Trigger,
        /// See above.
        candidate: Candidate,
    },
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
    facts: &RunFacts<'_>,
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
    facts: &RunFacts<'_>,
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
    let (reason, strikes) = match why_it_may_go(row, kind, facts) {
        Ok(why) => why,
        Err(kept) => return Scanned::Keep(kept),
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
    if candidate.strikes < strikes {
        return Scanned::Strike(candidate);
    }
    Scanned::Cool { reason, candidate }
}

/// Why a token that no store holds may go, and how many runs must miss it: for that alone, or because it is idle too.
fn why_it_may_go(row: &VaultRow, kind: &KindPolicy, facts: &RunFacts<'_>) -> Result<(Trigger, u8), Why> {
    let strikes = kind.rule(Trigger::Unreferenced).map(|rule| rule.strikes).ok_or(Why::Ignored)?;
    let acts = |trigger| kind.rule(trigger).is_some_and(|rule| rule.action != Action::Ignore);
    if acts(Trigger::Unreferenced) {
        return Ok((Trigger::Unreferenced, strikes));
    }
    if !kind.idle_waits_for_scan() || !acts(Trigger::Idle) {
        return Err(Why::Ignored);
    }
    if !is_idle(row, kind, facts) {
        return Err(Why::NotIdle);
    }
    Ok((Trigger::Idle, strikes))
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
    let is_over = since.plus(rule.cool_off) <= facts.scan_started_at;
    // Guard: what went for being idle and unreferenced leaves only if it still is both.
    let goes_idle = reason == Trigger::Idle && kind.idle_waits_for_scan();
    if goes_idle && is_over && !(is_idle(row, kind, facts) && is_silent_since(since, rule, facts)) {
        return Scanned::Keep(Why::NotIdle);
    }
    match facts.proof {
        // The verdict's whole scan must lie after the cool-off.
        Some(proof) if since.plus(rule.cool_off) <= proof.scan_started_at() => Scanned::Sentence(proof),
        Some(_) | None => Scanned::Keep(Why::CoolingOff),
    }
}

/// Whether a token is known to be unread for its whole window, up to the scan.
fn is_idle(row: &VaultRow, kind: &KindPolicy, facts: &RunFacts<'_>) -> bool {
    let unread = facts.silence.since(row.last_seen(), facts.scan_started_at);
    kind.idle_window().zip(unread).is_some_and(|(window, unread)| window <= unread.proven_for)
}

/// Whether the read feed was alive through a whole cool-off, in which a read would have brought the token back. The
/// step that the scan began in is not over and cannot be proven yet.
fn is_silent_since(since: EpochSeconds, rule: &Rule, facts: &RunFacts<'_>) -> bool {
    let unread = facts.silence.since(since, facts.scan_started_at);
    unread.is_some_and(|unread| rule.cool_off <= unread.proven_for.saturating_add(unread.step))
}

/// Guard: the age floor. Only a token that existed, unread, for the grace before a scan began can be missed by it. One
/// that a person gave back, from an undone run or a hold, begins anew from there.
fn is_old_enough(row: &VaultRow, scan_started_at: EpochSeconds, kind: &KindPolicy) -> bool {
    let since = row.released_at.map_or(row.last_seen(), |at| at.max(row.last_seen()));
    since < scan_started_at.minus(kind.grace)
}
