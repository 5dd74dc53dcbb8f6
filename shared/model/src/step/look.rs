//! The run's look at the sources: listing, reading, looking again until nothing was different, waiting in between for
//! what is in flight.

use std::collections::BTreeMap;
use std::time::Duration;

use lethe_domain::barrier::{RoundEnd, judge_round};
use lethe_domain::cadence::Cadence;
use lethe_domain::campaign::{Step, decide_tick};
use lethe_domain::run::{Purpose, Run, Stage};
use lethe_domain::source::UnitStats;
use lethe_domain::window::Opening;

use crate::guard::Guard;
use crate::protocol::Protocol;
use crate::row::{at, tick};
use crate::run::{RunName, RunRow};
use crate::world::{Look, Reference, Store, World};

impl Protocol {
    /// Whether a tick of survey would find something to do.
    pub(crate) fn is_tick_useful(&self, world: &World) -> bool {
        self.decide(world) != Step::Wait
    }

    fn decide(&self, world: &World) -> Step {
        let mut runs =
            vec![world.run.map_or_else(|| self.last_of(world.slot), |run| run.to_run(&self.tenant))];
        let cadence = Cadence::Every(Duration::from_secs(u64::from(self.scene.cadence)));
        let pauses = self.pauses(world.switch);
        if pauses.is_paused() {
            runs.retain(Run::goes_on_while_paused);
        }
        let step = decide_tick(&runs, (&cadence, Opening::ALWAYS), at(world.now));
        let is_idle = match &step {
            // One campaign follows the other; nor is any booked under a pause.
            Step::Book(_) => world.run.is_some() || pauses.is_paused() || has_just_ended(world),
            Step::CheckApproval(run) => !pauses.came_after(run.planned_at) && !self.is_approved(world, run),
            Step::Wait
            | Step::Open(_)
            | Step::Survey(_)
            | Step::LookAgain(_)
            | Step::Resume(_)
            | Step::Dispatch(_) => false,
        };
        if is_idle { Step::Wait } else { step }
    }

    /// A run of the last campaign, when all of that is over.
    fn last_of(&self, slot: u8) -> Run {
        let id = RunName { slot, ordinal: 1 }.to_id();
        let booked = Run::booked(self.tenant.clone(), id, Purpose::Discovery, at(slot), at(slot));
        booked.at(Stage::Applied, at(slot))
    }

    /// A tick of survey takes steps until nothing is due; listing one store, or sending, is where others come between.
    pub(super) fn survey(&self, world: &mut World) {
        let now = world.now;
        loop {
            let step = self.decide(world);
            let Some(run) = world.run else {
                let Step::Book(id) = step else { return };
                world.slot = tick(id.slot);
                let booked = Run::booked(self.tenant.clone(), id, Purpose::Discovery, at(now), at(now));
                world.run = Some(RunRow::of(&booked));
                continue;
            };
            match step {
                Step::Open(_) => {
                    world.fence += 1;
                    world.looks = [Look::default(); 2];
                    world.has_moved_in_look =
                        matches!(world.reference, Reference::InHand | Reference::CopiedFrom(_));
                    world.run = Some(RunRow { scan_started_at: now, ..run.at_stage(Stage::Surveying, now) });
                }
                Step::Survey(_) => return self.list_next(world, run),
                Step::LookAgain(_) => self.end_drain(world, run),
                Step::Dispatch(_) => {
                    world.run = Some(RunRow { is_dispatched: true, ..run });
                    world.is_woken = true;
                    return;
                }
                // What was seen before a pause decides nothing after it.
                Step::CheckApproval(seen) if self.pauses(world.switch).came_after(seen.planned_at) => {
                    world.is_cut_short = true;
                    self.void(world);
                }
                Step::CheckApproval(_) => world.run = Some(run.at_stage(Stage::Applying, now)),
                Step::Wait | Step::Book(_) | Step::Resume(_) => return,
            }
        }
    }

    fn list_next(&self, world: &mut World, run: RunRow) {
        if let Some(store) = Store::ALL.into_iter().find(|store| !world.look(*store).is_listed) {
            let look = world.look_mut(store);
            let must_read = run.round == 0 || look.is_changed;
            *look = Look { is_listed: true, must_read, is_sent: must_read, is_changed: false, ..*look };
        }
        if Store::ALL.into_iter().all(|store| world.look(store).is_listed) {
            world.run = Some(run.at_stage(Stage::Scanning, world.now));
            self.end_round_if_read(world);
        }
    }

