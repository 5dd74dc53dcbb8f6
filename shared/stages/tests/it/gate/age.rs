//! How old what a run rests on may be.

use super::*;

#[test]
fn a_plan_that_was_approved_too_late_is_void() {
    for (hours, expected) in [(3, seeds(1..=15)), (4, seeds([]))] {
        let world = world(&sample().rail("plan_max_age", "\"4h\""), 15, 100);
        world.rounds(6, HOUR);
        let [run] = world.waiting("acme").try_into().unwrap();
        world.cloud.clock.set(run.scan_started_at.plus(HOUR * hours));
        world.approve_waiting("acme");
        world.round();
        assert_eq!(cooling(&world), expected, "{hours}");
        if hours == 4 {
            let note = last_at(&world, Stage::Void).note.unwrap();
            assert!(note.starts_with("its plan is stale"), "{note}");
        }
    }
}

#[test]
fn stale_marks_are_not_planned_from() {
    let world = cold_store();
    let config =
        sample().bucket("lake", "acme-lake", "exports/", "jsonl").rail("marks_max_age", "\"1h\"").text();
    world.cloud.control.put_config(&config, world.now());
    world.round();
    // Sealed, and nobody came by before its marks were stale.
    assert_eq!(last_at(&world, Stage::Draining).purpose, lethe_domain::run::Purpose::Discovery);
    world.cloud.clock.advance(HOUR);
    world.round();
    let note = last_at(&world, Stage::Void).note.unwrap();
    assert!(note.contains("its marks are stale"), "{note}");
    // Ticks that come in time plan.
    for _ in 0..60 {
        world.round();
        world.cloud.clock.advance(HOUR / 4);
    }
    assert_eq!(cooling(&world), seeds([2]));
}

#[test]
fn a_plan_is_not_carried_out_once_the_config_looks_at_other_stores() {
    for (add_store, expected) in [(false, seeds(1..=15)), (true, seeds([]))] {
        let world = world(&sample(), 15, 100);
        world.rounds(6, HOUR);
        assert_eq!(world.waiting("acme").len(), 1);
        world.stores.objects.create("acme-lake");
        let changed = if add_store {
            sample().bucket("lake", "acme-lake", "exports/", "jsonl")
        } else {
            sample().with("[kinds.vault.on.revoked]\nretention = \"90d\"")
        };
        world.cloud.control.put_config(&changed.text(), world.now());
        world.approve_waiting("acme");
        world.rounds(2, HOUR);
        assert_eq!(cooling(&world), expected, "a store was added: {add_store}");
        if add_store {
            let note = last_at(&world, Stage::Void).note.unwrap();
            assert!(note.starts_with("its plan follows a config that is not in force any more"), "{note}");
            assert_eq!(world.cloud.vault.n_writes(), 0);
        }
    }
}
