//! A tenant's first purge. What nobody deleted for years would all leave at once, and a fault in the config would take
//! all of it along: so it leaves in slices, what was unused longest first. What stands here is the record of it; what a
//! plan may take is decided from it.

use std::collections::BinaryHeap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::GateRails;
use crate::run::{PlanTally, Purpose, Run, RunId};
use crate::time::EpochSeconds;
use crate::token::{TenantId, TokenId, token_digest};

/// The record of a tenant's first purge. Every write of it is conditional on `revision`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backlog {
    /// Whose.
    pub tenant: TenantId,
    /// One more with every write; zero while nothing is stored.
    pub revision: u64,
    /// The approval that the slices go by.
    pub approved: Option<BacklogApproval>,
    /// The slices that were let through, oldest first.
    pub slices: Vec<Slice>,
    /// Why it stands still since its last approval, if it does.
    pub stopped: Option<String>,
    /// When nothing was left to put off. From then on the tenant's runs are everyday life.
    pub finished_at: Option<EpochSeconds>,
}

/// The yes to a whole backlog: given to one plan, and by it to the slices that follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BacklogApproval {
    /// The run whose plan was approved.
    pub run: RunId,
    /// That plan's hash.
    pub plan_hash: String,
    /// Who approved it (principal ARNs).
    pub by: Vec<String>,
    /// When the run went on.
    pub at: EpochSeconds,
    /// How many tokens the backlog had then, that plan's slice included.
    pub n_tokens: u64,
}

/// What one run was let take out of service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// The run.
    pub run: RunId,
    /// When it was let through.
    pub at: EpochSeconds,
    /// How many tokens its plan cools.
    pub n_tokens: u64,
    /// Whether it was carried out to its end.
    #[serde(default)]
    pub is_done: bool,
}

impl Backlog {
    /// The record of a tenant that never purged anything.
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant, revision: 0, approved: None, slices: Vec::new(), stopped: None, finished_at: None }
    }

    /// How many tokens a run may take out of service now; `None` once the backlog is gone. The first slice is the cohort,
    /// on which a fault shows while it is small; then a slice a day.
    pub fn room(
        &self,
        run: &RunId,
        n_active: u64,
        rails: &GateRails,
        (day, now): (Duration, EpochSeconds),
    ) -> Option<u64> {
        if self.finished_at.is_some() {
            return None;
        }
        let others = || self.slices.iter().filter(|slice| slice.run != *run);
        // A run that was let through and then void has shown nothing.
        let has_cohort = others().any(|slice| slice.is_done);
        let percent = if has_cohort { rails.slice_percent } else { rails.cohort_percent };
        let taken = others().filter(|slice| now < slice.at.plus(day)).map(|slice| slice.n_tokens);
        let taken = taken.fold(0_u64, u64::saturating_add);
        Some(slice_size(n_active, percent, rails).saturating_sub(taken))
    }

    /// Whether the approval on record also covers that run `run` finds `n_tokens` that are left, of which `spare` would
    /// need no person at all.
    ///
    /// Guard: an approval covers what the backlog was when it was given, and nothing that came later.
    pub fn covers(&self, run: &RunId, n_tokens: u64, spare: u64) -> bool {
        let Some(approved) = self.approved.as_ref().filter(|_| self.stopped.is_none()) else { return false };
        // What a run left that was let through and then void is still among the tokens that are found.
        let is_taken = |slice: &&Slice| slice.is_done && slice.run != *run && approved.at <= slice.at;
        let since = self.slices.iter().filter(is_taken);
        let taken = since.fold(0_u64, |sum, slice| sum.saturating_add(slice.n_tokens));
        taken.saturating_add(n_tokens) <= approved.n_tokens.saturating_add(spare)
    }

    /// This record after a run was let through, by these persons where it waited for any. The same run twice is one slice.
    #[must_use]
    pub fn with_slice(&self, run: &Run, by: Vec<String>, now: EpochSeconds) -> Self {
        let mut next = self.clone();
        let is_known = next.slices.iter().any(|slice| slice.run == run.id);
        if self.finished_at.is_some() || is_known || run.tally.n_cool == 0 {
            return next;
        }
        let n_tokens = run.tally.n_cool;
        next.slices.push(Slice { run: run.id.clone(), at: now, n_tokens, is_done: false });
        if !by.is_empty() && run.tally.n_deferred > 0 {
            let n_tokens = run.tally.n_cool.saturating_add(run.tally.n_deferred);
            let plan_hash = run.plan_hash.clone().unwrap_or_default();
            next.approved = Some(BacklogApproval { run: run.id.clone(), plan_hash, by, at: now, n_tokens });
            next.stopped = None;
        }
        next
    }

    /// This record after a run was carried out: finished when it put nothing off, either took something or found nothing
    /// left, and what is still to be missed again is no backlog: it fits into a slice.
    #[must_use]
    pub fn after(&self, run: &Run, rails: &GateRails, now: EpochSeconds) -> Self {
        let mut next = self.clone();
        next.slices.iter_mut().filter(|slice| slice.run == run.id).for_each(|slice| slice.is_done = true);
        let PlanTally { n_active, n_cool, n_deferred, n_struck, n_not_idle, .. } = run.tally;
        let is_empty = match n_cool {
            // A verdict run may not cool, and where it goes on from no other run it knows of no candidate either.
            0 if run.purpose == Purpose::Verdict => false,
            0 => n_struck == 0 && n_not_idle == 0 && !self.slices.is_empty(),
            _ => n_struck.saturating_add(n_not_idle) <= slice_size(n_active, rails.slice_percent, rails),
        };
        if n_deferred == 0 && is_empty {
            next.finished_at = self.finished_at.or(Some(now));
        }
        next
    }

    /// This record standing still: the slices go on only after a new approval. What was never approved goes by none.
    #[must_use]
    pub fn stopped(&self, why: &str) -> Self {
        if self.finished_at.is_some() || self.approved.is_none() || self.stopped.is_some() {
            return self.clone();
        }
        Self { stopped: Some(why.to_owned()), ..self.clone() }
    }
}

