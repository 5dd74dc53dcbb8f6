//! What each action does. One file for each of those who act.

mod archive;
mod look;
pub(crate) mod person;
mod sweep;
mod tenant;
pub(crate) mod undo;
mod vault;

use crate::action::Action;
use crate::property::Invariant;
use crate::protocol::Protocol;
use crate::scene::Pace;
use crate::world::{Archived, World};

impl Protocol {
    /// Does one step.
    pub(crate) fn step(&self, world: &mut World, action: Action) {
        match action {
            Action::Tick => self.tick(world),
            Action::Take | Action::Copy => tenant::start_move(world, action),
            Action::DeleteCopied => tenant::delete_copied(world),
            Action::Land(store) => tenant::land(world, store),
            Action::Drop => tenant::drop_reference(world),
            Action::Read => tenant::read(world),
            Action::ReadForgetfully => self.read_forgetfully(world),
            Action::Issue => self.issue(world),
            Action::Hold => self.hold(world),
            Action::Release => self.release(world),
            Action::Pause => person::pause(world),
            Action::Resume => person::resume(world),
            Action::LookAtPlan => world.looked_at = world.run.and_then(|run| run.plan_hash),
            Action::Approve => person::approve(world),
            Action::Revoke => self.revoke(world),
            Action::OrderUndo => undo::order(world),
            Action::WorkOffUndo => self.work_off_undo(world),
            Action::Undo => self.undo(world),
            Action::AlterPlan => person::alter_plan(world),
            Action::Deliver => self.deliver(world),
            Action::Survey => self.survey(world),
            Action::Scan(store) => self.scan(world, store, true),
            Action::Miss(store) => self.scan(world, store, false),
            Action::GiveUp(store) => self.give_up(world, store),
            Action::Plan => self.plan(world),
            Action::TakeLease(worker) => self.take_lease(world, worker),
            Action::Write(worker) => self.write(world, worker),
            Action::React => self.react(world),
            Action::Expire => self.expire(world),
            Action::Ttl => self.leave(world),
            Action::FindOverdue => world.removing = world.row,
            Action::Remove => self.remove(world),
            Action::Wake => look::wake(world),
            Action::PutObject => self.put_object(world),
            Action::Acknowledge => archive::acknowledge(world),
            Action::Purge => world.archived = Archived::Purged,
            Action::LoseUnit(store) => {
                world.look_mut(store).is_sent = false;
                world.left.n_losses -= 1;
            }
            Action::LoseWake => {
                world.is_woken = false;
                world.left.n_losses -= 1;
            }
            Action::Crash(worker) => {
                *world.worker_mut(worker) = None;
                world.left.n_crashes -= 1;
            }
            Action::CrashArchiver => archive::crash_archiver(world),
        }
    }

    fn tick(&self, world: &mut World) {
        world.now += 1;
        let is_late = self.scene.pace == Pace::Prompt && world.now == self.scene.horizon;
        let is_gone = world.row.is_none() && world.archived == Archived::Purged;
        world.broken.note(Invariant::HangsOn, is_late && !is_gone);
    }
}
