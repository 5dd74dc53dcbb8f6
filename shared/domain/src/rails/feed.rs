//! The read feed behind idleness: a plan over a tenant whose feed nobody proves says so.

use super::{Finding, PlanFacts};
use crate::read_feed::FeedPolicy;

/// Notes that silence is idleness by somebody's word alone.
pub(super) fn judge(facts: &PlanFacts<'_>) -> Option<Finding> {
    let tenant = &facts.run.tenant;
    facts.config.longest_idle(tenant)?;
    let is_trusted = facts.config.tenant(tenant)?.reads == FeedPolicy::Trusted;
    let note = "the read feed is trusted and not proven: tokens go idle by the clock alone";
    is_trusted.then(|| Finding::Note(note.to_owned()))
}
