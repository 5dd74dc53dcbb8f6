//! Every scene, every state of it.
#![expect(clippy::print_stdout, reason = "how much was looked at is the result")]

use lethe_model::{Protocol, Scene};
use stateright::{Checker, Model};

/// Checks all of a scene. Fewer states than `n_least`, and it has become empty without anybody's notice.
fn check(scene: Scene, n_least: usize) {
    let name = scene.name;
    let checker = Protocol::new(scene).checker().spawn_bfs().join();
    let (n_states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!("{name}: {n_states} states, {depth} steps deep");
    checker.assert_properties();
    assert!(n_least <= n_states, "{name}: only {n_states} states");
}

#[test]
fn a_reference_that_moves() {
    check(Scene::MOVER, 120_000);
}

#[test]
fn a_reference_that_moves_fast() {
    check(Scene::FAST_MOVER, 700_000);
}

#[test]
fn reads_while_ttl_removes() {
    check(Scene::READER, 50_000);
}

#[test]
fn reads_while_the_stream_is_late() {
    check(Scene::LATE_STREAM, 50_000);
}

#[test]
fn an_id_that_is_issued_again() {
    check(Scene::ISSUER, 120_000);
}

#[test]
fn a_store_that_fails_or_hides_what_it_holds() {
    check(Scene::BAD_STORE, 110_000);
}

#[test]
fn a_store_that_nobody_registered() {
    check(Scene::UNKNOWN_STORE, 150_000);
}

#[test]
fn two_sweepers_on_one_shard() {
    check(Scene::TWO_SWEEPERS, 70_000);
}

#[test]
fn legal_holds() {
    check(Scene::HOLDER, 20_000);
}

#[test]
fn lost_messages_and_dead_workers() {
    check(Scene::FAULTS, 12_000);
}

#[test]
fn pauses() {
    check(Scene::PAUSER, 330_000);
}

#[test]
fn what_pauses_hold_up() {
    check(Scene::HELD_UP, 24_000);
}

#[test]
fn plans_that_wait_for_a_person() {
    check(Scene::APPROVER, 300_000);
}

#[test]
fn a_run_that_is_undone() {
    check(Scene::UNDOER, 350_000);
}

#[test]
fn a_run_that_is_undone_before_the_next_campaign() {
    check(Scene::NEXT_CAMPAIGN, 120_000);
}

#[test]
fn a_worker_of_an_older_run() {
    check(Scene::OLD_RUN, 2_500);
}
