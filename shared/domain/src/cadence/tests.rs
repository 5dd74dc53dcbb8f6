//! Slots: of a duration, of a cron, and on the nights on which clocks change.

use proptest::prelude::*;

use super::*;

fn at(time: &str) -> EpochSeconds {
    EpochSeconds(time.parse::<jiff::Timestamp>().unwrap().as_second())
}

fn cron(text: &str) -> Cadence {
    Cadence::Cron(CronTimes::parse(text).unwrap())
}

/// The slots after a moment, one after the other.
fn slots(cadence: &Cadence, after: &str, n: usize) -> Vec<String> {
    let first = cadence.next_slot(at(after));
    std::iter::successors(first, |last| cadence.next_slot(*last)).take(n).map(|at| at.to_string()).collect()
}

#[test]
fn a_duration_is_counted_from_the_epoch() {
    let daily = Cadence::Every(Duration::from_hours(24));
    assert_eq!(daily.slot(EpochSeconds(1_000_000)), Some(EpochSeconds(950_400)));
    assert_eq!(daily.slot(EpochSeconds(950_400)), Some(EpochSeconds(950_400)));
    assert_eq!(daily.next_slot(EpochSeconds(950_400)), Some(EpochSeconds(1_036_800)));
    assert_eq!(daily.next_slot(EpochSeconds(950_399)), Some(EpochSeconds(950_400)));
    assert_eq!(daily.longest_gap(), Duration::from_hours(24));
}

#[test]
fn a_slot_is_the_moment_of_a_firing() {
    let weekly = cron("30 1 * * 6 Europe/Berlin");
    // 2026-11-28 is a Saturday.
    let slot = at("2026-11-28T00:30:00Z");
    for (now, expected) in [
        ("2026-11-28T00:29:59Z", at("2026-11-21T00:30:00Z")),
        ("2026-11-28T00:30:00Z", slot),
        ("2026-11-28T00:30:01Z", slot),
        ("2026-12-05T00:29:59Z", slot),
    ] {
        assert_eq!(weekly.slot(at(now)), Some(expected), "{now}");
    }
    assert_eq!(weekly.next_slot(slot), Some(at("2026-12-05T00:30:00Z")));
    assert_eq!(weekly.next_slot(at("2026-11-28T00:29:59Z")), Some(slot));
}

#[test]
fn a_firing_that_the_clocks_skip_comes_as_they_are_put_forward() {
    let nightly = cron("30 2 * * * Europe/Berlin");
    assert_eq!(
        slots(&nightly, "2026-03-28T00:00:00Z", 3),
        ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    );
    assert_eq!(nightly.slot(at("2026-03-29T00:59:59Z")), Some(at("2026-03-28T01:30:00Z")));
    assert_eq!(nightly.slot(at("2026-03-29T01:00:00Z")), Some(at("2026-03-29T01:00:00Z")));
}

#[test]
fn a_firing_that_the_clocks_repeat_comes_once_at_the_first_pass() {
    let nightly = cron("30 2 * * * Europe/Berlin");
    assert_eq!(
        slots(&nightly, "2026-10-24T00:00:00Z", 3),
        ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
    // 02:45 shows twice; the slot is the same at both.
    for now in ["2026-10-25T00:45:00Z", "2026-10-25T01:45:00Z"] {
        assert_eq!(nightly.slot(at(now)), Some(at("2026-10-25T00:30:00Z")), "{now}");
    }
}

#[test]
fn the_longest_gap_of_a_cron_knows_changes_of_clocks_and_leap_years() {
    let gaps = |text: &str| {
        CronTimes::parse(text).unwrap().gaps(Duration::ZERO).map(|gaps| (gaps.shortest, gaps.longest))
    };
    let hours = Duration::from_hours;
    assert_eq!(gaps("30 1 * * 6 UTC"), Some((hours(168), hours(168))));
    assert_eq!(gaps("30 1 * * 6 Europe/Berlin"), Some((hours(167), hours(169))));
    assert_eq!(gaps("0 3 1 1 * UTC"), Some((hours(365 * 24), hours(366 * 24))));
    assert_eq!(gaps("0 3 * * 1-5 UTC"), Some((hours(24), hours(72))));
    assert_eq!(gaps("0 0 29 2 * UTC"), None);
    assert_eq!(cron("0 3 * * MON-FRI UTC").longest_gap(), hours(72));
}

#[test]
fn a_cadence_shows_as_the_file_has_it() {
    assert_eq!(Cadence::Every(Duration::from_hours(4)).to_string(), "4h");
    assert_eq!(cron(" 30 1  * * sat   Europe/Berlin ").to_string(), "30 1 * * sat Europe/Berlin");
}

proptest! {
    /// Looking back finds what looking forward passed: the slot does not depend on which ticks came.
    #[test]
    fn the_last_firing_is_the_one_before_the_next(
        now in 1_700_000_000_i64..1_900_000_000,
        text in prop::sample::select(vec![
            "30 2 * * * Europe/Berlin",
            "15 */6 * * * America/New_York",
            "0 3 L * * Australia/Lord_Howe",
            "0 0 * * 1#1 Pacific/Chatham",
            "30 1 * * 6 UTC",
        ]),
    ) {
        let cadence = cron(text);
        let now = EpochSeconds(now);
        let slot = cadence.slot(now).unwrap();
        prop_assert!(slot <= now);
        let next = cadence.next_slot(slot).unwrap();
        prop_assert!(now < next, "{slot} {now} {next}");
        prop_assert_eq!(cadence.slot(slot), Some(slot));
        prop_assert_eq!(cadence.next_slot(now), Some(next));
    }
}
