//! Sweep: the plan from the row as it is and the marks as they were, and its writes by workers who remember only that.

use lethe_domain::campaign::follow_up;
use lethe_domain::candidates::Candidate;
use lethe_domain::lifecycle::{Change, Expected, RunFacts, Scanned, Then, Why, decide_scanned};
use lethe_domain::plan::Verb;
use lethe_domain::read_feed::Silence;
use lethe_domain::row::VaultRow;
use lethe_domain::run::{Purpose, Run, Stage};

use crate::guard::Guard;
use crate::property::Invariant;
use crate::protocol::Protocol;
use crate::row::{Row, at, tick};
use crate::run::{RunRow, Tally};
use crate::world::{Carried, Deed, Look, Planned, Store, Work, Worker, World};

impl Protocol {
    /// Joins the row with the marks. The gate is open: what it would hold back only comes later.
    pub(super) fn plan(&self, world: &mut World) {
        let Some(row_of_run) = world.run else { return };
        let run = row_of_run.to_run(&self.tenant);
        let is_missing = Store::ALL.into_iter().any(|store| world.look(store).is_failed);
        world.broken.note(Invariant::MissingIsEmpty, is_missing);
        let (planned, tally) = match world.row {
            None => (None, Tally::default()),
            Some(row) => self.join(world, row, &run),
        };
        world.carried.scan_started_at = Some(row_of_run.scan_started_at);
        world.looks = [Look::default(); 2];
        world.has_moved_in_look = false;
        world.planned = planned;
        world.is_woken = false;
        let next = RunRow { tally, ..row_of_run };
        if planned.is_some() {
            world.run = Some(next.at_stage(Stage::Applying, world.now));
        } else {
            self.finish(world, next);
        }
    }

    fn join(&self, world: &mut World, row: Row, run: &Run) -> (Option<Planned>, Tally) {
        let n_found = Store::ALL.into_iter().filter(|store| world.look(*store).is_found).count() as u64;
        let Carried { scan_started_at: previous, candidate } = world.carried;
        let prior = candidate.map(|(strikes, first)| Candidate { strikes, first_scan_at: at(first) });
        let spacing = self.numbers.run_spacing;
        let facts = RunFacts {
            purpose: run.purpose,
            scan_started_at: run.scan_started_at,
            counts_strikes: previous.is_none_or(|previous| at(previous + spacing) <= run.scan_started_at),
            proof: run.verdict_proof(),
            silence: &Silence::Unknown,
        };
        let scanned = decide_scanned(&self.seen(row), n_found, prior.as_ref(), &self.kind, &facts);
        world.carried.candidate = match &scanned {
            Scanned::Strike(kept) | Scanned::Cool { candidate: kept, .. } => {
                Some((kept.strikes, tick(kept.first_scan_at)))
            }
            Scanned::Keep(_) | Scanned::Sentence(_) | Scanned::Reinstate { .. } => None,
        };
        let mut tally = Tally { is_struck: matches!(scanned, Scanned::Strike(_)), ..Tally::default() };
        if scanned == Scanned::Keep(Why::CoolingOff) {
            tally.verdict_from = row.cooling_since.map(|since| since + self.cool_off());
        }
        let deed = match scanned {
            Scanned::Keep(_) | Scanned::Strike(_) => None,
            Scanned::Cool { .. } => Some(Deed::Cool),
            Scanned::Sentence(_) => Some(Deed::Sentence),
            Scanned::Reinstate { .. } => Some(Deed::Reinstate),
        };
        (deed.map(|deed| Planned { deed, expected: row }), tally)
    }

    /// The row as the rules see it; without the guard, no hold is looked at.
    pub(super) fn seen(&self, row: Row) -> VaultRow {
        Row { is_held: row.is_held && self.has(Guard::Hold), ..row }.to_vault(&self.template)
    }

    /// Whoever takes the lease ousts the one who had it.
    pub(super) fn take_lease(&self, world: &mut World, worker: Worker) {
        let (Some(run), Some(planned)) = (world.run, world.planned) else { return };
        for other in world.workers.iter_mut().flatten() {
            other.is_ousted |= other.run.ordinal == run.ordinal;
        }
        world.fence += 1;
        world.lease_until = Some(world.now + self.numbers.lease);
        *world.worker_mut(worker) = Some(Work { run, planned, fence: world.fence, is_ousted: false });
    }

