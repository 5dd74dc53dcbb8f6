//! Cadences and windows: what stands, and each fault with its place.

use super::*;
use crate::cadence::CronTimes;

const CADENCE_LINE: &str = "cadence = \"24h\"";

fn cadence(value: &str) -> String {
    spoil(CADENCE_LINE, &format!("cadence = \"{value}\""))
}

fn window(value: &str) -> String {
    spoil(CADENCE_LINE, &format!("window = \"{value}\""))
}

#[test]
fn a_file_without_a_window_has_none() {
    let config = Config::parse(WHOLE).unwrap();
    let tenant = &config.tenants[&acme()];
    assert_eq!((&tenant.window, tenant.opening(EpochSeconds(0))), (&None, Opening::ALWAYS));
}

#[test]
fn a_cron_with_its_zone_and_a_window_stand_and_no_scale_changes_them() {
    let lines = "cadence = \" 30  1 * * 6 Europe/Berlin\"\nwindow = \"22:30-05:00 Europe/Berlin\"";
    let config = Config::parse(&WHOLE.replacen(CADENCE_LINE, lines, 1)).unwrap();
    let tenant = &config.tenants[&acme()];
    assert_eq!(tenant.cadence, Cadence::Cron(CronTimes::parse("30 1 * * 6 Europe/Berlin").unwrap()));
    assert_eq!(tenant.cadence.to_string(), "30 1 * * 6 Europe/Berlin");
    assert_eq!(tenant.window.as_ref().unwrap().to_string(), "22:30-05:00 Europe/Berlin");
    let scaled = config.clone().scaled(TimeScale::dividing_by(NonZeroU32::new(3600).unwrap()));
    assert_eq!(scaled.tenants[&acme()].cadence, tenant.cadence);
    assert_eq!(scaled.tenants[&acme()].window, tenant.window);
}

#[test]
fn a_cron_without_a_zone_says_to_write_one() {
    insta::assert_snapshot!(cadence("30 1 * * 6"), @"lethe.toml:22:11 tenants.acme.cadence: names no time zone; write one after the five fields, as UTC or Europe/Berlin");
    insta::assert_snapshot!(cadence("30 1 * * 6 Berlin"), @"lethe.toml:22:11 tenants.acme.cadence: ends with a word that is no time zone of the IANA database; write one there, as UTC or Europe/Berlin");
    insta::assert_snapshot!(cadence("0 30 1 * * 6"), @"lethe.toml:22:11 tenants.acme.cadence: ends with a word that is no time zone of the IANA database; write one there, as UTC or Europe/Berlin");
}

