//! The ratio: a plan that takes an unusual share of the tokens at once is more often a broken scan than a clean-up.

use super::Finding;
use crate::config::Rails;
use crate::run::PlanTally;

/// Judges how many tokens a plan takes out of service.
pub(super) fn judge(tally: &PlanTally, rails: &Rails) -> Option<Finding> {
    let share = tally.n_active.saturating_mul(u64::from(rails.ratio_percent)).checked_div(100).unwrap_or(0);
    let limit = share.max(rails.ratio_floor);
    (limit < tally.n_cool).then(|| {
        Finding::approval(format!(
            "it would take {} of {} active tokens out of service at once; up to {limit} pass without a person",
            tally.n_cool, tally.n_active
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(n_cool: u64, n_active: u64) -> bool {
        let rails = Rails { ratio_percent: 5, ratio_floor: 10, ..Rails::DEFAULT };
        judge(&PlanTally { n_active, n_cool, ..PlanTally::default() }, &rails).is_some()
    }

    #[test]
    fn an_empty_plan_passes() {
        assert!(!asks(0, 0));
    }

    #[test]
    fn up_to_the_floor_a_plan_passes_whatever_its_share() {
        assert!(!asks(10, 10));
        assert!(asks(11, 11));
    }

    #[test]
    fn above_the_floor_the_share_decides() {
        assert!(!asks(50, 1000));
        assert!(asks(51, 1000));
    }
}
