//! What came of what was taken out of service: how many tokens each policy took, and how many of them it took too soon.

use lethe_domain::regret::{PolicyVersion, RegretCount, Regrets, by_policy};
use serde::Serialize;

/// What came of one kind, trigger and config version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RegretView {
    /// The policy.
    #[serde(flatten)]
    pub(crate) policy: PolicyVersion,
    /// What came of it.
    #[serde(flatten)]
    pub(crate) count: RegretCount,
    /// The regretted of ten thousand that were taken; `None` where it is not known how many were.
    pub(crate) per_ten_thousand: Option<u64>,
}

/// What came of each policy, the latest version first.
pub(crate) fn regret(regrets: &Regrets) -> Vec<RegretView> {
    let view = |(policy, count): (PolicyVersion, RegretCount)| RegretView {
        policy,
        count,
        per_ten_thousand: count.per_ten_thousand(),
    };
    let mut views: Vec<RegretView> = by_policy(regrets).into_iter().map(view).collect();
    views.sort_by_key(|view| std::cmp::Reverse(view.policy.config));
    views
}
