//! Writers who are not Lethe.

use std::time::Duration;

use lethe_domain::audit::Event;
use lethe_domain::policy::Trigger;
use lethe_domain::row::Phase;
use lethe_testkit::{row, token};
use serde_json::json;

use crate::world::{HOUR, live_world};

#[test]
fn a_sentenced_row_that_somebody_wrote_is_not_removed_until_it_was_decided_again() {
    let world = live_world(2);
    let since = world.now();
    let sentenced = row("acme", &token(7)).cooling(Trigger::Revoked, since).purge_at(since.plus(HOUR));
    world.cloud.vault.insert(row("acme", &token(7)));
    world.drain();
    world.revoke("acme", &token(7));
    let key = sentenced.key();
    assert_eq!(world.phases()[&token(7)], Phase::Sentenced);
    // Somebody moves the date of removal to now, without a step of the version.
    world.cloud.vault.set_attribute(&key, "purge_at", json!({ "N": since.0.to_string() }));
    world.drain();
    assert_eq!(world.phases()[&token(7)], Phase::Cooling);
    assert!(world.events_of("acme", &token(7)).contains(&Event::OutOfBand));
    // Its reason stands, so it gets a date again, a whole cool-off away.
    world.rounds(2, HOUR);
    let row = world.cloud.vault.row(&key).unwrap();
    assert!(since.plus(Duration::from_hours(24)) <= row.purge_at.unwrap());
}

#[test]
fn react_answers_its_own_writes_with_nothing() {
    let world = live_world(2);
    world.revoke("acme", &token(1));
    world.cloud.vault.set_attribute(&row("acme", &token(1)).key(), "purge_at", json!({ "N": "1" }));
    world.drain();
    let writes = world.cloud.vault.n_writes_of(&token(1));
    world.drain();
    assert_eq!(world.cloud.vault.n_writes_of(&token(1)), writes);
}
