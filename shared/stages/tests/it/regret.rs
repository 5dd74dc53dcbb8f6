//! Measured regret: what was taken too soon is counted once, against whoever took it.

use futures::executor::block_on;
use lethe_domain::audit::Event;
use lethe_domain::policy::Trigger;
use lethe_domain::regret::{Decision, PolicyVersion, RegretCount, Regrets};
use lethe_domain::row::Phase;
use lethe_domain::run::RunId;
use lethe_domain::token::TokenId;
use lethe_domain::undo::Undo;
use lethe_stages::ports::{RegretLedger, Undos};
use lethe_testkit::{FaultKind, row, tenant, token};

use crate::driver::World;
use crate::pauses::OPS;
use crate::world::{DAY, HOUR, cold_store, live_world};

/// The token that the cold store's runs take.
fn dead() -> TokenId {
    token(2)
}

fn regrets(world: &World) -> Regrets {
    block_on(world.cloud.control.regrets(&tenant("acme"))).unwrap()
}

fn by(trigger: Trigger, run: Option<RunId>) -> Decision {
    Decision { policy: PolicyVersion { kind: "vault".into(), trigger, config: 1 }, run }
}

fn count(n_taken: u64, n_revived: u64, n_asked_after: u64) -> RegretCount {
    RegretCount { n_taken, n_revived, n_asked_after }
}

fn cooling_run(world: &World) -> RunId {
    world.cloud.control.all_runs().into_iter().find(|run| run.applied.n_cooled > 0).unwrap().id
}

/// A world whose runs have taken one token out of service, and which run did.
fn cooled() -> (World, RunId) {
    let world = cold_store();
    world.rounds(8, HOUR);
    assert_eq!(world.phases()[&dead()], Phase::Cooling);
    let run = cooling_run(&world);
    (world, run)
}

