//! Windows: each side of each edge, over midnight, and on the nights on which clocks change.

use proptest::prelude::*;

use super::*;

fn at(time: &str) -> EpochSeconds {
    EpochSeconds(time.parse::<jiff::Timestamp>().unwrap().as_second())
}

fn window(text: &str) -> Window {
    Window::parse(text).unwrap()
}

fn open(since: &str, until: &str) -> Opening {
    Opening::Open { since: at(since), until: at(until) }
}

fn closed(until: &str) -> Opening {
    Opening::Closed { until: at(until) }
}

#[track_caller]
fn check(text: &str, cases: &[(&str, Opening)]) {
    for (now, expected) in cases {
        assert_eq!(window(text).at(at(now)), *expected, "{now}");
    }
}

#[test]
fn a_window_begins_with_its_first_second_and_ends_before_its_last() {
    let tonight = open("2026-11-27T00:00:00Z", "2026-11-27T04:00:00Z");
    check(
        "01:00-05:00 Europe/Berlin",
        &[
            ("2026-11-26T23:59:59Z", closed("2026-11-27T00:00:00Z")),
            ("2026-11-27T00:00:00Z", tonight),
            ("2026-11-27T03:59:59Z", tonight),
            ("2026-11-27T04:00:00Z", closed("2026-11-28T00:00:00Z")),
        ],
    );
}

#[test]
fn a_window_may_go_over_midnight() {
    let tonight = open("2026-11-27T22:30:00Z", "2026-11-28T05:00:00Z");
    check(
        "22:30-05:00 UTC",
        &[
            ("2026-11-27T22:29:59Z", closed("2026-11-27T22:30:00Z")),
            ("2026-11-27T22:30:00Z", tonight),
            ("2026-11-28T00:00:00Z", tonight),
            ("2026-11-28T04:59:59Z", tonight),
            ("2026-11-28T05:00:00Z", closed("2026-11-28T22:30:00Z")),
        ],
    );
    let (short, long) = (window("22:30-05:00 UTC"), window("05:00-22:30 UTC"));
    assert_eq!((short.length(), short.closed()), (Duration::from_mins(390), Duration::from_mins(1050)));
    assert_eq!((long.length(), long.closed()), (short.closed(), short.length()));
}

#[test]
fn a_night_on_which_the_clocks_go_forward_is_an_hour_shorter() {
    check(
        "01:00-05:00 Europe/Berlin",
        &[
            ("2026-03-29T00:00:00Z", open("2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z")),
            ("2026-03-29T03:00:00Z", closed("2026-03-29T23:00:00Z")),
        ],
    );
    // 02:30 is skipped: what begins or ends then begins or ends as 03:00 shows.
    check(
        "02:30-05:00 Europe/Berlin",
        &[
            ("2026-03-29T00:59:59Z", closed("2026-03-29T01:00:00Z")),
            ("2026-03-29T01:00:00Z", open("2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z")),
        ],
    );
    check(
        "00:30-02:30 Europe/Berlin",
        &[("2026-03-29T00:59:59Z", open("2026-03-28T23:30:00Z", "2026-03-29T01:00:00Z"))],
    );
    // All of it is skipped: there is no such hour that night.
    check("02:00-03:00 Europe/Berlin", &[("2026-03-29T01:00:00Z", closed("2026-03-30T00:00:00Z"))]);
}

#[test]
fn a_night_on_which_the_clocks_go_back_is_an_hour_longer_and_an_edge_is_its_first_pass() {
    check(
        "01:00-05:00 Europe/Berlin",
        &[("2026-10-25T01:30:00Z", open("2026-10-24T23:00:00Z", "2026-10-25T04:00:00Z"))],
    );
    // 02:30 shows at 00:30 and at 01:30.
    check(
        "01:00-02:30 Europe/Berlin",
        &[
            ("2026-10-25T00:29:59Z", open("2026-10-24T23:00:00Z", "2026-10-25T00:30:00Z")),
            ("2026-10-25T00:30:00Z", closed("2026-10-26T00:00:00Z")),
            ("2026-10-25T01:15:00Z", closed("2026-10-26T00:00:00Z")),
        ],
    );
    check(
        "02:30-05:00 Europe/Berlin",
        &[("2026-10-25T00:30:00Z", open("2026-10-25T00:30:00Z", "2026-10-25T04:00:00Z"))],
    );
}

proptest! {
    /// A window is open or tells when it opens, and what it tells holds.
    #[test]
    fn what_an_opening_tells_holds(
        now in 1_700_000_000_i64..1_900_000_000,
        text in prop::sample::select(vec![
            "01:00-05:00 Europe/Berlin",
            "02:30-01:30 Europe/Berlin",
            "22:00-02:30 America/New_York",
            "01:45-03:15 Australia/Lord_Howe",
            "00:00-23:00 Pacific/Apia",
        ]),
    ) {
        let (window, now) = (window(text), EpochSeconds(now));
        match window.at(now) {
            Opening::Open { since, until } => {
                prop_assert!(since <= now && now < until);
                prop_assert_eq!(window.at(since), window.at(now));
                prop_assert_eq!(window.at(EpochSeconds(until.0 - 1)), window.at(now));
            }
            Opening::Closed { until } => {
                prop_assert!(now < until && until.0 - now.0 < 2 * 86_400);
                prop_assert!(window.at(until).is_open());
                prop_assert!(!window.at(EpochSeconds(until.0 - 1)).is_open());
            }
        }
    }
}