#[test]
fn each_bad_cron_is_one_fault_that_says_how_to_write_it() {
    insta::assert_snapshot!(cadence("@daily UTC"), @r#"lethe.toml:22:11 tenants.acme.cadence: is neither a duration nor a cron; write a whole number and s, m, h or d, as "24h", or five cron fields and a time zone, as "30 1 * * 6 Europe/Berlin""#);
    insta::assert_snapshot!(cadence("1 * * 6 UTC"), @r#"lethe.toml:22:11 tenants.acme.cadence: is not five cron fields and a time zone; write minute, hour, day of the month, month and day of the week, and then the zone, as "30 1 * * 6 Europe/Berlin""#);
    insta::assert_snapshot!(cadence("0 30 1 * * 6 UTC"), @r#"lethe.toml:22:11 tenants.acme.cadence: is not five cron fields and a time zone; write minute, hour, day of the month, month and day of the week, and then the zone, as "30 1 * * 6 Europe/Berlin""#);
    insta::assert_snapshot!(cadence("60 1 * * 6 UTC"), @"lethe.toml:22:11 tenants.acme.cadence: its minute is not one that a cron has; write 0 to 59, or * for each");
    insta::assert_snapshot!(cadence("0 24 * * 6 UTC"), @"lethe.toml:22:11 tenants.acme.cadence: its hour is not one that a cron has; write 0 to 23, or * for each");
    insta::assert_snapshot!(cadence("0 1 0 * 6 UTC"), @"lethe.toml:22:11 tenants.acme.cadence: its day of the month is not one that a cron has; write 1 to 31, or * for each");
    insta::assert_snapshot!(cadence("0 1 * SMARCH 6 UTC"), @"lethe.toml:22:11 tenants.acme.cadence: its month is not one that a cron has; write 1 to 12 or JAN to DEC, or * for each");
    insta::assert_snapshot!(cadence("0 1 * * 8 UTC"), @"lethe.toml:22:11 tenants.acme.cadence: its day of the week is not one that a cron has; write 0 to 7 or SUN to SAT, or * for each");
    insta::assert_snapshot!(cadence("@daily 1 * * 6 UTC"), @"lethe.toml:22:11 tenants.acme.cadence: its minute is not one that a cron has; write 0 to 59, or * for each");
    insta::assert_snapshot!(cadence(&format!("{} 1 * * 6 UTC", "1,".repeat(64))), @"lethe.toml:22:11 tenants.acme.cadence: is longer than 128 characters; shorten it");
}

#[test]
fn the_floor_holds_against_the_shortest_gap_and_the_ceiling_against_the_longest() {
    insta::assert_snapshot!(cadence("*/5 * * * * UTC"), @"lethe.toml:22:11 tenants.acme.cadence: fires 5m apart at times, changes of clocks included, which is below the floor of 4h: the runs of one campaign are at least 4h apart; let it fire less often");
    insta::assert_snapshot!(cadence("0 1,4 * * * UTC"), @"lethe.toml:22:11 tenants.acme.cadence: fires 3h apart at times, changes of clocks included, which is below the floor of 4h: the runs of one campaign are at least 4h apart; let it fire less often");
    // As the clocks go forward, 00:00 and 04:00 are three hours apart.
    insta::assert_snapshot!(cadence("0 */4 * * * Europe/Berlin"), @"lethe.toml:22:11 tenants.acme.cadence: fires 3h apart at times, changes of clocks included, which is below the floor of 4h: the runs of one campaign are at least 4h apart; let it fire less often");
    insta::assert_snapshot!(cadence("0 0 29 2 * UTC"), @"lethe.toml:22:11 tenants.acme.cadence: fires less than twice in four years; let it fire once a year or more often");
    insta::assert_snapshot!(cadence("0 0 30 2 * UTC"), @"lethe.toml:22:11 tenants.acme.cadence: fires less than twice in four years; let it fire once a year or more often");
    for stands in ["0 */4 * * * UTC", "0 0,6,12,18 * * * Europe/Berlin", "0 3 31 12 * UTC", "0 3 1 1 * UTC"] {
        let text = WHOLE.replacen(CADENCE_LINE, &format!("cadence = \"{stands}\""), 1);
        assert!(Config::parse(&text).is_ok(), "{stands}");
    }
}

#[test]
fn the_gaps_of_what_is_stored_are_not_walked_through_again() {
    let text = WHOLE.replacen(CADENCE_LINE, "cadence = \"0 0 29 2 * UTC\"", 1);
    assert!(Config::parse(&text).is_err() && Config::parse_stored(&text).is_ok());
    assert!(Config::parse_stored(&WHOLE.replacen(CADENCE_LINE, "cadence = \"0 0 29 2 *\"", 1)).is_err());
}

#[test]
fn each_bad_window_is_one_fault_that_says_how_to_write_it() {
    insta::assert_snapshot!(window("01:00-05:00"), @"lethe.toml:22:10 tenants.acme.window: names no time zone; write one after the times, as UTC or Europe/Berlin");
    insta::assert_snapshot!(window("01:00-05:00 Berlin"), @"lethe.toml:22:10 tenants.acme.window: ends with a word that is no time zone of the IANA database; write one there, as UTC or Europe/Berlin");
    insta::assert_snapshot!(window("1:00-5:00 Europe/Berlin"), @r#"lethe.toml:22:10 tenants.acme.window: is not two times of the day and a time zone; write them as "01:00-05:00 Europe/Berlin""#);
    insta::assert_snapshot!(window("22:00-24:00 UTC"), @r#"lethe.toml:22:10 tenants.acme.window: is not two times of the day and a time zone; write them as "01:00-05:00 Europe/Berlin""#);
    insta::assert_snapshot!(window("01:00 - 05:00 UTC"), @r#"lethe.toml:22:10 tenants.acme.window: is not two times of the day and a time zone; write them as "01:00-05:00 Europe/Berlin""#);
    insta::assert_snapshot!(window("01:00-01:00 UTC"), @"lethe.toml:22:10 tenants.acme.window: begins and ends at the same time; leave it out where runs may work all day");
    insta::assert_snapshot!(spoil(CADENCE_LINE, "window = 4"), @"lethe.toml:22:10 tenants.acme.window: is a whole number; use a text in quotes");
}

#[test]
fn a_window_is_open_for_an_hour_and_closed_for_one() {
    insta::assert_snapshot!(window("01:00-01:59 UTC"), @"lethe.toml:22:10 tenants.acme.window: is 59m a day, which is below the floor of 1h: a run reads, waits and looks again in it; use 1h or more");
    insta::assert_snapshot!(window("23:30-00:00 UTC"), @"lethe.toml:22:10 tenants.acme.window: is 30m a day, which is below the floor of 1h: a run reads, waits and looks again in it; use 1h or more");
    insta::assert_snapshot!(window("01:00-00:01 UTC"), @"lethe.toml:22:10 tenants.acme.window: is closed for 59m a day only; close it for 1h or more, or leave it out");
    for stands in ["01:00-02:00 UTC", "23:30-00:30 UTC", "01:00-00:00 UTC"] {
        let text = WHOLE.replacen(CADENCE_LINE, &format!("window = \"{stands}\""), 1);
        assert!(Config::parse(&text).is_ok(), "{stands}");
    }
}

#[test]
fn a_window_in_which_no_run_could_end_is_refused() {
    let with = |hours: &str, rail: &str| {
        let text = WHOLE.replacen(CADENCE_LINE, &format!("window = \"{hours} UTC\""), 1);
        Config::parse(&text.replacen("in_flight_max = \"15m\"", rail, 1))
    };
    insta::assert_snapshot!(with("01:00-03:00", "in_flight_max = \"2h\"").unwrap_err(), @"lethe.toml:22:10 tenants.acme.window: is 2h a day, but a run looks at its sources again 2h after it has read them (rails.in_flight_max); widen the window, or lower in_flight_max");
    assert!(with("01:00-03:00", "in_flight_max = \"119m\"").is_ok());
    insta::assert_snapshot!(with("01:00-05:00", "plan_max_age = \"20h\"").unwrap_err(), @"lethe.toml:22:10 tenants.acme.window: is closed for 20h a day, but a plan is too old to be carried out 20h after its scan began (rails.plan_max_age): what a person approves by day could never go on; widen the window, or raise plan_max_age");
    assert!(with("01:00-05:00", "plan_max_age = \"21h\"").is_ok());
}

#[test]
fn a_tenant_without_runs_has_no_window() {
    let text = MINIMAL.replace("shards = 1", "shards = 1\nwindow = \"01:00-05:00 UTC\"");
    insta::assert_snapshot!(faults(&text), @"lethe.toml:5:10 tenants.acme.window: bounds runs, and no kind of this tenant has a format, so it has none; remove this");
}
