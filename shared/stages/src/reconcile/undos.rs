//! Orders to take back a run: a piece at a time, each saved before the next, so that a worker that dies loses no more
//! than a count that is found again.

use std::cell::Cell;

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::lifecycle::{Undoing, decide_undo};
use lethe_domain::policy::KindPolicy;
use lethe_domain::row::{RowRead, VaultRow};
use lethe_domain::run::{Run, Stage};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_domain::undo::{Undo, UndoPosition, UndoTally};

use super::{Reconcile, ReconcileReport};
use crate::deeds::{Deeds, Done};
use crate::error::{Retry, StageError};
use crate::invocation::Invocation;
use crate::pinned::Pinned;
use crate::ports::{Archive, AuditLog, Control, Queue, RunRef, Vault, WorkStore};
use crate::runs::Runs;
use crate::settings::PARALLEL_CALLS;
use crate::undo::{Found, Next, Written, concerns, kept, written_until};

/// How many of a tenant's latest orders a tick looks at.
const UNDOS_SEEN: u32 = 40;

/// And how many of its runs.
const RUNS_SEEN: u32 = 40;

/// Why a run that is taken back is void.
const UNDONE: &str = "a person ordered it to be undone";

/// An order in hand.
struct InHand<'a, C, A, V> {
    deeds: Deeds<'a, C, A, V>,
    undoing: Undoing<'a>,
}

impl<C, A, W, V, R, Q> Reconcile<'_, C, A, W, V, R, Q>
where
    C: Control,
    A: AuditLog,
    W: WorkStore,
    V: Vault,
    R: Archive,
    Q: Queue,
{
    /// Works off a tenant's orders, also while it is paused: what an order does brings back, and nothing else.
    pub(super) async fn work_off_undos(
        &self,
        tenant: &TenantId,
        pinned: &Pinned,
        invocation: Invocation<'_>,
        report: &mut ReconcileReport,
    ) -> Result<(), StageError> {
        for undo in self.control.undos(tenant, UNDOS_SEEN).await? {
            if undo.done_at.is_some() || (invocation.should_pause)() {
                continue;
            }
            let run_ref = RunRef { tenant: tenant.clone(), id: undo.run.clone() };
            let Some(run) = self.control.run(&run_ref).await? else { continue };
            if self.has_stopped(&run, invocation.now).await? {
                let before = undo.tally.n_reinstated;
                let undo = self.work_off_undo(undo, &run, pinned, invocation).await?;
                let n_undone = undo.tally.n_reinstated.saturating_sub(before);
                report.n_undone = report.n_undone.saturating_add(n_undone);
            }
        }
        Ok(())
    }

    /// Whether nobody writes for the run any more. One that is under way is given up first, and its workers have their
    /// leases' time to see it.
    async fn has_stopped(&self, run: &Run, now: EpochSeconds) -> Result<bool, StageError> {
        if run.stage == Stage::Applied {
            return Ok(true);
        }
        if !run.stage.is_final() {
            let runs = Runs { control: self.control, audit: self.audit, settings: self.settings };
            runs.give_up(run, UNDONE, now).await?;
            return Ok(false);
        }
        if run.plan_hash.is_some() {
            self.give_up_what_follows(run, now).await?;
        }
        Ok(self.control.leases(&RunRef::from(run)).await?.iter().all(|lease| lease.until <= now))
    }

    /// Gives up the run that a void one was booked again as, by a pause before the undo: it would go on with the rest of
    /// what nobody wants.
    async fn give_up_what_follows(&self, run: &Run, now: EpochSeconds) -> Result<(), StageError> {
        let runs = Runs { control: self.control, audit: self.audit, settings: self.settings };
        for other in self.control.runs(&run.tenant, RUNS_SEEN).await? {
            let is_same_look = other.purpose == run.purpose && other.look == run.look;
            let is_later = other.id.slot == run.id.slot && run.id.ordinal < other.id.ordinal;
            if other.stage == Stage::Booked && is_later && is_same_look {
                runs.give_up(&other, UNDONE, now).await?;
            }
        }
        Ok(())
    }

    /// Goes on with an order until it is done, the deadline is near or another worker has it.
    async fn work_off_undo(
        &self,
        mut undo: Undo,
        run: &Run,
        pinned: &Pinned,
        Invocation { now, should_pause, .. }: Invocation<'_>,
    ) -> Result<Undo, StageError> {
        let (by, ordered_at) = (undo.by.clone(), undo.ordered_at);
        let written_until = written_until(run, &self.settings.limits);
        let undoing = Undoing { run, written_until, by: &by, ordered_at };
        let (control, audit, vault, settings) = (self.control, self.audit, self.vault, self.settings);
        let (tenant, is_noted) = (&run.tenant, Cell::default());
        let deeds = Deeds { control, audit, vault, settings, pinned, tenant, now, is_noted };
        let in_hand = InHand { deeds, undoing };
        let mut written = Written::new((self.work, self.vault), run, pinned);
        while undo.done_at.is_none() && !should_pause() {
            match written.at(&undo.position).await? {
                Next::PlanIsGone => undo = undo.walking(),
                Next::Piece(piece) => {
                    let tally = in_hand.bring_back(piece.found, &undo.position).await?;
                    undo.tally = undo.tally.plus(tally);
                    match piece.next {
                        Some(next) => undo.position = next,
                        None => undo.done_at = Some(now),
                    }
                }
            }
            if !self.control.update_undo(&undo).await? {
                return Ok(undo);
            }
            undo.revision = undo.revision.saturating_add(1);
        }
        Ok(undo)
    }
}

impl<C: Control, A: AuditLog, V: Vault> InHand<'_, C, A, V> {
    /// Brings back one piece, each token by a conditional write.
    async fn bring_back(&self, found: Vec<Found>, position: &UndoPosition) -> Result<UndoTally, StageError> {
        let concerned = found.into_iter().filter(|(_, read)| match read {
            Some(RowRead::Token(row)) => concerns(position, row, &self.undoing, self.deeds.pinned),
            Some(RowRead::Subject | RowRead::Unreadable(_)) | None => true,
        });
        stream::iter(concerned)
            .map(|found| self.bring_back_one(found))
            .buffer_unordered(PARALLEL_CALLS)
            .try_fold(UndoTally::default(), async |sum, one| Ok(sum.plus(one)))
            .await
    }

    async fn bring_back_one(&self, (key, read): Found) -> Result<UndoTally, StageError> {
        let (policy, now) = (self.deeds.pinned.version, self.deeds.now);
        let decide = |row: &VaultRow, kind: &KindPolicy| decide_undo(row, &self.undoing, kind, policy, now);
        let unreadable = UndoTally { n_unreadable: 1, ..UndoTally::default() };
        Ok(match self.deeds.settle(&key, read, &decide).await {
            Ok(Done::Changed(_)) => UndoTally { n_reinstated: 1, ..UndoTally::default() },
            Ok(Done::Kept(why)) => kept(why),
            Ok(Done::Unknown) => UndoTally { n_gone: 1, ..UndoTally::default() },
            Ok(Done::LateUse(_) | Done::Reuse(_) | Done::Unreadable | Done::ReportMode) => unreadable,
            // One row that the service refuses for good does not hold up the others.
            Err(error) if error.retry() == Retry::Never => unreadable,
            Err(error) => return Err(error),
        })
    }
}
