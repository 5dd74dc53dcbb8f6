//! How much commands may condemn in a day, and how much silence.

use crate::config::Rails;

/// How many tokens a day's commands may condemn without a person, of a tenant that has so many.
pub fn command_limit(n_tokens: u64, rails: &Rails) -> u64 {
    let share = n_tokens.saturating_mul(u64::from(rails.command_percent)).checked_div(100).unwrap_or(0);
    share.max(rails.command_floor)
}

/// How many tokens of scanned kinds may go idle in a day, where only a verdict run takes them further, of a tenant that has so
/// many in service. A read feed that died unnoticed then takes no more out of service than a scan may without a person.
pub fn idle_limit(n_active: u64, rails: &Rails) -> u64 {
    let share = n_active.saturating_mul(u64::from(rails.ratio_percent)).checked_div(100).unwrap_or(0);
    share.max(rails.ratio_floor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_idle_in_a_day_is_a_share_with_a_floor() {
        let rails = Rails { ratio_percent: 5, ratio_floor: 10, ..Rails::DEFAULT };
        for (n_active, limit) in [(0, 10), (219, 10), (220, 11), (1_000_000, 50_000)] {
            assert_eq!(idle_limit(n_active, &rails), limit);
        }
    }

    #[test]
    fn the_command_budget_is_a_share_with_a_floor() {
        let rails = Rails { command_percent: 1, command_floor: 10, ..Rails::DEFAULT };
        for (n_tokens, limit) in [(0, 10), (1_000, 10), (1_099, 10), (1_100, 11), (100_000, 1_000)] {
            assert_eq!(command_limit(n_tokens, &rails), limit);
        }
    }
}
