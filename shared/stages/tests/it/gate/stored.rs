//! Two planners that close the gate at once: the plan is the one that was stored, and that one is judged.

use lethe_domain::message::Wake;
use lethe_domain::plan::PlanIndex;
use lethe_stages::ports::RunRef;
use lethe_stages::work_keys;
use lethe_testkit::FaultKind;

use super::*;

/// A confirming run over five unused tokens of a hundred, which need no person, and its shards' messages.
fn about_to_plan() -> (World, Run, Vec<Wake>) {
    let world = world(&sample(), 5, 100);
    world.rounds(3, HOUR);
    for _ in 0..100 {
        world.survey().unwrap();
        let wakes = world.cloud.sweep_queue.drain();
        let planning = world.cloud.control.all_runs().into_iter().find(|run| run.stage == Stage::Planning);
        match planning {
            Some(run) if run.id.ordinal == 2 && !wakes.is_empty() => return (world, run, wakes),
            _ => wakes.iter().for_each(|wake| world.take(wake).unwrap()),
        }
        world.drain();
        world.cloud.clock.advance(HOUR / 6);
    }
    panic!("no plan is made: {:?}", world.cloud.control.all_runs());
}

/// The same with a plan that a planner stored who died before it could close the gate, and the message that it had.
fn stored_by_another() -> (World, Run, Wake) {
    for n in 1.. {
        let (world, run, wakes) = about_to_plan();
        let (last, others) = wakes.split_last().unwrap();
        for wake in others {
            world.take(wake).unwrap();
        }
        world.cloud.faults.fail_call(n, FaultKind::Killed);
        let died = world.take(last).is_err();
        world.cloud.faults.calm();
        if world.cloud.work.keys().contains(&key_of(&run)) {
            assert!(died && last_at(&world, Stage::Planning).id == run.id);
            return (world, run, last.clone());
        }
    }
    unreachable!()
}

fn key_of(run: &Run) -> String {
    work_keys::plan_index(&RunRef::from(run))
}

#[test]
fn another_planners_plan_is_judged_by_what_it_takes() {
    for n_cool in [5, 40] {
        let (world, run, wake) = stored_by_another();
        let stored = &world.cloud.work.objects()[&key_of(&run)];
        let mut stored: PlanIndex = serde_json::from_slice(stored).unwrap();
        assert_eq!(stored.tally.n_cool, 5);
        stored.tally.n_cool = n_cool;
        world.cloud.work.overwrite(&key_of(&run), serde_json::to_vec(&stored).unwrap());
        world.take(&wake).unwrap();
        let run = world.cloud.control.all_runs().into_iter().find(|other| other.id == run.id).unwrap();
        let note = run.note.clone().unwrap_or_default();
        let is_asked = note.contains("40 of 100 active tokens");
        assert_eq!((run.tally.n_cool, is_asked), (n_cool, n_cool == 40), "{note}");
    }
}
