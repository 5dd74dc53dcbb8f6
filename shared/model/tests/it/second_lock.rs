//! The fence on the row stands behind the version: alone it decides nothing, and without the version it is what keeps a
//! worker of an older run from writing over a later one.

use std::collections::BTreeSet;

use lethe_model::{Guard, Protocol, Scene};
use stateright::{Checker, HasDiscoveries, Model};

fn breaks(model: Protocol) -> bool {
    let (overwritten, _) = Guard::Fence.mutation();
    let target = HasDiscoveries::AnyOf(BTreeSet::from([overwritten.name()]));
    model.checker().finish_when(target).spawn_bfs().join().discovery(overwritten.name()).is_some()
}

#[test]
fn while_the_version_is_named_the_fence_decides_nothing() {
    for scene in [Scene::OLD_RUN, Scene::TWO_SWEEPERS, Scene::ISSUER] {
        let whole = Protocol::new(scene.clone()).checker().spawn_bfs().join();
        let unfenced = Protocol::without(Guard::Fence, scene.clone()).checker().spawn_bfs().join();
        unfenced.assert_properties();
        assert_eq!(unfenced.unique_state_count(), whole.unique_state_count(), "{}", scene.name);
    }
}

#[test]
fn without_the_version_the_fence_keeps_a_later_runs_write() {
    let (_, scene) = Guard::Fence.mutation();
    assert!(!breaks(Protocol::without(Guard::Version, scene.clone())), "the fence alone");
    assert!(breaks(Protocol::without_both([Guard::Version, Guard::Fence], scene)), "neither of the two");
}
