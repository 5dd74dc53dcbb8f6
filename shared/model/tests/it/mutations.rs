//! Without a guard the model finds what the guard is for.
#![expect(clippy::print_stdout, reason = "the table is the result")]

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread;

use lethe_model::{Action, Guard, Protocol, World};
use stateright::{Checker, HasDiscoveries, Model};

/// A way to what breaks without the guard, up to where it breaks: the checker shows the last state of its last round
/// that it found broken.
fn counter_example(guard: Guard) -> Option<Vec<Action>> {
    let (breaks, scene) = guard.mutation();
    let target = HasDiscoveries::AnyOf(BTreeSet::from([breaks.name()]));
    let checker = Protocol::without(guard, scene).checker().finish_when(target).spawn_bfs().join();
    let steps = checker.discovery(breaks.name())?.into_vec();
    let is_whole = |(world, _): &(World, Option<Action>)| !world.has_broken(breaks);
    Some(steps.into_iter().take_while(is_whole).filter_map(|(_, action)| action).collect())
}

/// Every guard's counter-example, two searches at a time.
fn counter_examples() -> Vec<(Guard, Option<Vec<Action>>)> {
    let (done, results) = mpsc::channel();
    thread::scope(|scope| {
        // One search is as long as many others.
        let (long, others) =
            Guard::ALL.into_iter().partition::<Vec<Guard>, _>(|guard| *guard == Guard::ReadBarrier);
        for share in [long, others] {
            let done = done.clone();
            scope.spawn(move || {
                for guard in share {
                    assert!(done.send((guard, counter_example(guard))).is_ok());
                }
            });
        }
    });
    drop(done);
    let mut all: Vec<_> = results.into_iter().collect();
    all.sort_by_key(|(guard, _)| Guard::ALL.iter().position(|other| other == guard));
    all
}

#[test]
fn without_any_guard_its_invariant_breaks() {
    let all = counter_examples();
    for (guard, steps) in &all {
        let (breaks, scene) = guard.mutation();
        let length = steps.as_ref().map_or("none".to_owned(), |steps| steps.len().to_string());
        println!("| {} | {} | {} | {length} |", guard.name(), breaks.name(), scene.name);
    }
    let unbroken: Vec<_> = all.iter().filter(|(_, steps)| steps.is_none()).map(|(guard, _)| guard).collect();
    assert!(unbroken.is_empty(), "no counter-example without {unbroken:?}");
}

#[test]
fn the_decision_lists_every_guard_with_what_breaks() {
    let decision = include_str!("../../../../infra/adr/0029-the-protocol-as-a-model.md");
    for guard in Guard::ALL {
        let (breaks, scene) = guard.mutation();
        let row = format!("| {} | {} | {} |", guard.name(), breaks.name(), scene.name);
        assert!(decision.contains(&row), "missing: {row}");
    }
    let listed = decision.lines().filter(|line| line.starts_with("| ")).count();
    assert_eq!(listed, Guard::ALL.len() + 1, "a heading and the guards");
}
