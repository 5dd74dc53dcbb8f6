//! Each guard alone, over the stages.

use std::cell::Cell;
use std::time::Duration;

use futures::FutureExt;
use lethe_domain::message::Wake;
use lethe_domain::row::Phase;
use lethe_domain::run::{Purpose, Stage};
use lethe_stages::ports::{Control, RunRef};
use lethe_stages::sweep::ShardEnd;
use lethe_stages::work_keys;
use lethe_testkit::{row, token};
use serde_json::json;

use crate::driver::World;
use crate::world::{HOUR, cold_store, empty_world};

#[test]
fn a_row_that_does_not_parse_is_kept_and_counted() {
    let world = cold_store();
    let broken = row("acme", &token(9));
    world.cloud.vault.insert(broken.clone());
    world.cloud.vault.edit(&broken.key(), |item| {
        item.insert("state".to_owned(), json!({ "S": "odd" }));
    });
    world.rounds(8, HOUR);
    assert!(world.cloud.vault.item(&broken.key()).is_some());
    let planned = world.cloud.control.all_runs().into_iter().find(|run| run.stage == Stage::Applied).unwrap();
    assert_eq!(planned.tally.n_unreadable, 1);
}

#[test]
fn a_row_in_another_shard_than_its_id_says_is_kept() {
    let world = cold_store();
    // Built for 1 shard, so it lies in shard 0 whatever its id says.
    let odd = (100..200).map(token).find(|token| row("acme", token).key().shard.0 == 1).unwrap();
    world.cloud.vault.insert(row("acme", &odd).shards(1));
    world.rounds(8, HOUR);
    assert_eq!(world.phases()[&odd], Phase::Active);
}

#[test]
fn a_kind_that_is_not_scanned_for_and_a_kind_that_is_unknown_are_kept() {
    let world = cold_store();
    for (seed, kind) in [(21, "session"), (22, "mystery")] {
        world.cloud.vault.insert(row("acme", &token(seed)).kind(kind));
    }
    world.rounds(8, HOUR);
    assert_eq!(world.phases()[&token(21)], Phase::Active);
    assert_eq!(world.phases()[&token(22)], Phase::Active);
    assert_eq!(world.phases()[&token(2)], Phase::Cooling);
}

#[test]
fn a_row_written_after_the_plan_is_left_alone() {
    let world = cold_store();
    // Until the confirming run has its plan, which is then carried out over a changed row.
    let planned = || {
        world.cloud.control.all_runs().iter().any(|run| run.id.ordinal == 2 && run.stage == Stage::Applying)
    };
    for _ in 0..400 {
        if planned() {
            break;
        }
        world.approve_waiting("acme");
        world.survey().unwrap();
        if planned() {
            break;
        }
        if let Some(wake) = world.cloud.scan_queue.take().or_else(|| world.cloud.sweep_queue.take()) {
            world.take(&wake).unwrap();
        } else {
            world.cloud.clock.advance(HOUR);
        }
    }
    assert!(planned());
    // The application extends the token without stepping its version.
    let key = row("acme", &token(2)).key();
    world.cloud.vault.set_attribute(&key, "expires_at", json!({ "N": "9999999999" }));
    world.rounds(2, HOUR);
    assert_eq!(world.phases()[&token(2)], Phase::Active);
    let run = world.cloud.control.all_runs().into_iter().find(|run| run.id.ordinal == 2).unwrap();
    assert_eq!((run.applied.n_cooled, run.applied.n_changed), (0, 1));
}

#[test]
fn an_altered_plan_is_void_and_writes_nothing() {
    let world = cold_store();
    let applying =
        |world: &World| world.cloud.control.all_runs().into_iter().find(|run| run.stage == Stage::Applying);
    for _ in 0..400 {
        if applying(&world).is_some() {
            break;
        }
        world.approve_waiting("acme");
        world.survey().unwrap();
        match world.cloud.scan_queue.take().or_else(|| world.cloud.sweep_queue.take()) {
            Some(wake) if applying(&world).is_none() => world.take(&wake).unwrap(),
            Some(wake) => world.cloud.sweep_queue.put_back(wake),
            None => {
                world.cloud.clock.advance(HOUR);
            }
        }
    }
    let run = applying(&world).unwrap();
    for shard in lethe_domain::token::ShardCount::new(2).unwrap().all() {
        world.cloud.work.overwrite(&work_keys::plan_part(&RunRef::from(&run), shard, 0), b"{}".to_vec());
    }
    world.rounds(2, HOUR);
    assert!(world.cloud.control.all_runs().iter().any(|run| run.stage == Stage::Void));
    assert_eq!(world.phases()[&token(2)], Phase::Active);
}

#[test]
fn the_same_slot_twice_opens_one_run() {
    let world = empty_world();
    world.survey().unwrap();
    world.survey().unwrap();
    assert_eq!(world.cloud.control.all_runs().len(), 1);
}

