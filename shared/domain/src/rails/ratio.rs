//! The ratio: a plan that takes an unusual share of the tokens at once is more often a broken scan than a clean-up.

use super::usual::{median, median_absolute_deviation};
use super::{Finding, PlanFacts};
use crate::config::GateRails;
use crate::run::{Run, Stage};

/// Shares are counted in millionths.
const WHOLE: u64 = 1_000_000;
const PERCENT: u64 = WHOLE / 100;

/// With fewer earlier runs than these nothing is usual yet, and the fixed share alone decides.
const MIN_EARLIER: usize = 5;
/// What happened longer ago does not say what is usual.
const MAX_EARLIER: usize = 20;

/// Judges how many tokens a plan takes out of service.
pub(super) fn judge(facts: &PlanFacts<'_>) -> Option<Finding> {
    let PlanFacts { run, tally, config, .. } = facts;
    let limit = limit(facts);
    if tally.n_cool <= limit {
        return None;
    }
    let usual = median(&trailing(run, facts.earlier)).map_or_else(String::new, |usual| {
        format!("; in the runs before it was {} as a rule", percent_text(usual))
    });
    Some(Finding::Approval {
        why: format!(
            "it would take {} of {} active tokens ({}) out of service at once; up to {limit} pass without a \
             person{usual}. A jump is more often a store that was read badly, a format that changed or a source that \
             the config does not name than a clean-up",
            tally.n_cool,
            tally.n_active,
            percent_text(share_of(tally.n_cool, tally.n_active)),
        ),
        n_persons: n_persons(tally.n_cool, tally.n_active, &config.rails.gate),
    })
}

/// How many tokens a plan may take out of service without a person: a share that is capped, and below the cap follows
/// what was usual, with room for how much that varies.
pub(super) fn limit(facts: &PlanFacts<'_>) -> u64 {
    let PlanFacts { run, tally, earlier, config, .. } = facts;
    let rails = &config.rails;
    let cap = PERCENT.saturating_mul(u64::from(rails.ratio_percent));
    let share = usual_share(&trailing(run, earlier), &rails.gate).map_or(cap, |usual| usual.min(cap));
    let tokens = u128::from(tally.n_active).saturating_mul(u128::from(share)).div_euclid(u128::from(WHOLE));
    u64::try_from(tokens).unwrap_or(u64::MAX).max(rails.ratio_floor)
}

/// How many persons a plan needs that takes so many out of service.
pub(super) fn n_persons(n_cool: u64, n_active: u64, rails: &GateRails) -> u8 {
    let percent = u64::from(rails.two_persons_percent);
    if n_active.saturating_mul(percent) < n_cool.saturating_mul(100) { 2 } else { 1 }
}

fn usual_share(trailing: &[u64], rails: &GateRails) -> Option<u64> {
    if trailing.len() < MIN_EARLIER {
        return None;
    }
    let slack = PERCENT.saturating_mul(u64::from(rails.ratio_slack_percent));
    let spread = median_absolute_deviation(trailing)?.saturating_mul(u64::from(rails.ratio_mads));
    Some(median(trailing)?.saturating_add(slack).saturating_add(spread))
}

/// The shares of the runs before it that looked for the same, latest first. Slices of a first purge are no measure: their
/// size is set; nor are looks that anybody may take as often as they like.
fn trailing(run: &Run, earlier: &[Run]) -> Vec<u64> {
    let counts = |other: &&Run| {
        matches!(other.stage, Stage::Applied | Stage::Reported)
            && other.purpose == run.purpose
            && !other.plan_only
            && other.tally.n_active > 0
            && other.tally.n_deferred == 0
    };
    let share = |other: &Run| share_of(other.tally.n_cool, other.tally.n_active);
    earlier.iter().filter(counts).take(MAX_EARLIER).map(share).collect()
}

pub(super) fn share_of(n: u64, of: u64) -> u64 {
    let share = u128::from(n).saturating_mul(u128::from(WHOLE)).checked_div(u128::from(of)).unwrap_or(0);
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// A share with two places, which are enough to see what is usual.
pub(super) fn percent_text(share: u64) -> String {
    let hundredths = share.div_euclid(PERCENT.div_euclid(100));
    format!("{}.{:02} %", hundredths.div_euclid(100), hundredths.rem_euclid(100))
}

#[cfg(test)]
mod tests;
