//! What a plan takes out of service: while a first purge leaves in slices its approval decides, afterwards the ratio.

use super::ratio::{self, limit, n_persons, percent_text, share_of};
use super::{Finding, PlanFacts};
use crate::backlog::days_to_finish;

/// Judges what a plan takes out of service, and what it puts off.
pub(super) fn judge(facts: &PlanFacts<'_>) -> Option<Finding> {
    let PlanFacts { run, tally, config, backlog, .. } = facts;
    let is_open = backlog.finished_at.is_none();
    if !is_open || (tally.n_deferred == 0 && backlog.approved.is_none()) {
        return ratio::judge(facts);
    }
    let n_left = tally.n_cool.saturating_add(tally.n_deferred);
    if tally.n_cool == 0 || backlog.covers(&run.id, n_left, limit(facts)) {
        return None;
    }
    Some(Finding::Approval {
        why: why(facts, n_left),
        n_persons: n_persons(n_left, tally.n_active, &config.rails.gate),
    })
}

fn why(facts: &PlanFacts<'_>, n_left: u64) -> String {
    let PlanFacts { tally, config, backlog, .. } = facts;
    let n_days = days_to_finish(tally.n_deferred, tally.n_active, &config.rails.gate);
    let begins = match (&backlog.approved, &backlog.stopped) {
        (Some(_), Some(stopped)) => format!("its first purge was stopped: {stopped}"),
        (Some(approved), None) => {
            format!(
                "its first purge has grown beyond the {} tokens that were approved at {}",
                approved.n_tokens, approved.at
            )
        }
        (None, _) => "this is its first purge".to_owned(),
    };
    format!(
        "{begins}. {n_left} of {} active tokens ({}) look unused; this plan takes the {} that were unused longest out of \
         service, and later runs the others, a slice a day for {n_days} days. The approval of this plan covers all {n_left}, \
         and beyond them only what needs no person. Are they as many as you expect? If not, a store is missing in the config or was read badly",
        tally.n_active,
        percent_text(share_of(n_left, tally.n_active)),
        tally.n_cool,
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::backlog::Backlog;
    use crate::config::{Config, GateRails};
    use crate::run::{PlanTally, Purpose, Run, RunId};
    use crate::time::EpochSeconds;
    use crate::token::TenantId;

    const NOW: EpochSeconds = EpochSeconds(1_800_000_000);

    fn run(ordinal: u8, n_cool: u64, n_deferred: u64) -> Run {
        let id = RunId { slot: NOW, ordinal };
        let tally = PlanTally { n_active: 10_000, n_cool, n_deferred, ..PlanTally::default() };
        Run { tally, ..Run::booked(TenantId::new("acme").unwrap(), id, Purpose::Confirm, NOW, NOW) }
    }

    fn fresh() -> Backlog {
        Backlog::new(TenantId::new("acme").unwrap())
    }

    fn found(run: &Run, backlog: &Backlog) -> Option<(String, u8)> {
        let text = "version = 1\n[kinds.session]\n[tenants.acme]\nshards = 1\nkinds = [\"session\"]\n";
        let config = Config::parse(text).unwrap();
        let (tally, accepted) = (&run.tally, &BTreeSet::new());
        let facts = PlanFacts { run, tally, earlier: &[], config: &config, backlog, accepted, canaries: &[] };
        match judge(&facts) {
            None => None,
            Some(Finding::Approval { why, n_persons }) => Some((why, n_persons)),
            Some(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_first_purge_that_fits_into_the_cohort_is_everyday_life() {
        assert_eq!(found(&run(1, 100, 0), &fresh()), None);
    }

    #[test]
    fn one_approval_covers_the_whole_backlog() {
        let (why, n_persons) = found(&run(1, 100, 1400), &fresh()).unwrap();
        assert_eq!(n_persons, 1);
        insta::assert_snapshot!(why, @"this is its first purge. 1500 of 10000 active tokens (15.00 %) look unused; this plan takes the 100 that were unused longest out of service, and later runs the others, a slice a day for 3 days. The approval of this plan covers all 1500, and beyond them only what needs no person. Are they as many as you expect? If not, a store is missing in the config or was read badly");
        let (first, rails) = (run(1, 100, 1400), GateRails::DEFAULT);
        let approved = fresh().with_slice(&first, vec!["ada".into()], NOW).after(&first, &rails, NOW);
        assert_eq!(found(&run(2, 500, 900), &approved), None);
        // 500 of 10,000 pass without a person anyway.
        assert_eq!(found(&run(2, 500, 1400), &approved), None);
        let (why, _) = found(&run(2, 500, 1401), &approved).unwrap();
        assert!(why.starts_with("its first purge has grown beyond the 1500 tokens that were approved at 2027-01-15T08:00:00Z. "), "{why}");
        let (why, _) = found(&run(2, 500, 900), &approved.stopped("9 reads of cooling tokens")).unwrap();
        assert!(why.starts_with("its first purge was stopped: 9 reads of cooling tokens. "), "{why}");
    }

    #[test]
    fn two_persons_approve_a_backlog_of_more_than_fifteen_percent() {
        assert_eq!(found(&run(1, 100, 1400), &fresh()).map(|(_, n)| n), Some(1));
        assert_eq!(found(&run(1, 100, 1401), &fresh()).map(|(_, n)| n), Some(2));
    }

    #[test]
    fn a_plan_that_takes_nothing_needs_nobody() {
        assert_eq!(found(&run(1, 0, 5000), &fresh()), None);
    }

    #[test]
    fn afterwards_the_ratio_decides() {
        let finished = Backlog { finished_at: Some(NOW), ..fresh() };
        assert_eq!(found(&run(1, 500, 0), &finished), None);
        assert_eq!(found(&run(1, 501, 0), &finished).map(|(_, n)| n), Some(1));
    }
}
