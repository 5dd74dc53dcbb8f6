//! The persons who watch Lethe, who pause it and approve its plans; and whoever gets at a plan where it is stored.

use lethe_domain::approval::Quorum;
use lethe_domain::pause::Pauses;
use lethe_domain::row::State;
use lethe_domain::run::Run;

use crate::guard::Guard;
use crate::plan::{Deed, PlanHash, Planned};
use crate::protocol::Protocol;
use crate::switch::Switch;
use crate::world::World;

/// Who says yes.
const PERSON: &str = "arn:aws:iam::111122223333:user/ada";

/// Who wrote the config.
const AUTHOR: &str = "arn:aws:iam::111122223333:user/eve";

impl Protocol {
    /// What a stage reads of the kill switch.
    pub(crate) fn pauses(&self, switch: Switch) -> Pauses {
        switch.to_pauses(&self.by)
    }

    /// Whether a person said yes to the plan of a run. What an approval names is the hash alone, in which the run is, too.
    pub(super) fn is_approved(&self, world: &World, run: &Run) -> bool {
        let Some((quorum, hash)) = Quorum::of(run, [AUTHOR]).zip(run.plan_hash.as_deref()) else {
            return false;
        };
        // Guard: a yes is to exactly one plan.
        let has_hash = self.has(Guard::ApprovalHash);
        let named = |given: &PlanHash| if has_hash { given.to_text() } else { hash.to_owned() };
        let given: Vec<String> = world.approved.iter().map(named).collect();
        quorum.n_missing(given.iter().map(|hash| (hash.as_str(), PERSON))) == 0
    }
}

/// Whoever pauses has seen that something is wrong with what is decided: every plan that is there is from before.
pub(super) fn pause(world: &mut World) {
    world.left.n_pauses -= 1;
    world.switch.since = Some(world.now);
    let in_hand = world.workers.iter_mut().flatten().map(|work| &mut work.planned);
    for planned in world.planned.iter_mut().chain(in_hand) {
        planned.was_paused = true;
    }
}

pub(super) fn resume(world: &mut World) {
    world.switch = Switch { since: None, ended_at: Some(world.now) };
}

/// The yes comes when it comes: another plan may wait by then, or none.
pub(super) fn approve(world: &mut World) {
    world.left.n_approvals -= 1;
    world.approved.extend(world.looked_at.take());
}

/// The stored plan as somebody would have it who wants the token gone: what condemns it as it is now.
pub(crate) fn altered(world: &World) -> Option<Planned> {
    let (planned, row) = world.planned.zip(world.row)?;
    let deed = match row.state {
        State::Active => Deed::Cool,
        State::Cooling if row.purge_at.is_none() => Deed::Sentence,
        State::Cooling => return None,
    };
    let altered = Planned { deed, expected: row, ..planned };
    (altered != planned).then_some(altered)
}

pub(super) fn alter_plan(world: &mut World) {
    world.left.n_alterations -= 1;
    world.planned = altered(world);
}
