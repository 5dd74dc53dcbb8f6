//! The vault: conditional writes, the stream that follows them, and who removes.

use std::time::Duration;

use lethe_domain::lifecycle::{Change, DueFacts, Verdict, decide_due, decide_image, decide_removal};
use lethe_domain::row::{State, VaultRow};

use crate::guard::Guard;
use crate::property::Invariant;
use crate::protocol::{POLICY, Protocol};
use crate::row::{Row, at};
use crate::world::{Archived, Leaving, World};

impl Protocol {
    /// Writes a row. The stream brings both images to react.
    pub(super) fn store_row(&self, world: &mut World, row: Row) {
        let is_same = |old: Row| old.created_at == row.created_at && row.state == State::Active;
        let is_back = world.row.is_some_and(|old| is_ended(old) && is_same(old));
        world.broken.note(Invariant::Resurrected, is_back);
        let old = world.row.map(|old| old.to_vault(&self.template));
        let image = decide_image(old.as_ref(), &row.to_vault(&self.template), at(world.now));
        if image.lift.is_some() {
            world.lifting = Some(row);
        }
        world.row = Some(row);
    }

    /// Writes what was just decided over this row: who decides and writes at once needs no condition.
    pub(super) fn carry_out(&self, world: &mut World, row: &VaultRow, verdict: &Verdict) {
        let Verdict::Change(change) = verdict else { return };
        let after = change.apply(row);
        let is_back = row.state == State::Cooling && after.state == State::Active;
        world.is_revived |= is_back;
        if after.purge_at.is_none() && !matches!(change, Change::Hold { .. }) {
            world.verdict_scan = None;
        }
        self.store_row(world, Row::of_vault(&after));
    }

    /// React lifts the date that it saw in an image, if the row is still as it was there.
    pub(super) fn react(&self, world: &mut World) {
        let (Some(image), Some(row)) = (world.lifting.take(), world.row) else { return };
        // Guard: what was read without coming back is lifted.
        if self.has(Guard::Lift) && self.stands(row, image, None) {
            let change = Change::Lift { due_at: at(world.now) };
            self.carry_out(world, &row.to_vault(&self.template), &Verdict::Change(change));
        }
    }

    pub(super) fn expire(&self, world: &mut World) {
        let Some(row) = world.row else { return };
        let row = row.to_vault(&self.template);
        let verdict = decide_due(&row, DueFacts::default(), &self.kind, POLICY, at(world.now));
        self.carry_out(world, &row, &verdict);
    }

    /// Whether reconcile, having read the row, decides to remove it.
    pub(crate) fn finds_overdue(&self, world: &World) -> bool {
        // Guard: reconcile removes what is overdue.
        let Some(row) = world.row.filter(|_| self.has(Guard::Overdue)) else { return false };
        let mut row = self.seen(row);
        // Guard: what was read since it cooled is not removed.
        if !self.has(Guard::SeenSinceCooling) {
            row.cooling_since = None;
        }
        decide_removal(&row, None, Duration::ZERO, at(world.now)).is_ok()
    }

    /// Reconcile removes the row, if it is still as it was when that was decided.
    pub(super) fn remove(&self, world: &mut World) {
        let (Some(read), Some(row)) = (world.removing.take(), world.row) else { return };
        // Guard: a removal names what was read.
        if !self.has(Guard::RemovalCondition) || self.stands(row, read, None) {
            self.leave(world);
        }
    }

    /// The row leaves the vault, whoever removed it.
    pub(super) fn leave(&self, world: &mut World) {
        let Some(row) = world.row.take() else { return };
        // What reached the vault in this very moment may have come after.
        let was_used = |since: u8| world.last_use.is_some_and(|used| since <= used && used < world.now);
        let is_read_regularly = self.scene.read_every.is_some() && world.left.n_reads > 0;
        let is_live = world.reference.is_live()
            || world.is_read_owed
            || is_read_regularly
            || world.verdict_scan.is_none_or(was_used);
        // What was revoked is no more anybody's to use.
        world.broken.note(Invariant::LiveLoss, is_live && !is_ended(row));
        world.broken.note(Invariant::HoldBroken, row.is_held);
        world.leaving = Some(Leaving::InStream);
        world.archived = Archived::Never;
        world.verdict_scan = None;
    }
}

/// Whether a token is out of service for good.
fn is_ended(row: Row) -> bool {
    row.reason.is_some_and(|reason| !reason.is_revivable())
}
