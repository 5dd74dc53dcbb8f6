//! What the order to take back a run does to one token.

use super::{Change, Decided, Verdict, Why, next_due};
use crate::policy::{KindPolicy, Trigger};
use crate::row::{By, State, VaultRow};
use crate::run::Run;
use crate::time::EpochSeconds;

/// A run that is taken back.
#[derive(Clone, Copy, Debug)]
pub struct Undoing<'a> {
    /// The run, final.
    pub run: &'a Run,
    /// Up to when its last worker may have written.
    pub written_until: EpochSeconds,
    /// Who ordered it.
    pub by: &'a By,
    /// When.
    pub ordered_at: EpochSeconds,
}

/// Decides over bringing one token back. It is no read: a token that nobody uses must not pass for a witness. The next
/// runs count from here all the same, since nothing older than `released_at` is a strike.
pub fn decide_undo(
    row: &VaultRow,
    undoing: &Undoing<'_>,
    kind: &KindPolicy,
    policy: u64,
    now: EpochSeconds,
) -> Verdict {
    if row.state == State::Active {
        return Verdict::Keep(if undoing.brought_back(row) { Why::Undone } else { Why::AlreadyDone });
    }
    if !row.reason.is_some_and(Trigger::is_revivable) {
        return Verdict::Keep(Why::OtherReason);
    }
    if !undoing.condemned(row, Some(kind)) {
        return Verdict::Keep(Why::AnotherRun);
    }
    let (due_at, decided) = (next_due(row, kind, now), Decided::by_caller(policy, undoing.by));
    Verdict::Change(Change::Undo { due_at, undone_at: now, decided })
}

impl Undoing<'_> {
    /// Whether this order brought a token back: an attempt whose count was lost.
    pub fn brought_back(&self, row: &VaultRow) -> bool {
        let is_since = row.released_at.is_some_and(|at| self.ordered_at <= at);
        is_since && row.state == State::Active && row.by.as_ref() == Some(self.by)
    }

    /// Whether the run took this token out of service or sentenced it. The row names only who wrote it last, and that
    /// may be the verdict run after it; but a tenant has one run at a time, so the moment tells whose a cooling is.
    ///
    /// Idleness is a run's where the policy has idle tokens wait for the scan, and where the run itself wrote last.
    pub fn condemned(&self, row: &VaultRow, kind: Option<&KindPolicy>) -> bool {
        let Some(since) = row.cooling_since else { return false };
        let in_its_time = self.run.scan_started_at <= since && since <= self.written_until;
        let is_last = row.run.as_ref() == Some(&self.run.id);
        let by_a_run = match row.reason {
            Some(Trigger::Unreferenced) => true,
            Some(Trigger::Idle) => kind.is_some_and(KindPolicy::idle_waits_for_scan) || is_last,
            Some(_) | None => false,
        };
        let cooled = by_a_run && in_its_time;
        // What cooled before it and was written by it was sentenced by it.
        let sentenced = is_last && since < self.run.scan_started_at;
        cooled || sentenced
    }
}