fn ask(world: &World, command: &str, token: &TokenId) -> u16 {
    let token = token.expose();
    let body = format!(r#"{{"v":1,"tenant":"acme","command":"{command}","tokens":["{token}"]}}"#);
    world.command(&body).status
}

#[test]
fn where_nothing_is_taken_nothing_is_regretted() {
    let world = live_world(4);
    world.rounds(10, HOUR);
    world.read("acme", &token(1));
    world.read("acme", &token(77));
    assert_eq!(regrets(&world), Regrets::new());
}

#[test]
fn every_way_back_counts_once_against_the_run_that_took_the_token() {
    for way in ["read", "reinstate", "found", "undo"] {
        let (world, run) = cooled();
        let decision = by(Trigger::Unreferenced, Some(run.clone()));
        assert_eq!(regrets(&world), [(decision.clone(), count(1, 0, 0))].into(), "{way}");
        match way {
            "found" => world.store("acme-orders", &dead()),
            "undo" => {
                let order = Undo::new(tenant("acme"), run, (OPS, None), world.now());
                assert!(block_on(world.cloud.control.create_undo(&order)).unwrap());
            }
            command => assert_eq!(ask(&world, command, &dead()), 200),
        }
        world.rounds(7, DAY);
        world.rounds(4, HOUR);
        assert_eq!(world.phases()[&dead()], Phase::Active, "{way}");
        assert_eq!(regrets(&world)[&decision], count(1, 1, 0), "{way}");
    }
}

#[test]
fn a_batch_that_comes_again_counts_once() {
    for kind in FaultKind::ALL {
        for n in 1.. {
            let (world, run) = cooled();
            let token = dead();
            let body =
                format!(r#"{{"v":1,"tenant":"acme","command":"read","tokens":["{}"]}}"#, token.expose());
            assert_eq!(world.try_command(&body).unwrap().status, 200);
            world.cloud.faults.fail_call(n, kind);
            world.drain();
            let has_failed = !world.failures.borrow().is_empty();
            world.cloud.faults.calm();
            let decision = by(Trigger::Unreferenced, Some(run));
            assert_eq!(regrets(&world), [(decision, count(1, 1, 0))].into(), "call {n}, {kind:?}");
            if !has_failed {
                assert!(3 < n, "only {n} calls");
                break;
            }
        }
    }
}

#[test]
fn a_return_after_the_sentence_counts_against_the_run_that_sentenced() {
    let (world, run) = cooled();
    world.rounds(7, DAY);
    world.rounds(4, HOUR);
    assert_eq!(world.phases()[&dead()], Phase::Sentenced);
    let sentenced_by = world.cloud.vault.row(&row("acme", &dead()).key()).unwrap().run.unwrap();
    assert_ne!(sentenced_by, run);
    world.read("acme", &dead());
    let of = |run| by(Trigger::Unreferenced, Some(run));
    let expected = [(of(run), count(1, 0, 0)), (of(sentenced_by), count(0, 1, 0))];
    assert_eq!(regrets(&world), expected.into());
}

/// The whole life of the dead token, until its archived version is gone too.
fn purged() -> World {
    let (world, _) = cooled();
    world.rounds(7, DAY);
    world.rounds(4, HOUR);
    world.rounds(13, DAY);
    assert!(!world.phases().contains_key(&dead()));
    assert_eq!(world.cloud.audit.items_of(Event::Purged).len(), 1);
    world
}

fn asked_after(world: &World) -> u64 {
    regrets(world).values().map(|count| count.n_asked_after).sum()
}

/// What was put on record of those who asked too late, by token.
fn rung(world: &World, token: &TokenId) -> usize {
    let keys = world.cloud.control.keys_now(&tenant("acme")).unwrap();
    let history = world.cloud.audit.history(&keys.fingerprint(token));
    history.into_iter().filter(|(event, _)| *event == Event::Refused).count()
}

#[test]
fn a_purged_token_that_is_read_rings_and_counts_once() {
    let world = purged();
    let answer = world.read("acme", &dead());
    assert_eq!((answer.status, answer.report.n_gone), (404, 1));
    let sums = regrets(&world);
    let regretted: Vec<_> = sums.iter().filter(|(_, count)| count.n_asked_after > 0).collect();
    let (decision, counted) = regretted[0];
    // The record knows the run that sentenced it, and its id the kind.
    assert_eq!((decision.policy.kind.as_str(), decision.policy.trigger), ("vault", Trigger::Unreferenced));
    assert_eq!((decision.policy.config, counted.n_asked_after, regretted.len()), (1, 1, 1));
    assert!(decision.run.is_some());
    assert_eq!(rung(&world, &dead()), 1);
    // Whoever asks on is not looked up again, and rings again when that is forgotten; it counts once.
    world.cloud.faults.calm();
    assert_eq!(world.read("acme", &dead()).report.n_gone, 0);
    assert!(!world.cloud.faults.calls().contains_key("audit.page"));
    world.cloud.clock.advance(DAY * 2);
    assert_eq!(world.read("acme", &dead()).report.n_gone, 1);
    assert_eq!(asked_after(&world), 1);
}

#[test]
fn a_person_who_comes_too_late_counts_too() {
    let world = purged();
    assert_eq!(ask(&world, "reinstate", &dead()), 410);
    assert_eq!(asked_after(&world), 1);
    world.read("acme", &dead());
    assert_eq!(asked_after(&world), 1, "the same token, told of twice");
}

#[test]
fn what_was_never_there_or_is_there_again_is_no_regret() {
    let world = purged();
    let stranger = token(78);
    assert_eq!(world.read("acme", &stranger).report.n_gone, 0);
    world.cloud.vault.insert(row("acme", &dead()).created_at(world.now()));
    world.cloud.clock.advance(HOUR * 2);
    let answer = world.read("acme", &dead());
    assert_eq!((answer.status, answer.report.n_gone), (200, 0));
    assert_eq!((asked_after(&world), rung(&world, &dead()), rung(&world, &stranger)), (0, 0, 0));
}
