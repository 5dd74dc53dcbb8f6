//! Who must say yes to a plan that takes much, and whose yes counts.

use futures::executor::block_on;
use lethe_stages::ports::{Control, StoredConfig};

use super::*;

const ADA: &str = "arn:aws:iam::000000000000:user/ada";
const BOB: &str = "arn:aws:iam::000000000000:user/bob";
/// Who stored the tests' config.
const AUTHOR: &str = "arn:test";

#[test]
fn up_to_the_ratio_nobody_is_asked() {
    let world = world(&sample(), 10, 100);
    world.rounds(8, HOUR);
    assert_eq!(cooling(&world), seeds(1..=10));
}

#[test]
fn above_the_ratio_one_person_is_asked_who_may_be_the_author() {
    let world = world(&sample(), 15, 100);
    world.rounds(8, HOUR);
    assert_eq!(cooling(&world), seeds([]));
    let [run] = world.waiting("acme").try_into().unwrap();
    assert_eq!(run.n_persons, 1);
    world.approve_as(&Run { plan_hash: Some("another".to_owned()), ..run.clone() }, ADA);
    world.rounds(1, HOUR);
    assert_eq!(world.waiting("acme").len(), 1, "a yes to another plan");
    world.approve_as(&run, AUTHOR);
    world.rounds(2, HOUR);
    assert_eq!(cooling(&world), seeds(1..=15));
}

#[test]
fn who_wrote_an_earlier_version_that_nothing_was_carried_out_by_is_an_author_too() {
    // BOB stores a version that says the same, or one that says more: either way the plan follows AUTHOR's word as well.
    for text in
        [sample().text(), sample().cadence("30d").with("[kinds.vault.on.revoked]\nretention = \"7d\"").text()]
    {
        let world = world(&sample(), 16, 100);
        let stored = StoredConfig { version: 2, text, stored_at: world.now(), author: BOB.to_owned() };
        assert!(block_on(world.cloud.control.store_config(&stored)).unwrap());
        world.rounds(8, HOUR);
        let [run] = world.waiting("acme").try_into().unwrap();
        assert_eq!((run.config, run.n_persons), (2, 2));
        for actor in [AUTHOR, BOB, ADA] {
            world.approve_as(&run, actor);
            world.rounds(1, HOUR);
            assert_eq!(world.waiting("acme").len(), 1, "{actor}");
        }
        world.approve_as(&run, "arn:aws:iam::000000000000:user/eve");
        world.rounds(2, HOUR);
        assert_eq!(cooling(&world), seeds(1..=16));
    }
}

#[test]
fn above_fifteen_percent_two_persons_are_asked_and_neither_is_the_author() {
    let world = world(&sample(), 16, 100);
    world.rounds(8, HOUR);
    let [run] = world.waiting("acme").try_into().unwrap();
    assert_eq!(run.n_persons, 2);
    let role = |session: &str| format!("arn:aws:sts::000000000000:assumed-role/ops/{session}");
    for (actor, why) in [
        (role("one"), "one person"),
        (role("two"), "two sessions of a role"),
        (AUTHOR.to_owned(), "the author"),
    ] {
        world.approve_as(&run, &actor);
        world.rounds(1, HOUR);
        assert_eq!(world.waiting("acme").len(), 1, "{why}");
    }
    assert_eq!(cooling(&world), seeds([]));
    world.approve_as(&run, BOB);
    world.rounds(2, HOUR);
    assert_eq!(cooling(&world), seeds(1..=16));
    let note = last_at(&world, Stage::Applied).note.unwrap();
    assert_eq!(note, format!("approved by {} and {BOB}", role("one")));
}
