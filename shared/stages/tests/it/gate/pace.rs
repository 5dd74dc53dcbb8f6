//! How many tokens of a tenant leave service in a minute.

use std::time::Duration;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn no_more_leave_in_a_minute_than_the_rail_allows() {
    let sample = Sample::new().tenant("acme").table("orders", "acme-orders", 2).cadence("30d");
    let world = world(&sample.rail("demotions_per_minute", "60"), 150, 400);
    world.rounds(4, HOUR);
    // From the confirming run on in small steps.
    let mut seen = 0;
    for _ in 0..40 {
        world.round();
        let now = cooling(&world).len();
        // Two shards share the minute.
        assert!(now <= seen + 60, "{now} after {seen}");
        seen = now;
        world.cloud.clock.advance(MINUTE);
    }
    assert_eq!(cooling(&world), seeds(1..=150));
    assert_eq!(last_at(&world, Stage::Applied).applied.n_cooled, 150);
    assert!(world.failures.borrow().is_empty(), "{:?}", world.failures.borrow());
}
