//! Replays the record against what stands: every step a step of the lifecycle, every chain whole, every row where its
//! last entry left it, every archived version on record and every `purged` true. Pure: what was read goes in, faults
//! come out.
//!
//! The vault, its stream and the record move while they are read, so one look proves nothing by itself: a fault is one
//! that two looks, a grace apart, both saw on an unchanged row or object ([`confirm`]).

use std::collections::BTreeSet;

use serde::Serialize;

use crate::audit::ObjectVersion;
use crate::fingerprint::Fingerprint;
use crate::row::RowVersion;

mod objects;
mod tokens;

pub use objects::{ObjectFacts, ObjectTold, judge_object, judge_unnamed};
pub use tokens::{Seen, Told, judge_bucket};

/// What does not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// An entry does not begin where the one before it ended: something is missing from the record.
    Hole,
    /// A step that the lifecycle does not have.
    NotAStep,
    /// It left the vault while it cooled, though nobody had sentenced it.
    LeftUnsentenced,
    /// It came back into service though its reason may not come back.
    Revived,
    /// Its row is out of service, and nothing on record says why.
    EndNotOnRecord,
    /// Its row is in service, and the record says that it is not.
    ReturnNotOnRecord,
    /// Its row is out of service in another way than the record says.
    ChangeNotOnRecord,
    /// Its row is out of service for another reason than the record says.
    OtherReason,
    /// The record says that it is held, and no hold stands on its row.
    HoldLost,
    /// Its row is older than what is on record about it.
    VersionBehind,
    /// Its row stands at a version that has left the vault by the record.
    StillThere,
    /// Its row is gone, and nothing on record says that it left.
    GoneWithoutRecord,
    /// It was archived, and the record does not say into which object or until when that is locked.
    NoObject,
    /// Tokens were archived into an object that is not on record itself.
    ObjectNotOnRecord,
    /// The record names more tokens than an object holds.
    MoreThanItHolds,
    /// On record as purged, and the version is still there.
    PurgedButThere,
    /// On record as purged before its lock was over.
    PurgedTooSoon,
    /// The version is gone, and nothing on record says that it was purged.
    GoneWithoutPurged,
    /// The version's lock is over for longer than anything may be late, and it is still there.
    Overdue,
    /// A version in the bucket that nothing on record names.
    VersionNotOnRecord,
}

impl Fault {
    /// The word that scripts use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hole => "hole",
            Self::NotAStep => "not_a_step",
            Self::LeftUnsentenced => "left_unsentenced",
            Self::Revived => "revived",
            Self::EndNotOnRecord => "end_not_on_record",
            Self::ReturnNotOnRecord => "return_not_on_record",
            Self::ChangeNotOnRecord => "change_not_on_record",
            Self::OtherReason => "other_reason",
            Self::HoldLost => "hold_lost",
            Self::VersionBehind => "version_behind",
            Self::StillThere => "still_there",
            Self::GoneWithoutRecord => "gone_without_record",
            Self::NoObject => "no_object",
            Self::ObjectNotOnRecord => "object_not_on_record",
            Self::MoreThanItHolds => "more_than_it_holds",
            Self::PurgedButThere => "purged_but_there",
            Self::PurgedTooSoon => "purged_too_soon",
            Self::GoneWithoutPurged => "gone_without_purged",
            Self::Overdue => "overdue",
            Self::VersionNotOnRecord => "version_not_on_record",
        }
    }

    /// What it means, for whoever has to look.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Hole => "the record jumps: an entry is missing or was altered",
            Self::NotAStep => "a step on record that the lifecycle does not have",
            Self::LeftUnsentenced => {
                "left the vault while cooling: somebody else removed it (it is archived)"
            }
            Self::Revived => "back in service although its reason forbids it",
            Self::EndNotOnRecord => "out of service, and nothing on record says why",
            Self::ReturnNotOnRecord => "in service, and the record says that it is not",
            Self::ChangeNotOnRecord => "stands elsewhere than the record says",
            Self::OtherReason => "out of service for another reason than the record says",
            Self::HoldLost => "held by the record, and no hold stands on its row",
            Self::VersionBehind => {
                "its row is older than its record: it was put back from a copy, or overwritten"
            }
            Self::StillThere => "in the vault at a version that has left it by the record",
            Self::GoneWithoutRecord => "gone from the vault, and nothing on record says that it left",
            Self::NoObject => "archived, and the record names no object or no end of its lock",
            Self::ObjectNotOnRecord => "tokens were archived into an object that is not on record itself",
            Self::MoreThanItHolds => "the record names more tokens than the object holds",
            Self::PurgedButThere => "purged by the record, and still in the archive",
            Self::PurgedTooSoon => "purged by the record before its lock was over",
            Self::GoneWithoutPurged => "gone from the archive, and nothing on record says that it was purged",
            Self::Overdue => "still in the archive long after its lock was over",
            Self::VersionNotOnRecord => "in the archive, and nothing on record names it",
        }
    }
}

/// What a fault is about. Never a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "of")]
pub enum About {
    /// A token, and the version that its row had or that is on record of it.
    Token {
        /// Its name in the record.
        #[serde(serialize_with = "as_text")]
        fingerprint: Fingerprint,
        /// A row that changes between two looks is another matter.
        version: RowVersion,
    },
    /// A version of an archive object.
    Archived {
        /// The object's key.
        key: String,
        /// The version's id.
        version: String,
    },
}

impl From<&ObjectVersion> for About {
    fn from(object: &ObjectVersion) -> Self {
        Self::Archived { key: object.key.clone(), version: object.version.clone() }
    }
}

/// One fault and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// What does not add up.
    pub fault: Fault,
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
}

/// What two looks came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmed {
    /// Seen by both.
    pub findings: BTreeSet<Finding>,
    /// Seen by one only: what happened in the last minutes is not on record yet, or has been since.
    pub n_too_recent: u64,
}

/// Keeps what both looks saw. A token or object that changed in between is too recent to judge.
pub fn confirm(first: &BTreeSet<Finding>, second: &BTreeSet<Finding>) -> Confirmed {
    let findings = first.intersection(second).cloned().collect();
    let n_too_recent = first.symmetric_difference(second).count() as u64;
    Confirmed { findings, n_too_recent }
}

fn as_text<S: serde::Serializer>(fingerprint: &Fingerprint, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(fingerprint)
}

#[cfg(test)]
mod tests;
