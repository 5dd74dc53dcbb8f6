//! What stands between a plan and its first write.

use crate::config::Rails;
use crate::run::PlanTally;

/// What the gate says to a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Go on.
    Open,
    /// A person must approve it, and this is why.
    Approval(String),
}

/// Judges a whole tenant's plan. The ratio rail: a plan that takes an unusual share of the tokens at once is more
/// often a broken scan than a clean-up.
pub fn judge(tally: &PlanTally, rails: &Rails) -> Gate {
    let share = tally.n_active.saturating_mul(u64::from(rails.ratio_percent)).checked_div(100).unwrap_or(0);
    let limit = share.max(rails.ratio_floor);
    if limit < tally.n_cool {
        return Gate::Approval(format!(
            "it would take {} of {} active tokens out of service at once; up to {limit} pass without a person",
            tally.n_cool, tally.n_active
        ));
    }
    Gate::Open
}

/// How many tokens a day's commands may condemn without a person, of a tenant that has so many.
pub fn command_limit(n_tokens: u64, rails: &Rails) -> u64 {
    let share = n_tokens.saturating_mul(u64::from(rails.command_percent)).checked_div(100).unwrap_or(0);
    share.max(rails.command_floor)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn gate(n_cool: u64, n_active: u64) -> Gate {
        let rails = Rails {
            ratio_percent: 5,
            ratio_floor: 10,
            in_flight_max: Duration::ZERO,
            command_percent: 1,
            command_floor: 10,
        };
        judge(&PlanTally { n_active, n_cool, ..PlanTally::default() }, &rails)
    }

    #[test]
    fn the_command_budget_is_a_share_with_a_floor() {
        let rails = Rails {
            ratio_percent: 5,
            ratio_floor: 10,
            in_flight_max: Duration::ZERO,
            command_percent: 1,
            command_floor: 10,
        };
        for (n_tokens, limit) in [(0, 10), (1_000, 10), (1_099, 10), (1_100, 11), (100_000, 1_000)] {
            assert_eq!(command_limit(n_tokens, &rails), limit);
        }
    }

    #[test]
    fn an_empty_plan_passes() {
        assert_eq!(gate(0, 0), Gate::Open);
    }

    #[test]
    fn up_to_the_floor_a_plan_passes_whatever_its_share() {
        assert_eq!(gate(10, 10), Gate::Open);
        assert!(matches!(gate(11, 11), Gate::Approval(_)));
    }

    #[test]
    fn above_the_floor_the_share_decides() {
        assert_eq!(gate(50, 1000), Gate::Open);
        assert!(matches!(gate(51, 1000), Gate::Approval(_)));
    }
}
