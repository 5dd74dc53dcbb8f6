//! The tenant, its readers, its issuer, and the person who holds. The rule of the house: a reference is out of both
//! stores for less than `in_flight_max`, a new one is stored within the grace after its issue, and a reference moves
//! once in a look, or is read when it moves again.

use lethe_domain::lifecycle::{
    Ending, Verdict, decide_command, decide_hold, decide_read, decide_release, while_paused,
};
use lethe_domain::policy::Trigger;
use lethe_domain::row::State;

use crate::action::Action;
use crate::guard::Guard;
use crate::property::Invariant;
use crate::protocol::{POLICY, Protocol};
use crate::row::{HOLD, Row, at};
use crate::world::{Reference, Store, World};

impl Protocol {
    /// The read's message lands: it stamps the row, or brings it back.
    pub(super) fn deliver(&self, world: &mut World) {
        world.is_read_in_flight = false;
        world.is_read_owed = false;
        let Some(row) = world.row else { return };
        world.last_use = Some(world.now);
        // Guard: the read barrier.
        if !self.has(Guard::ReadBarrier) {
            return;
        }
        let row = row.to_vault(&self.template);
        let verdict = decide_read(&row, at(world.now), &self.by, &self.kind, POLICY);
        self.carry_out(world, &row, &verdict);
    }

    pub(super) fn read_forgetfully(&self, world: &mut World) {
        let Some(row) = world.row else { return };
        world.left.n_forgetful_reads -= 1;
        world.last_use = Some(world.now);
        self.store_row(world, Row { last_read_at: Some(world.now), ..row });
    }

    /// Handing out an id again is an issue: it touches the row that is there and brings it back.
    pub(super) fn issue(&self, world: &mut World) {
        world.left.n_issues -= 1;
        let issued = Row::issued(world.now);
        let next = match world.row {
            None => issued,
            Some(row) => Row {
                version: row.version + 1,
                run: row.run,
                fence: row.fence,
                is_held: row.is_held,
                last_read_at: row.last_read_at,
                ..issued
            },
        };
        world.is_revived |= world.row.is_some_and(|row| row.state == State::Cooling);
        world.reference = Reference::Issued { at: world.now };
        world.last_use = Some(world.now);
        world.verdict_scan = None;
        self.store_row(world, next);
    }

    pub(super) fn hold(&self, world: &mut World) {
        let Some(row) = world.row else { return };
        world.left.n_holds -= 1;
        let row = row.to_vault(&self.template);
        let verdict = decide_hold(&row, HOLD, &self.by, POLICY);
        self.carry_out(world, &row, &verdict);
    }

    /// What ends for good is out of service at once, and has its date.
    pub(super) fn revoke(&self, world: &mut World) {
        let Some(row) = world.row else { return };
        world.left.n_revocations -= 1;
        let row = row.to_vault(&self.template);
        let ending = Ending {
            trigger: Trigger::Revoked,
            at: at(world.now),
            issued_until: None,
            erase_now: false,
            over_budget: None,
            by: &self.by,
        };
        let verdict = decide_command(&row, &ending, &self.kind, POLICY, at(world.now));
        let is_paused = self.pauses(world.switch).is_paused();
        self.carry_out(world, &row, &if is_paused { while_paused(verdict) } else { verdict });
    }

    pub(super) fn release(&self, world: &mut World) {
        let Some(row) = world.row else { return };
        let row = row.to_vault(&self.template);
        let notice = std::time::Duration::from_secs(u64::from(self.notice()));
        let verdict = decide_release(&row, (HOLD, &self.by), (&self.kind, notice), POLICY, at(world.now));
        if let Verdict::Change(change) = &verdict {
            let after = change.apply(&row);
            // What no verdict run sentenced gets no date by a release.
            world
                .broken
                .note(Invariant::StaleVerdict, after.purge_at.is_some() && world.verdict_scan.is_none());
        }
        self.carry_out(world, &row, &verdict);
    }
}

pub(super) fn start_move(world: &mut World, action: Action) {
    let Reference::In(store) = world.reference else { return };
    world.left.n_moves -= 1;
    if world.is_too_fast() {
        world.left.n_reads -= 1;
        world.is_read_in_flight = true;
    }
    if action == Action::Copy {
        touch(world, store.other());
        world.reference = Reference::CopiedFrom(store);
    } else {
        touch(world, store);
        world.reference = Reference::InHand;
    }
    note_move(world);
}

pub(super) fn delete_copied(world: &mut World) {
    let Reference::CopiedFrom(store) = world.reference else { return };
    touch(world, store);
    world.reference = Reference::In(store.other());
    note_move(world);
}

pub(super) fn land(world: &mut World, store: Store) {
    touch(world, store);
    if world.reference == Reference::InHand {
        note_move(world);
    }
    world.reference = Reference::In(store);
}

pub(super) fn drop_reference(world: &mut World) {
    let Reference::In(store) = world.reference else { return };
    world.left.n_drops -= 1;
    touch(world, store);
    world.reference = Reference::Nowhere;
}

pub(super) fn read(world: &mut World) {
    world.left.n_reads -= 1;
    world.is_read_in_flight = true;
}

/// The store is not any more as the run listed it.
fn touch(world: &mut World, store: Store) {
    if world.run.is_some_and(|run| run.is_looking()) {
        world.look_mut(store).is_changed = true;
    }
}

fn note_move(world: &mut World) {
    world.has_moved_in_look |= world.run.is_some_and(|run| run.is_looking());
}
