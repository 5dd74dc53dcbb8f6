//! The order to take back a run: a person gives it, reconcile works it off.

use lethe_domain::lifecycle::{Undoing, Verdict, decide_undo};
use lethe_domain::row::{By, State};
use lethe_domain::run::{Purpose, Run, Stage};

use crate::guard::Guard;
use crate::property::Invariant;
use crate::protocol::{POLICY, Protocol};
use crate::row::{Row, at};
use crate::world::{Order, Past, World};

impl Protocol {
    /// Whether reconcile goes on with the order.
    pub(crate) fn may_undo(&self, world: &World, order: &Order) -> bool {
        // Guard: whoever works for a run that was given up has its lease's time to see it.
        let is_left = order.leased_until.is_none_or(|until| until <= world.now || !self.has(Guard::Stopped));
        !order.is_done && order.read.is_none() && is_left
    }

    /// Reconcile finds the order. A run that is under way is given up first; then the row is read and decided over.
    pub(super) fn work_off_undo(&self, world: &mut World) {
        let Some(order) = world.order else { return };
        if !order.is_stopped {
            return self.stop(world, order);
        }
        let is_its = |row: &Row| matches!(self.undone(&order, *row, world.now), Verdict::Change(_));
        match world.row.filter(is_its) {
            Some(row) => world.order = Some(Order { read: Some(row), ..order }),
            None => end(world, &order),
        }
    }

    fn stop(&self, world: &mut World, order: Order) {
        let name = order.run.name;
        if let Some(run) = world.run.filter(|run| run.name == name) {
            let leased_until = world.lease_until;
            self.void(world);
            let run = Past::of(&run, world.now);
            world.order = Some(Order { run, leased_until, is_stopped: true, ..order });
        } else if let Some(run) = world.past.filter(|past| past.name == name) {
            world.order = Some(Order { run, is_stopped: true, ..order });
        }
    }

    fn undone(&self, order: &Order, row: Row, now: u8) -> Verdict {
        let Past { name, scan_started_at, ended_at } = order.run;
        // Guard: only what this run took comes back, which its time and its name tell.
        let (scan_started_at, written_until) = if self.has(Guard::OwnTokens) {
            (scan_started_at, ended_at + self.numbers.lease)
        } else {
            (0, u8::MAX)
        };
        let booked = Run::booked(self.tenant.clone(), name.to_id(), Purpose::Discovery, at(0), at(0));
        let run = Run { stage: Stage::Applied, scan_started_at: at(scan_started_at), ..booked };
        let by = By { actor: "operator".to_owned(), reason_text: None };
        // When it was ordered tells only how a token is counted that is back already.
        let undoing = Undoing { run: &run, written_until: at(written_until), by: &by, ordered_at: at(now) };
        decide_undo(&row.to_vault(&self.template), &undoing, &self.kind, POLICY, at(now))
    }

    /// Reconcile brings the token back, if its row is still as it was read; else it reads again.
    pub(super) fn undo(&self, world: &mut World) {
        let Some((order, read)) = world.order.and_then(|order| Some((order, order.read?))) else { return };
        world.order = Some(Order { read: None, ..order });
        let Some(row) = world.row else { return };
        // Guard: a row that changed since it was read is decided over again.
        if self.has(Guard::UndoCondition) && !self.stands(row, read, None) {
            return;
        }
        // What wrote a cooling row last has sentenced it.
        let is_own = world.cooled_by == Some(order.run.name) || row.run == Some(order.run.name);
        world.broken.note(Invariant::OthersUndone, row.state == State::Cooling && !is_own);
        let verdict = self.undone(&order, read, world.now);
        self.carry_out(world, &row.to_vault(&self.template), &verdict);
        end(world, &order);
    }
}

/// The run that somebody may want back: what is being carried out, or was last.
pub(crate) fn undoable(world: &World) -> Option<Past> {
    let under_way = world.run.filter(|run| run.stage == Stage::Applying);
    under_way.map(|run| Past::of(&run, 0)).or(world.past)
}

pub(super) fn order(world: &mut World) {
    let Some(run) = undoable(world) else { return };
    world.left.n_undos -= 1;
    world.order = Some(Order { run, is_stopped: false, leased_until: None, read: None, is_done: false });
}

/// Only the order's name is left, and nobody asks any more who took what.
fn end(world: &mut World, order: &Order) {
    let run = Past { name: order.run.name, scan_started_at: 0, ended_at: 0 };
    world.order = Some(Order { run, is_stopped: true, leased_until: None, read: None, is_done: true });
    world.past = None;
    world.cooled_by = None;
}
