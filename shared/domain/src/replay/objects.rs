//! The archive's side of the record: each version that tokens were archived into, until it is purged.

use crate::audit::ObjectVersion;
use crate::time::EpochSeconds;

use super::{About, Fault, Finding};

/// What the record says of one version of an archive object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectTold {
    /// Whether it is on record as written at all.
    pub is_archived: bool,
    /// How many of the tenant's tokens it holds.
    pub n_tokens: u64,
    /// When it was put on record as purged.
    pub purged_at: Option<EpochSeconds>,
}

/// What the tokens' own entries say of it, and the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectFacts {
    /// How many of the tenant's entries name it.
    pub n_named: u64,
    /// Until when it is locked; `None` under a legal hold.
    pub retain_until: Option<EpochSeconds>,
    /// Whether it is in the bucket.
    pub is_there: bool,
}

/// Judges a version that tokens of a tenant were archived into. `late_before`: a lock that was over by then should have
/// been followed by the removal.
pub fn judge_object(
    object: &ObjectVersion,
    facts: &ObjectFacts,
    told: &ObjectTold,
    late_before: EpochSeconds,
) -> Vec<Finding> {
    let is_over_late = facts.retain_until.is_some_and(|until| until < late_before);
    let faults = [
        (!told.is_archived, Fault::ObjectNotOnRecord),
        // Fewer are named where a batch died half-way and was cut anew: the rest is named by another object.
        (told.is_archived && told.n_tokens < facts.n_named, Fault::MoreThanItHolds),
        (told.purged_at.is_some() && facts.is_there, Fault::PurgedButThere),
        (is_too_soon(facts, told), Fault::PurgedTooSoon),
        (told.purged_at.is_none() && !facts.is_there, Fault::GoneWithoutPurged),
        (told.purged_at.is_none() && facts.is_there && is_over_late, Fault::Overdue),
    ];
    let found = faults.into_iter().filter(|(is_found, _)| *is_found);
    found.map(|(_, fault)| Finding { fault, about: About::from(object) }).collect()
}

/// Judges a version in the bucket that no entry of the tenant names: another tenant's, nobody's, or what a batch left
/// behind that died before it named any.
pub fn judge_unnamed(object: &ObjectVersion, told: &ObjectTold) -> Vec<Finding> {
    let fault = match (told.is_archived, told.purged_at) {
        (false, _) => Fault::VersionNotOnRecord,
        (true, Some(_)) => Fault::PurgedButThere,
        (true, None) => return Vec::new(),
    };
    vec![Finding { fault, about: About::from(object) }]
}

fn is_too_soon(facts: &ObjectFacts, told: &ObjectTold) -> bool {
    facts.retain_until.zip(told.purged_at).is_some_and(|(until, purged_at)| purged_at < until)
}
