//! What stands between a plan and its first write. Each rail is a pure function of what a run saw and of the runs before
//! it, and says what it found; what all of them found together decides.

mod age;
mod baseline;
mod budget;
mod canary;
mod encodings;
mod feed;
mod finding;
mod first_purge;
mod late_use;
mod ratio;
mod recall;
mod remainder;
mod sources;
mod usual;

pub use age::{narrowed, stale_marks, stale_plan, superseded};
pub use baseline::baseline_of;
pub use budget::{command_limit, idle_limit};
pub use canary::Watched;
pub use finding::{Finding, Judgement};
pub use late_use::late_use_limit;
pub use recall::accepted_kinds;

use std::collections::BTreeSet;

use crate::backlog::Backlog;
use crate::config::Config;
use crate::run::{Baseline, PlanTally, Run, RunId};

/// What a run is judged by before its seal, when it has read everything and nothing is planned yet.
#[derive(Clone, Copy, Debug)]
pub struct SealFacts<'a> {
    /// The run, with what each source held.
    pub run: &'a Run,
    /// What the sources held in the last good run; `None` before there was one.
    pub baseline: Option<&'a Baseline>,
    /// The config version that the run pins.
    pub config: &'a Config,
}

/// Judges what a run saw.
pub fn judge_seal(facts: &SealFacts<'_>) -> Vec<Finding> {
    let Some(before) = facts.baseline else { return Vec::new() };
    sources::judge(facts.run, before, facts.config.rails.shrink_percent)
}

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
    /// The runs that a person accepted though a rail had stopped them.
    pub accepted: &'a BTreeSet<RunId>,
    /// The canaries of the tenant's sources, and what the run did not see of them.
    pub canaries: &'a [Watched],
    /// The record of the tenant's first purge.
    pub backlog: &'a Backlog,
}

/// Judges a whole tenant's plan.
pub fn judge_plan(facts: &PlanFacts<'_>) -> Vec<Finding> {
    let PlanFacts { run, tally, earlier, config, accepted, canaries, .. } = *facts;
    let tenant = config.tenant(&run.tenant);
    let sources = tenant.into_iter().flat_map(|tenant| tenant.sources.keys());
    let sources: Vec<&str> = sources.map(String::as_str).collect();
    let findings = [remainder::judge(tally), first_purge::judge(facts), no_shadow(config)];
    let mut findings: Vec<Finding> = findings.into_iter().flatten().collect();
    findings.extend(tenant.into_iter().flat_map(encodings::judge));
    findings.extend(canary::judge(run, &sources, canaries, &config.rails.recall));
    findings.extend(recall::judge(run, earlier, accepted, &config.rails.recall));
    findings.extend(feed::judge(facts));
    findings
}

fn no_shadow(config: &Config) -> Option<Finding> {
    let why = "shadow runs are switched off (shadow_runs = 0): after a change of a source, a format or a policy the next \
               run acts at once";
    (config.rails.gate.shadow_runs == 0).then(|| Finding::Note(why.to_owned()))
}
