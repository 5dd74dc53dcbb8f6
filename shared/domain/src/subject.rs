//! The subject row: one write by which every token of a subject, issued up to a moment, is out of service or held.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hold;
use crate::row::RowVersion;
use crate::time::EpochMillis;
use crate::token::{SUBJECT_PREFIX, ShardCount, TenantId, partition, token_digest};

/// The kind of a subject's row, which no token has.
pub const SUBJECT_KIND: &str = "subject";

/// Whether a row with this kind and this sort key is a subject's. Asked before its attributes are read as a token's: it
/// has few of them, and would not be told from a token's row that is torn.
pub fn is_subject_row(kind: Option<&str>, sk: Option<&str>) -> bool {
    kind == Some(SUBJECT_KIND) || sk.is_some_and(|sk| sk.starts_with(SUBJECT_PREFIX))
}

/// Where a subject's row lives: its shard comes from its `sk`, as a token's does.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectKey {
    /// Whose subject.
    pub tenant: TenantId,
    /// The partition key.
    pub pk: String,
    /// The sort key, `subject#` and the subject.
    pub sk: String,
}

impl SubjectKey {
    /// The place of a subject's row.
    pub fn new(tenant: &TenantId, subject: &str, shards: ShardCount) -> Self {
        let sk = format!("{SUBJECT_PREFIX}{subject}");
        let pk = partition(tenant, shards.shard_of(&token_digest(sk.as_bytes())));
        Self { tenant: tenant.clone(), pk, sk }
    }

    /// The subject.
    pub fn subject(&self) -> &str {
        self.sk.strip_prefix(SUBJECT_PREFIX).unwrap_or(&self.sk)
    }
}

impl std::fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubjectKey(secret)")
    }
}

/// A subject's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectRow {
    /// Stepped with every write, from 1; 0 is a row that does not exist yet.
    pub version: RowVersion,
    /// Tokens of every kind issued up to this moment are out of service.
    pub cutoff_at: Option<EpochMillis>,
    /// The same for single kinds, where the command that cut them off leaves others alone.
    pub cutoffs: BTreeMap<String, EpochMillis>,
    /// The legal holds on everything of the subject; see [`crate::hold`].
    pub hold: Option<String>,
}

/// A subject's row as its attributes stand in the table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the attributes of SubjectRow, documented there")]
pub struct StoredSubject {
    pub pk: String,
    pub sk: String,
    pub kind: String,
    pub version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutoff_at: Option<i64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cutoffs: BTreeMap<String, i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
}

/// The hold that stands in for a subject row nobody understands: what is unknown is kept. No hold id looks like it.
const UNREADABLE: &str = "(unreadable)";

impl Default for SubjectRow {
    fn default() -> Self {
        Self { version: RowVersion(0), cutoff_at: None, cutoffs: BTreeMap::new(), hold: None }
    }
}

impl SubjectRow {
    /// What was stored; a row of other attributes holds everything.
    pub fn from_stored(stored: Option<StoredSubject>) -> Self {
        let Some(stored) = stored.filter(|stored| stored.kind == SUBJECT_KIND) else {
            return Self { hold: Some(UNREADABLE.to_owned()), ..Self::default() };
        };
        let cutoffs = stored.cutoffs.into_iter().map(|(kind, at)| (kind, EpochMillis(at)));
        Self {
            version: RowVersion(stored.version),
            cutoff_at: stored.cutoff_at.map(EpochMillis),
            cutoffs: cutoffs.collect(),
            hold: stored.hold,
        }
    }

    /// Whether it was understood. One that was not keeps everything, and its stand-in hold is put on no token.
    pub fn is_readable(&self) -> bool {
        self.hold.as_deref() != Some(UNREADABLE)
    }

    /// The row's attributes at its place.
    pub fn to_stored(&self, key: &SubjectKey) -> StoredSubject {
        StoredSubject {
            pk: key.pk.clone(),
            sk: key.sk.clone(),
            kind: SUBJECT_KIND.to_owned(),
            version: self.version.0,
            cutoff_at: self.cutoff_at.map(|at| at.0),
            cutoffs: self.cutoffs.iter().map(|(kind, at)| (kind.clone(), at.0)).collect(),
            hold: self.hold.clone(),
        }
    }

    /// Up to when tokens of this kind are cut off.
    pub fn cutoff_of(&self, kind: &str) -> Option<EpochMillis> {
        self.cutoff_at.max(self.cutoffs.get(kind).copied())
    }

    /// The row after a cut-off of these kinds, or of every kind; `None` when it already says so. It never moves back.
    pub fn cut_off(&self, kinds: Option<&[String]>, until: EpochMillis) -> Option<Self> {
        let mut after = self.clone();
        match kinds {
            None => after.cutoff_at = after.cutoff_at.max(Some(until)),
            Some(kinds) => {
                for kind in kinds.iter().filter(|kind| self.cutoff_of(kind) < Some(until)) {
                    after.cutoffs.insert(kind.clone(), until);
                }
            }
        }
        self.stepped(after)
    }

    /// The row under one more hold; `None` when it stands already.
    pub fn held(&self, id: &str) -> Option<Self> {
        self.stepped(Self { hold: hold::with(self.hold.as_deref(), id), ..self.clone() })
    }

    /// The row without this hold; `None` when it does not stand.
    pub fn released(&self, id: &str) -> Option<Self> {
        self.stepped(Self { hold: hold::without(self.hold.as_deref(), id), ..self.clone() })
    }

    fn stepped(&self, after: Self) -> Option<Self> {
        (after != *self).then(|| Self { version: self.version.next(), ..after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [&str; 2] = ["access", "refresh"];

    fn kinds() -> Vec<String> {
        KINDS.map(str::to_owned).to_vec()
    }

    #[test]
    fn a_cutoff_of_some_kinds_leaves_others_alone_and_never_moves_back() {
        let cut = SubjectRow::default().cut_off(Some(&kinds()), EpochMillis(5)).unwrap();
        assert_eq!((cut.cutoff_of("access"), cut.cutoff_of("vault")), (Some(EpochMillis(5)), None));
        assert_eq!(cut.cut_off(Some(&kinds()), EpochMillis(4)), None);
        let all = cut.cut_off(None, EpochMillis(4)).unwrap();
        assert_eq!(
            (all.cutoff_of("access"), all.cutoff_of("vault")),
            (Some(EpochMillis(5)), Some(EpochMillis(4)))
        );
        assert_eq!(all.cut_off(None, EpochMillis(4)), None);
        assert_eq!(all.version, RowVersion(2));
    }

    #[test]
    fn a_hold_is_put_once_and_released_once() {
        let held = SubjectRow::default().held("case-1").unwrap();
        assert_eq!(held.held("case-1"), None);
        assert_eq!(held.released("case-2"), None);
        assert_eq!(held.released("case-1").unwrap().hold, None);
    }

    #[test]
    fn a_row_survives_the_round_trip_and_one_nobody_understands_is_held() {
        let key = SubjectKey::new(&TenantId::new("acme").unwrap(), "alice", ShardCount::new(4).unwrap());
        assert_eq!(key.subject(), "alice");
        let row = SubjectRow::default().cut_off(None, EpochMillis(9)).unwrap().held("case-1").unwrap();
        assert_eq!(SubjectRow::from_stored(Some(row.to_stored(&key))), row);
        assert!(SubjectRow::from_stored(None).hold.is_some());
    }
}
