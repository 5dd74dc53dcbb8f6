//! More scans alone do not help: without the barrier a reference that moves once a run is missed by one, two and four
//! runs and by the verdict's, and its token leaves.

use std::collections::BTreeSet;

use lethe_model::{Budget, Guard, Invariant, Pace, Protocol, Scene};
use stateright::{Checker, HasDiscoveries, Model};

fn is_lost(model: Protocol) -> bool {
    let lost = Invariant::LiveLoss.name();
    let target = HasDiscoveries::AnyOf(BTreeSet::from([lost]));
    model.checker().finish_when(target).spawn_bfs().join().discovery(lost).is_some()
}

#[test]
fn however_many_runs_must_miss_it_a_moving_reference_is_lost_without_the_barrier() {
    for strikes in [1, 2, 4] {
        let budget = Budget { n_moves: strikes + 1, ..Budget::default() };
        let scene = Scene { strikes, budget, horizon: 15, pace: Pace::Prompt, ..Scene::MOVER };
        assert!(is_lost(Protocol::without(Guard::Barrier, scene.clone())), "{strikes} strikes");
        assert!(!is_lost(Protocol::new(scene)), "{strikes} strikes, with the barrier");
    }
}
