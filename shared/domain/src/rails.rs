//! What stands between a plan and its first write. Each rail is a pure function of what a run saw and of the runs before
//! it, and says what it found; what all of them found together decides.

mod budget;
mod encodings;
mod finding;
mod ratio;

pub use budget::command_limit;
pub use finding::{Finding, Judgement};

use crate::config::Config;
use crate::run::{PlanTally, Run};

/// What a plan is judged by.
#[derive(Clone, Copy, Debug)]
pub struct PlanFacts<'a> {
    /// The run, sealed.
    pub run: &'a Run,
    /// What its plan counts, over all shards.
    pub tally: &'a PlanTally,
    /// The tenant's earlier runs, latest first: what is usual is derived from them and stored nowhere else.
    pub earlier: &'a [Run],
    /// The config version that the run pins.
    pub config: &'a Config,
}

/// Judges a whole tenant's plan.
pub fn judge_plan(facts: &PlanFacts<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = ratio::judge(facts.tally, &facts.config.rails).into_iter().collect();
    findings.extend(facts.config.tenant(&facts.run.tenant).into_iter().flat_map(encodings::judge));
    findings
}
