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
