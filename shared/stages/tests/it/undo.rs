//! `lethe undo`: what a run did is taken back, all of it and nothing else, whatever fails on the way.

use std::collections::BTreeMap;

use futures::executor::block_on;
use lethe_domain::audit::Event;
use lethe_domain::backlog::Backlog;
use lethe_domain::pause::Reach;
use lethe_domain::policy::Trigger;
use lethe_domain::row::Phase;
use lethe_domain::run::{Run, RunId, Stage};
use lethe_domain::token::TokenId;
use lethe_domain::undo::{Undo, UndoTally};
use lethe_stages::ports::{Control, RunRef, Undos};
use lethe_stages::work_keys;
use lethe_testkit::{FaultKind, Sample, row, tenant, token};

use crate::driver::World;
use crate::pauses::OPS;
use crate::world::{DAY, HOUR, REMAINS, cold_store, remain};

/// A world whose first purge is long over and in which a run took `n` tokens out of service; one remains.
fn cooled(n: u64) -> World {
    let config = Sample::new().tenant("acme").table("orders", "acme-orders", 1).cadence("30d");
    let mut world = World::new(&config.text());
    world.settings.plan_rows = 2_000;
    world.stores.tables.create("acme-orders");
    for seed in 1..=n {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    remain(&world);
    let first_purge = Backlog { finished_at: Some(world.now()), ..Backlog::new(tenant("acme")) };
    assert!(block_on(world.cloud.control.save_backlog(&first_purge)).unwrap());
    world.round_quietly();
    world.rounds(8, HOUR);
    assert_eq!(in_phase(&world, Phase::Cooling), n);
    world
}

/// How many of the tokens that no store holds are in this phase.
fn in_phase(world: &World, phase: Phase) -> u64 {
    let phases = world.phases().into_iter();
    phases.filter(|(held, found)| *found == phase && *held != token(REMAINS)).count() as u64
}

/// The run that took tokens out of service.
fn cooling_run(world: &World) -> Run {
    world.cloud.control.all_runs().into_iter().find(|run| run.applied.n_cooled > 0).unwrap()
}

fn order(world: &World, id: &RunId) -> bool {
    let undo = Undo::new(tenant("acme"), id.clone(), (OPS, Some("INC-7")), world.now());
    block_on(world.cloud.control.create_undo(&undo)).unwrap()
}

fn stands(world: &World, id: &RunId) -> Undo {
    let run = RunRef { tenant: tenant("acme"), id: id.clone() };
    block_on(world.cloud.control.undo(&run)).unwrap().unwrap()
}

fn tally_of(world: &World, id: &RunId) -> UndoTally {
    let undo = stands(world, id);
    assert!(undo.done_at.is_some(), "{undo:?}");
    undo.tally
}

fn reinstated(n_reinstated: u64) -> UndoTally {
    UndoTally { n_reinstated, ..UndoTally::default() }
}

#[test]
fn five_thousand_tokens_come_back_in_pieces_and_a_second_undo_does_nothing() {
    let world = cooled(5_000);
    let run = cooling_run(&world).id;
    assert!(order(&world, &run));
    world.cloud.faults.calm();
    world.reconcile().unwrap();
    let calls = world.cloud.faults.calls();
    assert_eq!(in_phase(&world, Phase::Active), 5_000);
    assert_eq!(tally_of(&world, &run), reinstated(5_000));
    assert_eq!(calls["vault.write"], 5_000, "one write a token");
    let n_pieces = calls["control.update_undo"];
    assert!((50..70).contains(&n_pieces), "{n_pieces} pieces of at most 100 tokens");
    assert!(calls["vault.get_many"] <= n_pieces);
    world.drain();
    let items = world.cloud.audit.items_of(Event::Reinstated);
    assert!(items.iter().all(|item| item.actor.as_deref() == Some(OPS)));
    assert_eq!(items.iter().map(|item| item.entries.len()).sum::<usize>(), 5_000);

    let before = world.cloud.vault.n_writes();
    assert!(!order(&world, &run), "there is an order already");
    world.rounds(2, HOUR);
    assert_eq!((world.cloud.vault.n_writes(), tally_of(&world, &run)), (before, reinstated(5_000)));
}

#[test]
fn every_call_of_an_undo_may_fail_once_and_no_count_is_lost() {
    for kind in FaultKind::ALL {
        for n in 1.. {
            let world = cooled(7);
            let run = cooling_run(&world).id;
            order(&world, &run);
            world.cloud.faults.fail_call(n, kind);
            let failed = world.reconcile();
            if world.cloud.faults.fired().is_none() {
                assert_eq!(failed.unwrap(), 0);
                break;
            }
            world.cloud.faults.calm();
            world.reconcile().unwrap();
            assert_eq!(tally_of(&world, &run), reinstated(7), "call {n} failed, {kind:?}");
            assert_eq!(in_phase(&world, Phase::Active), 7);
            let n_written: u64 = (1..=7).map(|seed| world.cloud.vault.n_writes_of(&token(seed))).sum();
            assert_eq!(n_written, 14, "cooled once, brought back once");
        }
    }
}

#[test]
fn a_worker_near_its_deadline_leaves_the_rest_to_the_next_tick() {
    let world = cooled(250);
    let run = cooling_run(&world).id;
    order(&world, &run);
    let mut looks = 0;
    while stands(&world, &run).done_at.is_none() {
        // Two questions are asked before the first piece, one after it.
        let asked = std::cell::Cell::new(0);
        let after_one_piece = || {
            asked.set(asked.get() + 1);
            asked.get() > 2
        };
        world.reconcile_until(&after_one_piece).unwrap();
        looks += 1;
        assert!(looks < 20);
    }
    assert!(looks > 3, "done in {looks} ticks");
    assert_eq!(tally_of(&world, &run), reinstated(250));
}

#[test]
fn what_the_verdict_run_sentenced_since_comes_back_and_what_ended_otherwise_does_not() {
    let world = cold_store();
    for seed in 20..=23 {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    world.round_quietly();
    world.rounds(8, HOUR);
    // Revoked and read since; and one that somebody ended before it could be missed.
    world.revoke("acme", &token(20));
    world.read("acme", &token(21));
    world.revoke("acme", &token(3));
    world.rounds(7, DAY);
    world.rounds(3, HOUR);
    let run = cooling_run(&world).id;
    assert_eq!(world.phases()[&token(22)], Phase::Sentenced);
    order(&world, &run);
    world.round();
    let phases = world.phases();
    for back in [2, 21, 22, 23].map(token) {
        assert_eq!(phases[&back], Phase::Active);
    }
    assert!(!phases.contains_key(&token(20)) || phases[&token(20)] != Phase::Active);
    let tally = tally_of(&world, &run);
    assert_eq!((tally.n_reinstated, tally.n_in_service), (3, 1));
    assert_eq!(tally.n_ended + tally.n_gone, 1, "{tally:?}");
}

#[test]
fn the_undo_of_a_verdict_run_brings_back_what_it_sentenced() {
    let world = cold_store();
    world.rounds(8, HOUR);
    world.rounds(7, DAY);
    world.rounds(4, HOUR);
    assert_eq!(world.phases()[&token(2)], Phase::Sentenced);
    let verdict = world.cloud.control.all_runs().into_iter().find(|run| run.applied.n_sentenced > 0).unwrap();
    order(&world, &verdict.id);
    world.round();
    assert_eq!(world.phases()[&token(2)], Phase::Active);
    assert_eq!(tally_of(&world, &verdict.id), reinstated(1));
    world.rounds(3, DAY);
    assert!(world.phases().contains_key(&token(2)));
}

#[test]
fn a_token_of_its_plan_that_ended_otherwise_since_or_that_another_run_took_stays_out() {
    let world = cooled(3);
    let run = cooling_run(&world);
    world.cloud.clock.advance(DAY);
    world.revoke("acme", &token(1));
    // As if it had come back and been missed again since.
    let taken_again = row("acme", &token(2)).cooling(Trigger::Unreferenced, run.progressed_at.plus(DAY));
    world.cloud.vault.insert(taken_again);
    world.drain();
    order(&world, &run.id);
    world.round();
    let phases = world.phases();
    let of = |seed| phases[&token(seed)];
    assert_eq!([of(1), of(2), of(3)], [Phase::Sentenced, Phase::Cooling, Phase::Active]);
    let tally = UndoTally { n_reinstated: 1, n_ended: 1, n_of_others: 1, ..UndoTally::default() };
    assert_eq!(tally_of(&world, &run.id), tally);
}

#[test]
fn tokens_that_others_took_out_stay_out() {
    let world = cooled(3);
    let run = cooling_run(&world).id;
    // Another run's and idleness's: cooled before, or for another reason in the very time of the run.
    let before = cooling_run(&world).scan_started_at.minus(DAY);
    let during = cooling_run(&world).progressed_at;
    for (seed, reason, since) in
        [(50, Trigger::Unreferenced, before), (51, Trigger::Idle, during), (52, Trigger::Revoked, during)]
    {
        world.cloud.vault.insert(row("acme", &token(seed)).cooling(reason, since));
    }
    let index = work_keys::plan_index(&RunRef { tenant: tenant("acme"), id: run.clone() });
    world.cloud.work.delete(&index);
    order(&world, &run);
    world.round();
    let out: Vec<TokenId> = world
        .phases()
        .into_iter()
        .filter(|(_, phase)| *phase == Phase::Cooling)
        .map(|(token, _)| token)
        .collect();
    let mut expected = [50, 51, 52].map(token).to_vec();
    expected.sort();
    assert_eq!(out, expected);
    assert_eq!(tally_of(&world, &run), reinstated(3), "found by a walk, since the plan was gone");
}

#[test]
fn a_part_of_the_plan_that_is_gone_or_altered_is_walked_for() {
    for alter in [false, true] {
        let mut world = cooled(9);
        world.settings.plan_rows = 3;
        let run = cooling_run(&world).id;
        let run_ref = RunRef { tenant: tenant("acme"), id: run.clone() };
        let part = work_keys::plan_part(&run_ref, lethe_domain::token::Shard(0), 0);
        if alter {
            world.cloud.work.overwrite(&part, b"{}".to_vec());
        } else {
            world.cloud.work.delete(&part);
        }
        order(&world, &run);
        world.round();
        assert_eq!(tally_of(&world, &run), reinstated(9));
    }
}

#[test]
fn what_came_back_is_not_taken_by_the_next_runs_for_its_old_strikes() {
    let world = cooled(3);
    let run = cooling_run(&world).id;
    order(&world, &run);
    world.round();
    assert_eq!(in_phase(&world, Phase::Active), 3);
    let reads: Vec<_> = world.cloud.vault.rows().into_values().filter_map(|row| row.last_read_at).collect();
    assert!(reads.is_empty(), "an undo is no read: nobody is a witness by it");
    // Two further runs within the day that nothing counts in, then two that count.
    for (wait, n_cooling) in [(2 * HOUR, 0), (5 * HOUR, 0), (5 * HOUR, 0), (DAY, 0), (5 * HOUR, 3)] {
        world.cloud.clock.advance(wait);
        book(&world);
        world.rounds(2, HOUR);
        world.approve_waiting("acme");
        world.round();
        assert_eq!(in_phase(&world, Phase::Cooling), n_cooling, "at {:?}", world.now());
    }
}

fn book(world: &World) {
    let id = RunId { slot: world.now(), ordinal: 1 };
    let purpose = lethe_domain::run::Purpose::Discovery;
    let run = Run::booked(tenant("acme"), id, purpose, world.now(), world.now());
    assert!(block_on(world.cloud.control.create_run(&run)).unwrap());
}

#[test]
fn an_undo_works_while_everything_is_paused() {
    let world = cooled(3);
    world.pause(&Reach::Everybody, true);
    let run = cooling_run(&world).id;
    order(&world, &run);
    world.round();
    assert_eq!(in_phase(&world, Phase::Active), 3);
}

#[test]
fn a_run_that_is_under_way_is_given_up_before_it_is_undone() {
    let world = cold_store();
    for _ in 0..100 {
        if !world.waiting("acme").is_empty() {
            break;
        }
        world.survey().unwrap();
        world.drain();
        world.cloud.clock.advance(HOUR / 4);
    }
    world.approve_waiting("acme");
    world.survey().unwrap();
    let run = world.cloud.control.all_runs().into_iter().find(|run| run.stage == Stage::Applying).unwrap();
    world.survey().unwrap();
    // One of its shards is done, the other's worker has not come yet.
    let wakes = world.cloud.sweep_queue.drain();
    let late = wakes.iter().map(|wake| (wake.to_json(), wake)).collect::<BTreeMap<_, _>>();
    let mut late = late.into_values();
    world.take(late.next().unwrap()).unwrap();
    order(&world, &run.id);
    world.reconcile().unwrap();
    assert!(stands(&world, &run.id).done_at.is_none(), "its workers have their leases' time");
    for wake in late {
        world.take(wake).unwrap();
    }
    world.cloud.clock.advance(HOUR);
    world.round();
    assert!(stands(&world, &run.id).done_at.is_some());
    assert_eq!(world.phases()[&token(2)], Phase::Active);
    // What a person took back is not looked at again before the next cadence.
    let booked = world.cloud.control.all_runs().into_iter().filter(|run| run.stage == Stage::Booked);
    assert_eq!(booked.map(|run| run.id).collect::<Vec<_>>(), []);
}
