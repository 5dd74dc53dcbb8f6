//! Runs that only report after a change, and count no strikes.

use lethe_domain::run::Purpose;

use super::*;

fn shadowed() -> Sample {
    sample().rail("shadow_runs", "2")
}

fn shadows(world: &World) -> Vec<(Purpose, Stage, Option<u8>)> {
    let runs = world.cloud.control.all_runs().into_iter();
    runs.filter(|run| run.stage.is_final()).map(|run| (run.purpose, run.stage, run.shadow)).collect()
}

#[test]
fn a_new_tenants_first_two_runs_only_report_and_their_misses_are_no_strikes() {
    let world = world(&shadowed(), 2, 10);
    world.rounds(11, HOUR);
    let first = |at| (Purpose::Discovery, Stage::Reported, Some(at));
    assert_eq!(shadows(&world), [first(1), first(2), (Purpose::Discovery, Stage::Applied, None)]);
    assert_eq!(world.cloud.vault.n_writes(), 0);
    assert!(last_at(&world, Stage::Reported).note.unwrap().starts_with("shadow run 2 of 2: "));
    // Their two misses and the first that counts are one strike.
    world.rounds(4, HOUR);
    assert_eq!(cooling(&world), seeds(1..=2));
}

#[test]
fn a_change_of_a_source_starts_again_without_the_strikes_before_it() {
    let world = world(&shadowed(), 2, 10);
    world.rounds(10, HOUR);
    assert_eq!(shadows(&world).last(), Some(&(Purpose::Discovery, Stage::Applied, None)));
    world.stores.objects.create("acme-lake");
    let with_lake = shadowed().bucket("lake", "acme-lake", "", "jsonl").text();
    world.cloud.control.put_config(&with_lake, world.now());
    world.rounds(12, HOUR);
    let shadowed: Vec<_> = shadows(&world).into_iter().skip(3).map(|(.., shadow)| shadow).collect();
    assert_eq!(shadowed, [Some(1), Some(2), None]);
    assert_eq!(cooling(&world), seeds([]));
}

#[test]
fn what_no_run_depends_on_changes_nothing() {
    let world = world(&shadowed(), 2, 10);
    world.rounds(9, HOUR);
    let other = shadowed().with("[kinds.vault.on.revoked]\nretention = \"90d\"").text();
    world.cloud.control.put_config(&other, world.now());
    world.rounds(6, HOUR);
    assert_eq!(cooling(&world), seeds(1..=2));
}

#[test]
fn where_they_are_switched_off_every_plan_names_it() {
    let world = world(&sample(), 2, 10);
    world.rounds(8, HOUR);
    assert_eq!(cooling(&world), seeds(1..=2));
    for run in world.cloud.control.all_runs().into_iter().filter(|run| run.stage == Stage::Applied) {
        assert!(run.notes.iter().any(|note| note.starts_with("shadow runs are switched off")), "{run:?}");
    }
}