/// In how many days so many tokens are gone, a slice a day.
pub fn days_to_finish(n_deferred: u64, n_active: u64, rails: &GateRails) -> u64 {
    n_deferred.div_ceil(slice_size(n_active, rails.slice_percent, rails).max(1))
}

fn slice_size(n_active: u64, percent: u8, rails: &GateRails) -> u64 {
    n_active.saturating_mul(u64::from(percent)).div_euclid(100).max(rails.slice_floor)
}

/// Whose turn comes first: who was unused longest, and by the token's digest among those of the same second, which says
/// nothing about the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Turn {
    /// When somebody was last known to have the token.
    pub last_seen: EpochSeconds,
    /// The leading bits of its digest.
    pub digest: u64,
}

impl Turn {
    /// The turn of a token that was last seen then.
    pub fn of(token: &TokenId, last_seen: EpochSeconds) -> Self {
        let digest = token_digest(token.expose().as_bytes());
        let leading = digest.first_chunk().copied().unwrap_or_default();
        Self { last_seen, digest: u64::from_be_bytes(leading) }
    }
}

/// Finds where a slice ends, in the memory of the slice.
#[derive(Debug)]
pub struct Cut {
    room: usize,
    n_offered: u64,
    /// The first turns, one more than there is room for.
    first: BinaryHeap<Turn>,
}

impl Cut {
    /// A slice for so many tokens.
    pub fn new(room: u64) -> Self {
        Self { room: usize::try_from(room).unwrap_or(usize::MAX), n_offered: 0, first: BinaryHeap::new() }
    }

    /// A token that wants its turn.
    pub fn offer(&mut self, turn: Turn) {
        self.n_offered = self.n_offered.saturating_add(1);
        self.first.push(turn);
        if self.room.saturating_add(1) < self.first.len() {
            self.first.pop();
        }
    }

    /// The turn before which the slice ends, and how many tokens are in it; `None` where all have room.
    pub fn end(&self) -> Option<(Turn, u64)> {
        // Guard: never more than there is room for, also where several have the same turn.
        let end = *self.first.peek().filter(|_| self.room < self.first.len())?;
        let n_before = self.first.iter().filter(|turn| **turn < end).count();
        Some((end, u64::try_from(n_before).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests;
