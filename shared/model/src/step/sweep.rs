//! Sweep: the plan from the row as it is and the marks as they were, and its writes by workers who remember only that.

use lethe_domain::campaign::follow_up;
use lethe_domain::candidates::Candidate;
use lethe_domain::lifecycle::{Change, Expected, RunFacts, Scanned, Then, Why, decide_scanned};
use lethe_domain::plan::Verb;
use lethe_domain::read_feed::Silence;
use lethe_domain::row::VaultRow;
use lethe_domain::run::{Purpose, Run, Stage};

use crate::guard::Guard;
use crate::plan::{Deed, Planned};
use crate::property::Invariant;
use crate::protocol::Protocol;
use crate::row::{Row, at, tick};
use crate::run::{RunRow, Tally};
use crate::world::{Carried, Look, Past, Store, Work, Worker, World};

impl Protocol {
    /// Joins the row with the marks, and closes the gate: the plan has its hash from here on, and waits for a person where
    /// the rails ask for one.
    pub(super) fn plan(&self, world: &mut World) {
        let Some(row_of_run) = world.run else { return };
        let run = row_of_run.to_run(&self.tenant);
        let is_missing = Store::ALL.into_iter().any(|store| world.look(store).is_failed);
        world.broken.note(Invariant::MissingIsEmpty, is_missing);
        let (deed, candidate, tally) = match world.row {
            None => (None, world.carried.candidate, Tally::default()),
            Some(row) => self.join(world, row, &run),
        };
        let leaves = Carried { scan_started_at: Some(row_of_run.scan_started_at), candidate };
        let was_paused = self.pauses(world.switch).is_paused();
        let planned =
            deed.zip(world.row).map(|(deed, expected)| Planned { deed, expected, leaves, was_paused });
        world.looks = [Look::default(); 2];
        world.has_moved_in_look = false;
        world.planned = planned;
        world.is_woken = false;
        let plan_hash = planned.map(|planned| planned.hash(row_of_run.name));
        let next = RunRow { tally, planned_at: world.now, plan_hash, ..row_of_run };
        let Some(planned) = planned else { return self.finish(world, next, leaves) };
        let is_asked = self.scene.asks_a_person && planned.deed.condemns();
        let stage = if is_asked { Stage::Gated } else { Stage::Applying };
        world.run = Some(next.at_stage(stage, world.now));
    }

