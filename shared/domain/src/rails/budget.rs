//! How much commands may condemn in a day.

use crate::config::Rails;

/// How many tokens a day's commands may condemn without a person, of a tenant that has so many.
pub fn command_limit(n_tokens: u64, rails: &Rails) -> u64 {
    let share = n_tokens.saturating_mul(u64::from(rails.command_percent)).checked_div(100).unwrap_or(0);
    share.max(rails.command_floor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_budget_is_a_share_with_a_floor() {
        let rails = Rails { command_percent: 1, command_floor: 10, ..Rails::DEFAULT };
        for (n_tokens, limit) in [(0, 10), (1_000, 10), (1_099, 10), (1_100, 11), (100_000, 1_000)] {
            assert_eq!(command_limit(n_tokens, &rails), limit);
        }
    }
}
