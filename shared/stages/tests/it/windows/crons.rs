//! Campaigns by a cron: their slots are its firings, whatever the ticks.

use super::*;

fn slots(world: &World) -> Vec<String> {
    let discoveries =
        runs(world).into_iter().filter(|run| run.purpose == Purpose::Discovery && run.id.ordinal == 1);
    discoveries.map(|run| run.id.slot.to_string()).collect()
}

/// The campaigns of a world whose ticks come at this step.
fn campaigns(cadence: &str, (from, to): (&str, &str), step: Duration) -> Vec<String> {
    let world = world(&sample().cadence(cadence));
    world.cloud.clock.set(at(from));
    rounds_until(&world, at(to), step);
    slots(&world)
}

#[test]
fn a_weekly_cron_starts_a_campaign_at_each_firing() {
    let weeks = ("2027-01-15T08:00:00Z", "2027-01-31T08:00:00Z");
    // The first tick finds the firing that was before it, as with a duration.
    let expected =
        ["2027-01-09T00:30:00Z", "2027-01-16T00:30:00Z", "2027-01-23T00:30:00Z", "2027-01-30T00:30:00Z"];
    for step in [HOUR, Duration::from_mins(37)] {
        assert_eq!(campaigns("30 1 * * 6 Europe/Berlin", weeks, step), expected, "{step:?}");
    }
}

#[test]
fn a_nightly_cron_starts_one_campaign_a_night_where_clocks_change() {
    let nightly = "30 2 * * * Europe/Berlin";
    let spring = ("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    let autumn = ("2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
    assert_eq!(
        campaigns(nightly, spring, TEN_MINUTES),
        ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    );
    assert_eq!(
        campaigns(nightly, autumn, TEN_MINUTES),
        ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
}

#[test]
fn firings_outside_the_window_are_one_campaign_when_it_opens() {
    let world = world(&sample().cadence("0 8,12,16,20 * * * UTC").window(NIGHT));
    rounds_until(&world, at("2027-01-17T12:00:00Z"), TEN_MINUTES);
    assert_eq!(slots(&world), ["2027-01-15T20:00:00Z", "2027-01-16T20:00:00Z"]);
    let first = runs(&world).remove(0);
    assert_eq!(first.scan_started_at, at("00:00:00"));
}

#[test]
fn a_cron_takes_the_same_tokens_as_a_duration() {
    let world = world(&sample().cadence("30 1 * * 6 Europe/Berlin"));
    rounds_until(&world, at("2027-02-01T00:00:00Z"), HOUR);
    assert_eq!(in_service(&world), seeds([1, 3, 4]));
    assert_eq!(world.cloud.vault.row(&row("acme", &token(2)).key()), None);
}
