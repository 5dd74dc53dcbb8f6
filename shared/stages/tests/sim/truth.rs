//! What really happened, kept apart from anything the functions believe: where each token was referenced and when, who
//! read, issued or ended it, and every change of the vault in order. The promises are held against this and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use lethe_domain::audit::ObjectVersion;
use lethe_domain::policy::Trigger;
use lethe_domain::record::ArchiveRecord;
use lethe_domain::row::{RowVersion, VaultRow};
use lethe_domain::run::{RunId, Stage};
use lethe_domain::time::{EpochMillis, EpochSeconds};
use lethe_domain::token::{RowKey, TenantId};
use lethe_testkit::records_in;
use serde_json::Value;

use crate::deployment::Deployment;

/// Everything that is known from outside.
#[derive(Default)]
pub struct Truth {
    pub tokens: Vec<Known>,
    pub changes: Vec<Change>,
    /// When each run was sealed.
    pub sealed: BTreeMap<(TenantId, RunId), EpochSeconds>,
    /// Every object that was ever archived.
    pub objects: BTreeMap<ObjectVersion, Archived>,
    /// Holds on subjects that were answered, and not released since, by tenant and subject.
    pub subject_holds: BTreeMap<(TenantId, String), BTreeSet<String>>,
}

/// One token.
pub struct Known {
    pub key: RowKey,
    pub kind: &'static str,
    pub subject: Option<String>,
    pub references: Vec<Reference>,
    /// When it was read, as far as its readers know that notice was taken of it.
    pub reads: Vec<EpochSeconds>,
    pub issued: Vec<EpochMillis>,
    /// Commands to end it that were sent.
    pub endings: Vec<Ending>,
    /// Holds on it that were answered, and not released since.
    pub holds: BTreeSet<String>,
}

/// A reference in a registered store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub place: Place,
    pub since: EpochSeconds,
    pub until: Option<EpochSeconds>,
}

/// Where a reference lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In an item of the tenant's table, by its number.
    Item(u64),
    /// In an object of the tenant's bucket, by its number.
    Object(u64),
}

/// An order to end a token.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    pub trigger: Trigger,
    /// Whether its sender knows that it was carried out.
    pub is_taken: bool,
}

/// Who changed a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// A function, or DynamoDB's TTL by what a function wrote.
    Lethe,
    /// An issuer, or anybody else.
    Others,
}

/// One change of one token's row.
pub struct Change {
    pub at: EpochSeconds,
    pub by: Hand,
    pub slot: usize,
    pub old: Option<VaultRow>,
    pub new: Option<VaultRow>,
    /// The old row's attributes.
    pub raw: Option<Value>,
    /// The holds that its subject was under.
    pub subject_holds: BTreeSet<String>,
}

/// One archived version.
pub struct Archived {
    pub copies: Vec<Copied>,
}

/// The copy of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Copied {
    pub tenant: TenantId,
    pub token: String,
    pub version: RowVersion,
    pub image: Value,
}

impl Truth {
    pub fn slot_of(&self, key: &RowKey) -> Option<usize> {
        self.tokens.iter().position(|known| known.key == *key)
    }

    /// Notes which runs are sealed now.
    pub fn note_seals(&mut self, deployment: &Deployment) {
        let now = deployment.now();
        for run in deployment.cloud.control.runs_where(|run| run.stage == Stage::Draining) {
            self.sealed.entry((run.tenant, run.id)).or_insert(now);
        }
    }

    /// Notes what is in the archive now.
    pub fn note_archive(&mut self, deployment: &Deployment) {
        for version in deployment.cloud.archive.all_versions() {
            let Some(body) = version.body.filter(|_| !self.objects.contains_key(&version.object)) else {
                continue;
            };
            let of_record = |record: ArchiveRecord| Copied {
                tenant: record.tenant,
                token: record.token,
                version: record.version,
                image: record.image,
            };
            let copies = records_in(&body).into_iter().map(of_record).collect();
            self.objects.insert(version.object, Archived { copies });
        }
    }

    /// The holds that its subject is under.
    pub fn holds_on_subject_of(&self, known: &Known) -> BTreeSet<String> {
        let Some(subject) = &known.subject else { return BTreeSet::new() };
        let holds = self.subject_holds.get(&(known.key.tenant.clone(), subject.clone()));
        holds.cloned().unwrap_or_default()
    }
}

impl Known {
    pub fn new(key: RowKey, kind: &'static str, subject: Option<String>) -> Self {
        Self {
            key,
            kind,
            subject,
            references: Vec::new(),
            reads: Vec::new(),
            issued: Vec::new(),
            endings: Vec::new(),
            holds: BTreeSet::new(),
        }
    }

    pub fn is_scanned_for(&self) -> bool {
        self.kind == "vault"
    }

    /// Its references that stand, by their place in the list.
    pub fn standing(&self) -> Vec<usize> {
        (0..self.references.len()).filter(|at| self.references[*at].until.is_none()).collect()
    }

    pub fn is_referenced(&self) -> bool {
        self.references.iter().any(|reference| reference.until.is_none())
    }

    /// Whether some store or other held it at every moment of this time. What happened in the very second in which the
    /// time begins or ends is left open.
    pub fn was_referenced_throughout(&self, from: EpochSeconds, to: EpochSeconds) -> bool {
        let mut covered = None;
        loop {
            let begins_in_time = |reference: &&Reference| match covered {
                None => reference.since < from,
                Some(until) => reference.since <= until,
            };
            let ends = self.references.iter().filter(begins_in_time).map(|reference| reference.until);
            // An end that has not come is the latest.
            let furthest = ends.max_by_key(|until| until.map_or(i64::MAX, |until| until.0));
            match furthest {
                None => return false,
                Some(None) => return true,
                Some(Some(until)) if to < until => return true,
                Some(Some(until)) if until <= covered.unwrap_or(from) => return false,
                Some(Some(until)) => covered = Some(until),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lethe_testkit::{key, token};

    use super::*;

    fn known(references: &[(i64, Option<i64>)]) -> Known {
        let mut known = Known::new(key("acme", &token(1), 2), "vault", None);
        known.references = references
            .iter()
            .map(|(since, until)| Reference {
                place: Place::Item(0),
                since: EpochSeconds(*since),
                until: until.map(EpochSeconds),
            })
            .collect();
        known
    }

    #[test]
    fn references_that_follow_each_other_cover_a_time_and_a_gap_does_not() {
        let is_covered = |references: &[(i64, Option<i64>)]| {
            known(references).was_referenced_throughout(EpochSeconds(10), EpochSeconds(20))
        };
        assert!(is_covered(&[(1, None)]));
        assert!(is_covered(&[(1, Some(15)), (15, None)]));
        assert!(is_covered(&[(14, Some(21)), (1, Some(15))]));
        assert!(!is_covered(&[(1, Some(20))]));
        assert!(!is_covered(&[(1, Some(14)), (15, None)]));
        assert!(!is_covered(&[(10, None)]));
        assert!(!is_covered(&[]));
    }
}
