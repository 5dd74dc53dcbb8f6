//! The names of the objects in the work bucket. All are derived, so that a retry finds what an earlier attempt left.

use lethe_domain::token::Shard;

use crate::ports::RunRef;

/// One page of a run's listing in one of its rounds: its units and where the next page begins.
pub fn listing_page(run: &RunRef, round: u32, page: u32) -> String {
    format!("manifests/{}/{}/round-{round:02}-page-{page:06}.json", run.tenant, run.id)
}

/// What one unit covers.
pub fn manifest(run: &RunRef, unit: u32) -> String {
    format!("manifests/{}/{}/{unit:06}.json", run.tenant, run.id)
}

/// The marks of one part of a unit.
pub fn marks(run: &RunRef, unit: u32, part: u32) -> String {
    format!("marks/{}/{}/{unit:06}-{part:04}", run.tenant, run.id)
}

/// Where the marks of one shard lie in all units' files.
pub fn marks_index(run: &RunRef, shard: Shard) -> String {
    format!("marks/{}/{}/index-{shard}", run.tenant, run.id)
}

/// One part of a shard's plan.
pub fn plan_part(run: &RunRef, shard: Shard, part: u32) -> String {
    format!("plans/{}/{}/{shard}-{part:04}", run.tenant, run.id)
}

/// The parts of a shard's plan, by hash.
pub fn shard_plan(run: &RunRef, shard: Shard) -> String {
    format!("plans/{}/{}/{shard}-summary", run.tenant, run.id)
}

/// The whole plan.
pub fn plan_index(run: &RunRef) -> String {
    format!("plans/{}/{}/index", run.tenant, run.id)
}

/// The candidates of one part of a shard.
pub fn candidates_part(run: &RunRef, shard: Shard, part: u32) -> String {
    format!("candidates/{}/{}/{shard}-{part:04}", run.tenant, run.id)
}

/// The candidates of a whole shard.
pub fn candidates(run: &RunRef, shard: Shard) -> String {
    format!("candidates/{}/{}/{shard}", run.tenant, run.id)
}

/// How often stores hold each token of one part of a shard.
pub fn counts(run: &RunRef, shard: Shard, part: u32) -> String {
    format!("counts/{}/{}/{shard}-{part:04}", run.tenant, run.id)
}
