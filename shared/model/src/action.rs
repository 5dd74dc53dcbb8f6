//! What may happen next.

use lethe_domain::run::Stage;

use crate::guard::Guard;
use crate::protocol::Protocol;
use crate::scene::{Pace, Remover};
use crate::step::{person, undo};
use crate::world::{Archived, Leaving, Reference, Store, Worker, World};

/// A step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Time passes.
    Tick,

    /// The tenant deletes its reference in one store, to write it to another.
    Take,
    /// It copies its reference into the other store.
    Copy,
    /// It deletes what it copied.
    DeleteCopied,
    /// It writes what it has in hand, or was just issued.
    Land(Store),
    /// It deletes its last reference.
    Drop,
    /// Somebody reads the token.
    Read,
    /// Somebody notes a read in the row and forgets to step its version.
    ReadForgetfully,
    /// The issuer hands the id out again.
    Issue,
    /// A person puts a legal hold on the token.
    Hold,
    /// A person releases it.
    Release,
    /// A person, or an alarm, pauses the tenant.
    Pause,
    /// A person ends the pause.
    Resume,
    /// A person looks at the plan that waits.
    LookAtPlan,
    /// The person says yes to it.
    Approve,
    /// Somebody revokes the token.
    Revoke,
    /// A person orders that a run is undone.
    OrderUndo,

    /// The read's message comes to intake.
    Deliver,
    /// Survey ticks.
    Survey,
    /// Scan reads a store.
    Scan(Store),
    /// Scan gives a store up that cannot be read.
    GiveUp(Store),
    /// Scan reads a store and misses what is there.
    Miss(Store),
    /// Sweep plans, and the gate is closed.
    Plan,
    /// Sweep takes the lease of the shard.
    TakeLease(Worker),
    /// Sweep writes what its plan says.
    Write(Worker),
    /// React works off the stream.
    React,
    /// Expire looks at what is due.
    Expire,
    /// TTL removes the row.
    Ttl,
    /// Reconcile reads an overdue row and decides to remove it.
    FindOverdue,
    /// Reconcile removes it.
    Remove,
    /// Reconcile finds the order, gives its run up, or reads the row and decides to bring the token back.
    WorkOffUndo,
    /// Reconcile brings it back.
    Undo,
    /// Reconcile wakes a run that stands still.
    Wake,
    /// Archive puts the object.
    PutObject,
    /// Archive acknowledges the record.
    Acknowledge,
    /// The version's lock is over, and it is deleted.
    Purge,

    /// The queue loses the message about a store.
    LoseUnit(Store),
    /// The queue loses the message about the shard.
    LoseWake,
    /// Somebody alters the plan where it is stored.
    AlterPlan,
    /// A sweeper dies.
    Crash(Worker),
    /// The archiver dies.
    CrashArchiver,
}

/// How long a pause stands, where everybody is prompt.
const LONGEST_PAUSE: u8 = 2;

impl Protocol {
    /// What everybody but Lethe may do now.
    pub(crate) fn others_actions(&self, world: &World, actions: &mut Vec<Action>) {
        let left = world.left;
        let may_move = !world.is_too_fast() || (left.n_reads > 0 && !world.is_read_in_flight);
        match world.reference {
            Reference::In(_) => {
                if left.n_moves > 0 && may_move {
                    actions.extend([Action::Take, Action::Copy]);
                }
                if left.n_drops > 0 {
                    actions.push(Action::Drop);
                }
            }
            Reference::CopiedFrom(_) => actions.push(Action::DeleteCopied),
            Reference::InHand | Reference::Issued { .. } => {
                actions.extend([Action::Land(Store::A), Action::Land(Store::B)]);
            }
            Reference::Nowhere if left.n_issues > 0 => actions.push(Action::Issue),
            Reference::Nowhere => {}
        }
        let mut offer = |may: bool, action| actions.extend(may.then_some(action));
        let is_read_due = self.scene.read_every.is_some();
        offer(
            left.n_reads > 0
                && !world.is_read_in_flight
                && world.row.is_some()
                && (is_read_due || !world.reference.is_live()),
            Action::Read,
        );
        offer(left.n_forgetful_reads > 0 && world.row.is_some(), Action::ReadForgetfully);
        let is_held = world.row.is_some_and(|row| row.is_held);
        offer(left.n_holds > 0 && world.row.is_some() && !is_held, Action::Hold);
        offer(is_held, Action::Release);
        let is_paused = world.switch.since.is_some();
        offer(left.n_pauses > 0 && !is_paused, Action::Pause);
        offer(is_paused, Action::Resume);
        let waiting = world.run.filter(|run| run.stage == Stage::Gated);
        let is_news = waiting.is_some_and(|run| run.plan_hash != world.looked_at);
        offer(left.n_approvals > 0 && is_news, Action::LookAtPlan);
        offer(left.n_approvals > 0 && world.looked_at.is_some(), Action::Approve);
        offer(left.n_revocations > 0 && world.row.is_some(), Action::Revoke);
        offer(left.n_undos > 0 && undo::undoable(world).is_some(), Action::OrderUndo);
    }

