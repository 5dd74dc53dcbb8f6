//! The slices of a first purge when every call fails once: before its effect, after it, or with its worker killed.

use std::collections::BTreeMap;

use lethe_testkit::FaultKind;

use super::*;

fn start() -> World {
    world(&sample().rail("slice_floor", "3"), 6, 9)
}

fn live(world: &World) {
    for _ in 0..17 {
        world.round();
        world.approve_waiting("acme");
        world.cloud.clock.advance(HOUR * 5);
    }
}

/// What must be the same whatever failed in between: who is out of service after how many writes, and what is on record.
fn end(world: &World) -> (BTreeSet<TokenId>, BTreeMap<TokenId, u64>, Vec<u64>, bool) {
    let backlog = world.cloud.control.backlog_now(&tenant("acme")).unwrap();
    let writes = (1..=9).map(|seed| (token(seed), world.cloud.vault.n_writes_of(&token(seed))));
    let slices = backlog.slices.iter().map(|slice| slice.n_tokens).collect();
    (cooling(world), writes.collect(), slices, backlog.finished_at.is_some())
}

#[test]
fn every_call_of_a_first_purge_may_fail_once() {
    let calm = start();
    live(&calm);
    let expected = end(&calm);
    assert_eq!((&expected.0, &expected.2, expected.3), (&seeds(1..=6), &vec![3, 3], true));
    let mut n_faults = 0_u32;
    for kind in FaultKind::ALL {
        for n in 1.. {
            let world = start();
            world.cloud.faults.fail_call(n, kind);
            live(&world);
            if world.failures.borrow().is_empty() && world.cloud.faults.fired().is_none() {
                break;
            }
            n_faults += 1;
            assert_eq!(end(&world), expected, "call {n} failed ({kind:?}): {:?}", world.failures.borrow());
        }
    }
    assert!(n_faults > 300, "only {n_faults} calls were made to fail");
}