    /// Reads a store as it is now.
    pub(super) fn scan(&self, world: &mut World, store: Store, sees: bool) {
        let Some(run) = world.run else { return };
        let is_there = world.reference.is_in(store);
        world.left.n_misses -= u8::from(!sees);
        let look = world.look_mut(store);
        let met_changes = run.met_changes || look.is_changed;
        let is_found = look.is_found || (sees && is_there);
        *look = Look { must_read: false, is_sent: false, is_found, ..*look };
        world.run = Some(RunRow { met_changes, ..run });
        self.end_round_if_read(world);
    }

    /// A store that cannot be read is not an empty one.
    pub(super) fn give_up(&self, world: &mut World, store: Store) {
        world.left.n_failures -= 1;
        // Guard: completeness.
        if self.has(Guard::Completeness) {
            self.void(world);
            return;
        }
        let look = world.look_mut(store);
        *look = Look { must_read: false, is_sent: false, is_failed: true, ..*look };
        self.end_round_if_read(world);
    }

    fn end_round_if_read(&self, world: &mut World) {
        let Some(run) = world.run.filter(|run| run.stage == Stage::Scanning) else { return };
        if Store::ALL.into_iter().any(|store| world.look(store).must_read) {
            return;
        }
        match round_end(run) {
            RoundEnd::Settled => world.run = Some(run.at_stage(Stage::Planning, world.now)),
            RoundEnd::Void(_) => self.void(world),
            RoundEnd::Again => {
                // Guard: the drain. It comes before the look, so that what was in flight is there to be seen.
                let wait = if self.has(Guard::Drain) { self.numbers.in_flight_max } else { 0 };
                let draining = run.at_stage(Stage::Draining, world.now);
                world.run = Some(RunRow { resume_at: Some(world.now + wait), ..draining });
            }
        }
    }

    fn end_drain(&self, world: &mut World, run: RunRow) {
        // Guard: the barrier.
        if self.has(Guard::Barrier) {
            look_again(world, run);
        } else {
            world.run = Some(run.at_stage(Stage::Planning, world.now));
        }
    }

    /// Nothing follows from the run, and it is booked again.
    pub(super) fn void(&self, world: &mut World) {
        let Some(run) = world.run.take() else { return };
        world.looks = [Look::default(); 2];
        world.has_moved_in_look = false;
        world.planned = None;
        world.lease_until = None;
        world.is_woken = false;
        // Guard: a void run is booked again.
        if self.has(Guard::BookedAgain) {
            let resume_at = at(world.now + self.numbers.run_spacing);
            let id = RunName { ordinal: run.name.ordinal + 1, ..run.name }.to_id();
            let again = Run::booked(self.tenant.clone(), id, run.purpose, resume_at, at(world.now));
            world.run = Some(RunRow { look: run.look, ..RunRow::of(&again) });
        }
    }

    /// Whether the run waits for a message that is not in a queue any more.
    pub(crate) fn stands_still(&self, world: &World, run: RunRow) -> bool {
        // Guard: what was lost is sent again.
        if !self.has(Guard::Resend) || world.now < run.progressed_at + self.numbers.stuck_after {
            return false;
        }
        let is_lost = |store| world.look(store).must_read && !world.look(store).is_sent;
        match run.stage {
            Stage::Scanning => Store::ALL.into_iter().any(is_lost),
            Stage::Planning | Stage::Applying => run.is_dispatched && !world.is_woken,
            Stage::Booked
            | Stage::Surveying
            | Stage::Draining
            | Stage::Gated
            | Stage::Applied
            | Stage::Reported
            | Stage::Void => false,
        }
    }
}

/// Whether what an undo takes for the time of the last run is not over: until then its last worker may write. Listing,
/// reading and the drain are longer than a lease, so that no run takes a token in that time that opens after it.
fn has_just_ended(world: &World) -> bool {
    world.past.is_some_and(|past| world.now <= past.ended_at)
}

/// Reconcile sends again what is missing.
pub(super) fn wake(world: &mut World) {
    let Some(run) = world.run else { return };
    world.run = Some(RunRow { progressed_at: world.now, ..run });
    if run.stage == Stage::Scanning {
        for store in Store::ALL {
            let look = world.look_mut(store);
            look.is_sent = look.must_read;
        }
        return;
    }
    world.is_woken = true;
}

/// What the shipped rule says of a round. Both stores are strong.
fn round_end(run: RunRow) -> RoundEnd {
    let stats = UnitStats { n_changed: u64::from(run.met_changes), ..UnitStats::default() };
    judge_round(u32::from(run.round), &BTreeMap::from([("a store".to_owned(), stats)]), &[])
}

fn look_again(world: &mut World, run: RunRow) {
    for store in Store::ALL {
        world.look_mut(store).is_listed = false;
    }
    let next = RunRow { round: run.round + 1, met_changes: false, ..run };
    world.run = Some(next.at_stage(Stage::Surveying, world.now));
}