    /// What Lethe, or the service that works for it, may do now.
    pub(crate) fn lethes_actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.runs_actions(world, actions);
        let now = world.now;
        let mut offer = |may: bool, action| actions.extend(may.then_some(action));
        offer(world.is_read_in_flight, Action::Deliver);
        offer(world.lifting.is_some(), Action::React);
        let is_due = world.row.is_some_and(|row| row.due_at.is_some_and(|due| due <= now));
        // It reads the kill switch before each page.
        offer(is_due && !self.pauses(world.switch).is_paused(), Action::Expire);
        let is_overdue = world.row.is_some_and(|row| row.purge_at.is_some_and(|at| at <= now));
        match self.scene.remover {
            Remover::Ttl => offer(is_overdue, Action::Ttl),
            Remover::Reconcile => {
                offer(
                    is_overdue && world.removing.is_none() && self.finds_overdue(world),
                    Action::FindOverdue,
                );
                offer(world.removing.is_some(), Action::Remove);
            }
        }
        if let Some(order) = &world.order {
            offer(self.may_undo(world, order), Action::WorkOffUndo);
            offer(order.read.is_some(), Action::Undo);
        }
        match world.leaving {
            None => {}
            Some(Leaving::InStream) if self.archives_first() => actions.push(Action::PutObject),
            Some(Leaving::InStream | Leaving::Stored) => actions.push(Action::Acknowledge),
            Some(Leaving::Acknowledged) => actions.push(Action::PutObject),
        }
        if let Archived::Locked { until, .. } = world.archived
            && until <= now
            && world.leaving.is_none()
        {
            actions.push(Action::Purge);
        }
    }

    fn runs_actions(&self, world: &World, actions: &mut Vec<Action>) {
        for worker in Worker::ALL {
            if world.worker(worker).is_some() {
                actions.push(Action::Write(worker));
            }
        }
        if self.is_tick_useful(world) {
            actions.push(Action::Survey);
        }
        let Some(run) = world.run else { return };
        match run.stage {
            Stage::Surveying | Stage::Scanning => {
                let ready = |store: &Store| world.look(*store).must_read && world.look(*store).is_sent;
                actions.extend(Store::ALL.into_iter().filter(ready).map(Action::Scan));
            }
            Stage::Planning if world.is_woken => actions.push(Action::Plan),
            Stage::Applying if world.is_woken && self.is_lease_free(world) => {
                let n_sweepers = if self.scene.has_second_sweeper { 2 } else { 1 };
                let all = Worker::ALL.into_iter().take(n_sweepers);
                // The first idle one: they are alike, and two orders of the same would be counted twice.
                let idle = all.into_iter().find(|worker| world.worker(*worker).is_none());
                actions.extend(idle.map(Action::TakeLease));
            }
            Stage::Planning
            | Stage::Applying
            | Stage::Booked
            | Stage::Draining
            | Stage::Gated
            | Stage::Applied
            | Stage::Reported
            | Stage::Void => {}
        }
        if self.stands_still(world, run) {
            actions.push(Action::Wake);
        }
    }

    fn is_lease_free(&self, world: &World) -> bool {
        // Guard: a lease ends.
        world.lease_until.is_none_or(|until| self.has(Guard::LeaseEnds) && until <= world.now)
    }

    /// Whether time may pass: not while something is in hand or in flight that has to land first.
    pub(crate) fn may_tick(&self, world: &World, is_lethe_busy: bool) -> bool {
        let is_issued_long_ago =
            matches!(world.reference, Reference::Issued { at } if at + self.numbers.grace <= world.now);
        let is_read_due = self.scene.read_every.is_some_and(|every| {
            world.left.n_reads > 0 && world.row.is_some() && world.last_use.unwrap_or(0) + every <= world.now
        });
        let is_resume_due = self.scene.pace == Pace::Prompt
            && world.switch.since.is_some_and(|since| since + LONGEST_PAUSE <= world.now);
        // Where a run may be undone, a worker lives no longer than its lease, which is a tick.
        let may_undo = self.scene.budget.n_undos > 0;
        let is_lease_at_its_end = may_undo && world.workers.iter().any(Option::is_some);
        let must_react = self.scene.remover == Remover::Ttl && world.lifting.is_some();
        world.now < self.scene.horizon
            && world.reference != Reference::InHand
            && !world.is_read_in_flight
            && !is_issued_long_ago
            && !is_read_due
            && !is_resume_due
            && !is_lease_at_its_end
            && !must_react
            && (self.scene.pace == Pace::Slow || !is_lethe_busy)
    }
}

/// What may go wrong now.
pub(crate) fn faults(world: &World, actions: &mut Vec<Action>) {
    let left = world.left;
    let is_reading = world.run.is_some_and(|run| matches!(run.stage, Stage::Surveying | Stage::Scanning));
    for store in Store::ALL {
        let look = world.look(store);
        if !is_reading || !look.must_read || !look.is_sent {
            continue;
        }
        let mut offer = |may: bool, action| actions.extend(may.then_some(action));
        offer(left.n_failures > 0, Action::GiveUp(store));
        offer(left.n_misses > 0 && world.reference.is_in(store), Action::Miss(store));
        offer(left.n_losses > 0, Action::LoseUnit(store));
    }
    if left.n_losses > 0 && world.is_woken {
        actions.push(Action::LoseWake);
    }
    if left.n_alterations > 0 && person::altered(world).is_some() {
        actions.push(Action::AlterPlan);
    }
    if left.n_crashes > 0 {
        let busy = Worker::ALL.into_iter().filter(|worker| world.worker(*worker).is_some());
        actions.extend(busy.map(Action::Crash));
        if matches!(world.leaving, Some(Leaving::Stored | Leaving::Acknowledged)) {
            actions.push(Action::CrashArchiver);
        }
    }
}