    /// A worker writes what is in its memory, under the conditions of the write.
    pub(super) fn write(&self, world: &mut World, worker: Worker) {
        let Some(work) = world.worker_mut(worker).take() else { return };
        let Work { run: row_of_run, planned, fence, is_ousted } = work;
        let run = row_of_run.to_run(&self.tenant);
        // Guard: what ends in removal is written only while the lease is provably ours.
        if planned.deed == Deed::Sentence && is_ousted && self.has(Guard::Lease) {
            return;
        }
        let is_written = match (world.row, self.change(&run, planned.deed, fence, world.now)) {
            (Some(row), Some(change)) => {
                let stands = self.stands(row, planned.expected, change.fence());
                if stands {
                    self.judge(world, row, &work);
                    let before = row.to_vault(&self.template);
                    self.store_row(world, Row::of_vault(&change.apply(&before)));
                }
                stands
            }
            (None, _) | (_, None) => false,
        };
        let is_current =
            world.run.is_some_and(|run| run.ordinal == row_of_run.ordinal && run.stage == Stage::Applying);
        if let Some(run) = world.run.filter(|_| is_current && !is_ousted) {
            let is_cooled = is_written && planned.deed == Deed::Cool;
            self.finish(world, RunRow { tally: Tally { is_cooled, ..run.tally }, ..run });
        }
    }

    fn change(&self, run: &Run, deed: Deed, fence: u64, now: u8) -> Option<Change> {
        let verb = match deed {
            Deed::Cool => Verb::Cool,
            Deed::Sentence => Verb::Sentence,
            Deed::Reinstate => Verb::Reinstate { due_at: None },
        };
        let notice = std::time::Duration::from_secs(u64::from(self.notice()));
        let change = verb.change((run, fence), notice, at(now))?;
        // Guard: a timer alone deletes nothing that a scan condemned.
        if let Change::Cool { reason, since, decided, .. } = &change
            && !self.has(Guard::VerdictRun)
        {
            let then = Then::Leave(at(now + self.cool_off() + self.notice()));
            return Some(Change::Cool { reason: *reason, since: *since, then, decided: decided.clone() });
        }
        Some(change)
    }

    /// The condition of a write, less what is switched off.
    pub(super) fn stands(&self, row: Row, read: Row, fence: Option<u64>) -> bool {
        let row = row.to_vault(&self.template);
        let mut expected = Expected::of(&read.to_vault(&self.template));
        if !self.has(Guard::Version) {
            expected.version = row.version;
        }
        if !self.has(Guard::ExpectedFields) {
            expected = Expected { version: expected.version, ..Expected::of(&row) };
        }
        if !self.has(Guard::Hold) {
            expected.is_held = row.hold.is_some();
        }
        let is_fenced = row.fence.zip(fence).is_some_and(|(row, mine)| mine < row);
        expected.matches(&row) && !is_fenced
    }

    /// Holds a write that is about to be made to the invariants.
    fn judge(&self, world: &mut World, row: Row, work: &Work) {
        let Work { run, planned, is_ousted, .. } = work;
        let numbers = self.numbers;
        let was_used_since = |tick: u8| world.last_use.is_some_and(|used| tick <= used);
        match planned.deed {
            Deed::Cool => {
                let is_young = run.scan_started_at <= row.created_at + numbers.grace
                    || was_used_since(run.scan_started_at - numbers.grace);
                world.broken.note(Invariant::AgeFloor, is_young);
                let n_misses = self.scene.budget.n_misses - world.left.n_misses;
                // A read that is on its way brings the token back.
                let is_live =
                    world.reference.is_live() && !world.is_read_in_flight && n_misses < self.scene.strikes;
                world.broken.note(Invariant::LiveDemotion, is_live);
            }
            Deed::Sentence => {
                let cooled_off = row.cooling_since.unwrap_or(0) + self.cool_off_owed();
                let is_stale = *is_ousted
                    || run.purpose != Purpose::Verdict
                    || run.scan_started_at < cooled_off
                    || was_used_since(run.scan_started_at);
                world.broken.note(Invariant::StaleVerdict, is_stale);
                world.broken.note(Invariant::HoldBroken, row.is_held);
                world.verdict_scan = Some(run.scan_started_at);
                world.is_read_owed = world.is_read_in_flight;
            }
            Deed::Reinstate => world.is_revived = true,
        }
    }

    /// Closes the run and books what follows.
    fn finish(&self, world: &mut World, run: RunRow) {
        let next = follow_up(&run.to_run(&self.tenant), self.campaign_pace(), at(world.now));
        world.run = next.map(|next| RunRow::of(&next));
        world.planned = None;
        world.lease_until = None;
        world.is_woken = false;
    }
}
