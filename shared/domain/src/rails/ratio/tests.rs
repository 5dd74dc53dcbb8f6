use std::collections::BTreeSet;

use super::*;
use crate::backlog::Backlog;
use crate::config::{Config, Rails};
use crate::rails::judge_plan;
use crate::run::{PlanTally, Purpose, RunId};
use crate::time::EpochSeconds;
use crate::token::TenantId;

const NOW: EpochSeconds = EpochSeconds(1_800_000_000);

fn run(slot: i64, purpose: Purpose, n_cool: u64) -> Run {
    let id = RunId { slot: EpochSeconds(slot), ordinal: 1 };
    let booked = Run::booked(TenantId::new("acme").unwrap(), id, purpose, NOW, NOW);
    let tally = PlanTally { n_active: 100_000, n_cool, ..PlanTally::default() };
    Run { stage: Stage::Applied, tally, ..booked }
}

/// Confirming runs that cooled so many of 100,000 each, latest first.
fn earlier(cooled: &[u64]) -> Vec<Run> {
    cooled.iter().zip(1..).map(|(n_cool, slot)| run(slot, Purpose::Confirm, *n_cool)).collect()
}

fn config() -> Config {
    let rails = Rails { ratio_percent: 5, ratio_floor: 10, ..Rails::DEFAULT };
    Config {
        rails,
        ..Config::parse("version = 1\n[kinds.session]\n[tenants.acme]\nshards = 1\nkinds = [\"session\"]\n")
            .unwrap()
    }
}

/// How many persons a plan of a tenant whose first purge is over needs.
fn asks((n_cool, n_active): (u64, u64), earlier: &[Run]) -> u8 {
    let tally = PlanTally { n_active, n_cool, ..PlanTally::default() };
    let run = run(99, Purpose::Confirm, 0);
    let backlog = Backlog { finished_at: Some(NOW), ..Backlog::new(run.tenant.clone()) };
    let facts = PlanFacts {
        run: &run,
        tally: &tally,
        earlier,
        config: &config(),
        backlog: &backlog,
        accepted: &BTreeSet::new(),
        canaries: &[],
    };
    match judge(&facts) {
        None => 0,
        Some(Finding::Approval { n_persons, .. }) => n_persons,
        Some(other) => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_plan_passes() {
    assert_eq!(asks((0, 0), &[]), 0);
}

#[test]
fn up_to_the_floor_a_plan_passes_whatever_its_share() {
    assert_eq!(asks((10, 11), &[]), 0);
    assert_eq!(asks((11, 12), &[]), 2);
    assert_eq!(asks((11, 200), &[]), 1);
}

#[test]
fn above_the_floor_the_share_decides() {
    assert_eq!([49, 50, 51].map(|n| asks((n, 1000), &[])), [0, 0, 1]);
}

#[test]
fn above_fifteen_percent_two_persons_are_asked() {
    assert_eq!([149, 150, 151].map(|n| asks((n, 1000), &[])), [1, 1, 2]);
}

#[test]
fn what_is_usual_lowers_the_cap_and_never_lifts_it() {
    // Median 0.2 %, deviations 0, 0, 0.1, 0.1, 9.8 %: median 0.1 %. So 0.2 + 1 + 3 × 0.1 = 1.5 %.
    let usual = earlier(&[200, 100, 10_000, 200, 300]);
    assert_eq!([1499, 1500, 1501].map(|n| asks((n, 100_000), &usual)), [0, 0, 1]);
    let high = earlier(&[20_000; 5]);
    assert_eq!([5000, 5001].map(|n| asks((n, 100_000), &high)), [0, 1]);
}

#[test]
fn with_too_few_earlier_runs_nothing_is_usual() {
    assert_eq!([5000, 5001].map(|n| asks((n, 100_000), &earlier(&[0; 4]))), [0, 1]);
    assert_eq!([1000, 1001].map(|n| asks((n, 100_000), &earlier(&[0; 5]))), [0, 1]);
}

#[test]
fn only_whole_plans_of_the_same_purpose_are_a_measure() {
    for other in [
        Run { stage: Stage::Void, ..run(9, Purpose::Confirm, 0) },
        run(9, Purpose::Verdict, 0),
        Run { tally: PlanTally::default(), ..run(9, Purpose::Confirm, 0) },
        Run {
            tally: PlanTally { n_deferred: 1, ..run(9, Purpose::Confirm, 0).tally },
            ..run(9, Purpose::Confirm, 0)
        },
    ] {
        let mut runs = earlier(&[0; 4]);
        runs.push(other);
        assert_eq!(asks((5000, 100_000), &runs), 0);
    }
}

#[test]
fn the_words_are_for_whoever_is_woken_by_them() {
    let run = run(99, Purpose::Confirm, 0);
    let tally = PlanTally { n_active: 100_000, n_cool: 1600, n_referenced: 9, ..PlanTally::default() };
    let backlog = Backlog { finished_at: Some(NOW), ..Backlog::new(run.tenant.clone()) };
    let earlier = earlier(&[200, 100, 10_000, 200, 300]);
    let facts = PlanFacts {
        run: &run,
        tally: &tally,
        earlier: &earlier,
        config: &config(),
        backlog: &backlog,
        accepted: &BTreeSet::new(),
        canaries: &[],
    };
    let findings = judge_plan(&facts);
    let [Finding::Approval { why, n_persons: 1 }] = findings.as_slice() else { panic!("{findings:?}") };
    insta::assert_snapshot!(why, @"it would take 1600 of 100000 active tokens (1.60 %) out of service at once; up to 1500 pass without a person; in the runs before it was 0.20 % as a rule. A jump is more often a store that was read badly, a format that changed or a source that the config does not name than a clean-up");
}
