//! What no window binds: what people and applications say, what is condemned, and what is needed again.

use super::*;

#[test]
fn outside_the_window_a_condemned_token_leaves_and_a_command_is_heard() {
    let revoked = "[kinds.vault.on.revoked]\ncool_off = \"0s\"";
    let world = world(&sample().window(NIGHT).with(revoked));
    world.cloud.clock.set(at("10:00:00"));
    world.revoke("acme", &token(1));
    world.rounds(2, TEN_MINUTES);
    assert_eq!(world.cloud.vault.row(&row("acme", &token(1)).key()), None);
    assert_eq!(in_service(&world), seeds([2, 3, 4]));
    let events = world.events_of("acme", &token(1));
    assert!(events.contains(&lethe_domain::audit::Event::Archived), "{events:?}");
    assert!(runs(&world).is_empty());
}

#[test]
fn outside_the_window_a_sentenced_token_leaves_on_its_day() {
    let world = world(&sample().window(NIGHT));
    let gone = |world: &World| world.cloud.vault.row(&row("acme", &token(2)).key()).is_none();
    let sentenced = |world: &World| world.phases().get(&token(2)) == Some(&Phase::Sentenced);
    for _ in 0..24 * 6 * 12 {
        if sentenced(&world) {
            break;
        }
        world.rounds(1, TEN_MINUTES);
    }
    assert!(sentenced(&world));
    let key = row("acme", &token(2)).key();
    let purge_at = world.cloud.vault.row(&key).unwrap().purge_at.unwrap();
    // No run has worked since, the day being over before the next window has closed the circle.
    world.cloud.clock.set(EpochSeconds(purge_at.0 - 1));
    world.reconcile().unwrap();
    world.drain();
    assert!(!gone(&world));
    world.cloud.clock.set(EpochSeconds(purge_at.0 + 6 * 3600));
    assert!(!(0..4 * 3600).contains(&world.now().0.rem_euclid(86_400)), "the window is closed");
    world.reconcile().unwrap();
    world.drain();
    assert!(gone(&world));
}

#[test]
fn outside_the_window_a_tokens_end_is_seen() {
    let expired = "[kinds.access.on.expired]\ncool_off = \"0s\"";
    let world = world(&sample().window(NIGHT).with(expired));
    let ends = at("09:00:00");
    world.cloud.vault.insert(row("acme", &token(50)).kind("access").expires_at(ends).due_at(ends));
    world.cloud.clock.set(at("10:00:00"));
    world.rounds(2, TEN_MINUTES);
    assert_eq!(world.cloud.vault.row(&row("acme", &token(50)).key()), None);
    assert_eq!(in_service(&world), seeds(1..=4));
}

#[test]
fn a_revival_does_not_wait_for_the_window_and_a_demotion_does() {
    let evenings = || sample().window("21:00-09:00 Europe/Berlin").cadence("0 21 * * * Europe/Berlin");
    let world = world(&evenings());
    rounds_until(&world, at("12:00:00"), TEN_MINUTES);
    assert_eq!(out_of_service(&world), seeds([2]));
    // Token 3 is in use no more, which the first run of the evening sees; token 2 is again before the second one.
    let third = lethe_sources::Attribute::S(token(3).expose().to_owned());
    world.stores.tables.remove("acme-orders", |item| item.get("note") == Some(&third));
    world.cloud.control.put_config(&evenings().ratio(0, 0).text(), world.now());
    rounds_until(&world, at("22:00:00"), TEN_MINUTES);
    world.store("acme-orders", &token(2));
    world.operator.set(crate::driver::Operator::Away);
    rounds_until(&world, at("2027-01-17T12:00:00Z"), TEN_MINUTES);
    let gated = world.waiting("acme").remove(0);
    assert_eq!((gated.tally.n_cool, gated.tally.n_reinstate), (1, 1));

    // A person approves the plan when the window is closed.
    world.approve_waiting("acme");
    world.rounds(2, TEN_MINUTES);
    assert_eq!(out_of_service(&world), seeds([]));
    rounds_until(&world, at("2027-01-17T19:59:50Z"), TEN_MINUTES);
    assert_eq!(out_of_service(&world), seeds([]));
    world.cloud.clock.set(at("2027-01-17T20:00:00Z"));
    world.round();
    assert_eq!((out_of_service(&world), in_service(&world)), (seeds([3]), seeds([1, 2, 4])));
}