/// Until a run for this has its plan: its messages, of which nobody has taken one.
fn about_to_apply(world: &World, purpose: Purpose) -> Vec<Wake> {
    let is_for_it = |wake: &Wake| match wake {
        Wake::Apply { run, .. } => {
            let runs = world.cloud.control.all_runs();
            runs.iter().any(|other| other.id == *run && other.purpose == purpose)
        }
        Wake::Scan { .. } | Wake::Plan { .. } => false,
    };
    for _ in 0..2000 {
        world.approve_waiting("acme");
        world.survey().unwrap();
        match world.cloud.scan_queue.take().or_else(|| world.cloud.sweep_queue.take()) {
            Some(wake) if is_for_it(&wake) => {
                return [wake].into_iter().chain(world.cloud.sweep_queue.drain()).collect();
            }
            Some(wake) => world.take(&wake).unwrap(),
            None => {
                world.cloud.clock.advance(HOUR);
            }
        }
    }
    panic!("no run for {purpose:?} came to its plan: {:?}", world.cloud.control.all_runs());
}

/// Another worker takes the shard of this message over, once the lease of the one that has it has ended.
fn take_over(world: &World, wake: &Wake) {
    let Wake::Apply { tenant, run, shard, .. } = wake else { panic!("{wake:?} applies nothing") };
    let (control, run) = (&world.cloud.control, RunRef { tenant: tenant.clone(), id: run.clone() });
    world.cloud.clock.advance(world.settings.limits.lease);
    let (now, until) = (world.now(), world.now().plus(world.settings.limits.lease));
    let fence = control.next_fence(tenant).now_or_never().unwrap().unwrap();
    let lease = control.take_lease((&run, *shard), fence, now, until).now_or_never().unwrap().unwrap();
    assert_eq!(lease.unwrap().fence, fence);
}

#[test]
fn a_worker_whose_shard_was_taken_over_sentences_nothing_more() {
    let world = cold_store();
    let wakes = about_to_apply(&world, Purpose::Verdict);
    let asleep_before_its_writes = |wake: &Wake| {
        world.apply(wake, &|| {
            take_over(&world, wake);
            false
        });
    };
    wakes.iter().for_each(asleep_before_its_writes);
    assert_eq!(world.phases()[&token(2)], Phase::Cooling);
    // Who took it over died as well: when its lease has ended the next one carries the plan out.
    world.cloud.clock.advance(world.settings.limits.lease);
    for wake in wakes {
        world.cloud.sweep_queue.put_back(wake);
    }
    world.drain();
    assert_eq!(world.phases()[&token(2)], Phase::Sentenced);
    assert_eq!(world.phases()[&token(4)], Phase::Active);
}

#[test]
fn a_shard_that_a_worker_has_is_no_other_workers() {
    let world = cold_store();
    let wakes = about_to_apply(&world, Purpose::Confirm);
    let n_met = Cell::new(0);
    for wake in &wakes {
        let is_second_in = || {
            // The same message has come to another worker as well, in the last second of the lease.
            world.cloud.clock.advance(world.settings.limits.lease.saturating_sub(Duration::from_secs(1)));
            let report = world.apply(wake, &|| false);
            assert_eq!((report.end, report.applied.n_cooled), (ShardEnd::Busy, 0));
            n_met.set(n_met.get() + 1);
            false
        };
        assert_eq!(world.apply(wake, &is_second_in).end, ShardEnd::Done);
    }
    assert_eq!(n_met.get(), 1, "one shard had something to write");
    assert_eq!(world.phases()[&token(2)], Phase::Cooling);
    assert_eq!(world.cloud.vault.n_writes_of(&token(2)), 1);
    let run = world.cloud.control.all_runs().into_iter().find(|run| run.id.ordinal == 2).unwrap();
    assert_eq!((run.stage, run.applied.n_cooled, run.applied.n_changed), (Stage::Applied, 1, 0));
}

#[test]
fn a_row_that_was_put_back_is_not_taken_by_a_worker_from_before_the_one_that_took_it() {
    let world = cold_store();
    let wakes = about_to_apply(&world, Purpose::Confirm);
    let key = row("acme", &token(2)).key();
    let copy = world.cloud.vault.item(&key).unwrap();
    let n_put_back = Cell::new(0);
    for wake in &wakes {
        let sleeps = || {
            // It sleeps beyond its lease, and another worker carries the plan out.
            world.cloud.clock.advance(world.settings.limits.lease);
            assert_eq!(world.apply(wake, &|| false).end, ShardEnd::Done);
            if world.phases()[&token(2)] == Phase::Cooling {
                // The application writes the token back from its copy, the version and all; it knows of no fence.
                world.cloud.vault.edit(&key, |item| {
                    let fence = item.remove("fence").unwrap();
                    item.clone_from(&copy);
                    item.insert("fence".to_owned(), fence);
                });
                n_put_back.set(n_put_back.get() + 1);
            }
            false
        };
        world.apply(wake, &sleeps);
    }
    assert_eq!((n_put_back.get(), world.cloud.vault.n_writes_of(&token(2))), (1, 1));
    assert_eq!(world.phases()[&token(2)], Phase::Active);
}
