//! The late-use alarm: tokens that were found unused are read after all. Some always are, and come back by it; many on
//! one day say that the scans are wrong.

use crate::config::Rails;
use crate::run::Run;

/// How many planned runs tell how many tokens are cooling: as many as a campaign has.
const RUNS_OF_A_CAMPAIGN: usize = 3;

/// How many cooling tokens of a tenant may be read in a day before its decisions stop. The runs come latest first.
///
/// Only what runs or idleness took out of service counts. A read of what was revoked or logged out says nothing about
/// Lethe's decisions, rings by itself, and would let anybody with an old cookie stop the collector.
pub fn late_use_limit(runs: &[Run], rails: &Rails) -> u64 {
    let cooling = n_cooling(runs);
    let share = cooling.saturating_mul(u64::from(rails.late_use_percent)).checked_div(100).unwrap_or(0);
    share.max(rails.late_use_floor)
}

/// How many tokens are cooling, or were a short time ago, as the latest plans saw it.
fn n_cooling(runs: &[Run]) -> u64 {
    let planned = runs.iter().filter(|run| run.plan_hash.is_some()).take(RUNS_OF_A_CAMPAIGN);
    let seen = planned.map(|run| {
        let before = run.tally.n_awaiting_verdict.saturating_add(run.tally.n_sentence);
        before.saturating_add(run.applied.n_cooled)
    });
    seen.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{ApplyTally, PlanTally, Purpose, RunId};
    use crate::time::EpochSeconds;
    use crate::token::TenantId;

    fn run(n_awaiting_verdict: u64, n_cooled: u64) -> Run {
        let (tenant, id) = (TenantId::new("acme").unwrap(), RunId::parse("100-01").unwrap());
        Run {
            plan_hash: Some("aa".into()),
            tally: PlanTally { n_awaiting_verdict, ..PlanTally::default() },
            applied: ApplyTally { n_cooled, ..ApplyTally::default() },
            ..Run::booked(tenant, id, Purpose::Discovery, EpochSeconds(1), EpochSeconds(1))
        }
    }

    #[test]
    fn the_limit_is_a_share_of_what_is_cooling_with_a_floor() {
        let rails = Rails { late_use_percent: 1, late_use_floor: 5, ..Rails::DEFAULT };
        for (runs, limit) in [
            (vec![], 5),
            (vec![run(0, 599)], 5),
            (vec![run(0, 600)], 6),
            (vec![run(1_000, 200)], 12),
            // The verdict run sees less than the run before it took out.
            (vec![run(0, 0), run(0, 2_000)], 20),
            // What was cooling four runs ago has left.
            (vec![run(0, 0), run(0, 0), run(0, 0), run(0, 9_000)], 5),
        ] {
            assert_eq!(late_use_limit(&runs, &rails), limit);
        }
    }

    #[test]
    fn a_run_without_a_plan_tells_nothing() {
        let blind = Run { plan_hash: None, ..run(0, 9_000) };
        let rails = Rails { late_use_percent: 1, late_use_floor: 0, ..Rails::DEFAULT };
        assert_eq!(late_use_limit(&[blind], &rails), 0);
    }
}