    /// What follows for the token, and the candidate that it stays or becomes: strikes, and when the scan of the first began.
    fn join(&self, world: &World, row: Row, run: &Run) -> (Option<Deed>, Option<(u8, u8)>, Tally) {
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
        let mut seen = self.seen(row);
        // Guard: what was given back is missed anew.
        if !self.has(Guard::MissedAnew) {
            seen.released_at = None;
        }
        let scanned = decide_scanned(&seen, n_found, prior.as_ref(), &self.kind, &facts);
        let candidate = match &scanned {
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
        (deed, candidate, tally)
    }

    /// The row as the rules see it; without the guard, no hold is looked at.
    pub(super) fn seen(&self, row: Row) -> VaultRow {
        Row { is_held: row.is_held && self.has(Guard::Hold), ..row }.to_vault(&self.template)
    }

    /// Whoever takes the lease ousts the one who had it.
    pub(super) fn take_lease(&self, world: &mut World, worker: Worker) {
        let (Some(run), Some(planned)) = (world.run, world.planned) else { return };
        // Guard: what is carried out is exactly what got its hash at the gate.
        if self.has(Guard::PlanHash) && run.plan_hash != Some(planned.hash(run.name)) {
            return self.void(world);
        }
        for other in world.workers.iter_mut().flatten() {
            other.is_ousted |= other.run.name == run.name;
        }
        world.fence += 1;
        world.lease_until = Some(world.now + self.numbers.lease);
        let remembered = (!self.has(Guard::KillSwitch)).then_some(world.switch);
        *world.worker_mut(worker) =
            Some(Work { run, planned, fence: world.fence, is_ousted: false, remembered });
    }

    /// A worker writes what is in its memory, under the conditions of the write.
    pub(super) fn write(&self, world: &mut World, worker: Worker) {
        let Some(work) = world.worker_mut(worker).take() else { return };
        let Work { run: row_of_run, planned, fence, is_ousted, .. } = work;
        let run = row_of_run.to_run(&self.tenant);
        // Guard: what ends in removal is written only while the lease is provably ours.
        if planned.deed == Deed::Sentence && is_ousted && self.has(Guard::Lease) {
            return;
        }
        let is_current =
            world.run.is_some_and(|run| run.name == row_of_run.name && run.stage == Stage::Applying);
        if planned.deed.condemns() && self.is_held_back(world, &work) {
            if is_current && !is_ousted {
                self.cut_short(world, planned.leaves);
            }
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
        if let Some(run) = world.run.filter(|_| is_current && !is_ousted) {
            let is_cooled = is_written && planned.deed == Deed::Cool;
            self.finish(world, RunRow { tally: Tally { is_cooled, ..run.tally }, ..run }, planned.leaves);
        }
    }

    /// Whether a pause stands in the way of a batch. It is read and the batch written in one step: a pause is one batch
    /// late at most, and whoever pauses counts from the end of that.
    fn is_held_back(&self, world: &World, work: &Work) -> bool {
        // Guard: the kill switch is read before each batch, and never remembered.
        let mut pauses = self.pauses(work.remembered.unwrap_or(world.switch));
        // Guard: a plan from before a pause is not carried out after it.
        if !self.has(Guard::PlanFromBefore) {
            pauses.ended_at = None;
        }
        pauses.came_after(at(work.run.planned_at))
    }

    /// The end of a run of which a pause held something back.
    fn cut_short(&self, world: &mut World, leaves: Carried) {
        // Guard: it is not made up for from a plan that grows old, and not forgotten either: the run is taken again.
        if self.has(Guard::CutShort) {
            world.is_cut_short = true;
            self.void(world);
        } else if let Some(run) = world.run {
            self.finish(world, run, leaves);
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
        // Guard: the second lock, where a writer forgets the version.
        let is_fenced = row.fence.zip(fence).is_some_and(|(row, mine)| mine < row);
        expected.matches(&row) && !(is_fenced && self.has(Guard::Fence))
    }

    /// Holds a write that is about to be made to the invariants.
    fn judge(&self, world: &mut World, row: Row, work: &Work) {
        let Work { run, planned, is_ousted, .. } = work;
        let is_older = row.fence.is_some_and(|later| work.fence < later);
        world.broken.note(Invariant::Overwritten, is_older);
        world.broken.note(Invariant::PauseBroken, planned.deed.condemns() && planned.was_paused);
        let is_approved = || world.approved.contains(&planned.hash(run.name));
        let is_unapproved = self.scene.asks_a_person && planned.deed.condemns() && !is_approved();
        world.broken.note(Invariant::Unapproved, is_unapproved);
        let is_undone = world.order.is_some_and(|order| order.is_done && order.run.name == run.name);
        world.broken.note(Invariant::UndoneAgain, planned.deed.condemns() && is_undone);
        let is_asked = world.order.map_or(0 < world.left.n_undos, |order| !order.is_done);
        if planned.deed == Deed::Cool && is_asked {
            world.cooled_by = Some(run.name);
        }
        let numbers = self.numbers;
        let was_used_since = |tick: u8| world.last_use.is_some_and(|used| tick <= used);
        match planned.deed {
            Deed::Cool => {
                let since = row.created_at.max(row.released_at.unwrap_or(0));
                let is_young = run.scan_started_at <= since + numbers.grace
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
    fn finish(&self, world: &mut World, run: RunRow, leaves: Carried) {
        world.carried = leaves;
        let may_be_asked = 0 < world.left.n_undos || world.order.is_some_and(|order| !order.is_stopped);
        if world.planned.is_some_and(|planned| planned.deed.condemns()) && may_be_asked {
            world.past = Some(Past::of(&run, world.now));
        }
        let next = follow_up(&run.to_run(&self.tenant), self.campaign_pace(), at(world.now));
        world.run = next.map(|next| RunRow::of(&next));
        world.planned = None;
        world.lease_until = None;
        world.is_woken = false;
    }
}
