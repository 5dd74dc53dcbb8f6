//! What a run is compared with: the last one before it that saw its sources whole and that nobody doubts.

use std::collections::BTreeSet;

use crate::run::{Baseline, Run, RunId, Stage};

/// What the next run is compared with: the last good run, one that came to its end or that a rail stopped and a person
/// accepted. Where none is in sight any more, it is what the runs in sight were compared with.
pub fn baseline_of(runs: &[Run], accepted: &BTreeSet<RunId>) -> Option<Baseline> {
    let good = runs.iter().filter(|run| is_good(run, accepted)).map(|run| Baseline {
        run: run.id.clone(),
        scan_started_at: run.scan_started_at,
        sources: run.sources.clone(),
    });
    let carried = runs.iter().filter_map(|run| run.baseline.clone());
    good.chain(carried).max_by_key(|baseline| baseline.scan_started_at)
}

/// Whether later runs are held against what this one saw.
fn is_good(run: &Run, accepted: &BTreeSet<RunId>) -> bool {
    match run.stage {
        Stage::Applied | Stage::Reported => run.evidence.is_some(),
        Stage::Void => run.is_acceptable() && accepted.contains(&run.id),
        Stage::Booked
        | Stage::Surveying
        | Stage::Scanning
        | Stage::Draining
        | Stage::Planning
        | Stage::Gated
        | Stage::Applying => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Purpose;
    use crate::time::EpochSeconds;
    use crate::token::TenantId;

    fn run(ordinal: u8, stage: Stage) -> Run {
        let id = RunId { slot: EpochSeconds(1000), ordinal };
        let tenant = TenantId::new("acme").unwrap();
        let booked = Run::booked(tenant, id, Purpose::Discovery, EpochSeconds(0), EpochSeconds(0));
        let scan_started_at = EpochSeconds(i64::from(ordinal));
        Run { stage, scan_started_at, evidence: Some("e".to_owned()), ..booked }
    }

    fn last(runs: &[Run], accepted: &[u8]) -> Option<u8> {
        let id = |ordinal: &u8| RunId { slot: EpochSeconds(1000), ordinal: *ordinal };
        baseline_of(runs, &accepted.iter().map(id).collect()).map(|baseline| baseline.run.ordinal)
    }

    #[test]
    fn before_the_first_run_there_is_nothing_to_compare_with() {
        assert_eq!(last(&[], &[]), None);
        assert_eq!(last(&[run(1, Stage::Scanning), run(2, Stage::Gated)], &[]), None);
    }

    #[test]
    fn the_last_run_that_ended_counts_and_a_void_one_does_not() {
        let runs = [run(3, Stage::Void), run(2, Stage::Reported), run(1, Stage::Applied)];
        assert_eq!(last(&runs, &[]), Some(2));
    }

    #[test]
    fn a_void_run_counts_once_a_person_accepted_it() {
        let runs = [run(3, Stage::Void), run(2, Stage::Applied)];
        assert_eq!(last(&runs, &[3]), Some(3));
    }

    #[test]
    fn a_run_that_did_not_see_its_sources_whole_is_never_compared_with() {
        let unsealed = |ordinal, stage| Run { evidence: None, ..run(ordinal, stage) };
        assert_eq!(last(&[unsealed(3, Stage::Void), run(2, Stage::Applied)], &[3]), Some(2));
    }

    #[test]
    fn void_runs_without_end_do_not_lose_what_they_are_compared_with() {
        let baseline = baseline_of(&[run(1, Stage::Applied)], &BTreeSet::new());
        let void = |ordinal| Run { baseline: baseline.clone(), evidence: None, ..run(ordinal, Stage::Void) };
        assert_eq!(last(&[void(3), void(2)], &[]), Some(1));
        assert_eq!(
            last(&[void(3), run(2, Stage::Reported)], &[]),
            Some(2),
            "a later good run takes its place"
        );
    }
}
