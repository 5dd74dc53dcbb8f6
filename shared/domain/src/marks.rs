//! What a scan leaves behind: for each token found, a keyed hash and how often it was found. No token can be read
//! from marks, and a planner needs no more to tell which rows of the vault are still referenced.

mod builder;
mod file;
mod join;
mod strangers;

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::source::UnitStats;

pub use builder::{MAX_MARKS_PER_PART, MarkBuilder};
pub use file::{FOOTER_GUESS, Footer, SectionInfo, decode_only_section, decode_section, encode_section};
pub use join::{Merge, Tally, merge};
pub use strangers::{Dangling, MAX_STRANGERS, Strangers};

/// Keys the hashes of one tenant's marks. A secret: whoever has it can test which tokens a mark file holds.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MarkKey(u64);

impl MarkKey {
    /// The key with this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The hash of a canonical token id.
    pub fn hash(&self, canonical: &[u8]) -> MarkHash {
        MarkHash(xxh3_64_with_seed(canonical, self.0))
    }
}

impl fmt::Debug for MarkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MarkKey(secret)")
    }
}

/// The keyed hash of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MarkHash(pub u64);

/// A token, by its hash, and how often it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// Which token.
    pub hash: MarkHash,
    /// How often.
    pub count: u64,
}

/// What a mark file says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartHeader {
    /// The source that the unit is a part of; empty in files that hold no unit's marks.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The number of the unit.
    pub unit: u32,
    /// Which part of the unit's marks this is, from 0.
    pub part: u32,
    /// Where the next part begins; `None` = this one ends the unit.
    #[serde(with = "cursor", default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Vec<u8>>,
    /// What was read for this part.
    pub stats: UnitStats,
    /// The places in the unit of the objects that were gone or another version when their turn came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<u32>,
    /// The canaries of the unit's source that were seen in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canaries: Vec<MarkHash>,
}

/// Cursors are bytes; JSON holds them as hexadecimal digits.
mod cursor {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
    pub(super) fn serialize<S: Serializer>(next: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        match next {
            Some(bytes) => to.serialize_some(&hex::encode(bytes)),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        let digits = Option::<String>::deserialize(from)?;
        digits.map(|digits| hex::decode(digits).map_err(serde::de::Error::custom)).transpose()
    }
}

/// Why a mark file cannot be trusted. Each but `NeedMore` makes the run void: what is missing is not empty.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MarkError {
    /// The footer is longer than the suffix that was read.
    #[error("footer needs the last {suffix_bytes} bytes of the file")]
    NeedMore {
        /// How many of the file's last bytes hold all of it.
        suffix_bytes: u64,
    },
    /// The file does not end as a mark file does: another file, or one cut short.
    #[error("not a whole mark file")]
    NotMarks,
    /// Another version of the format.
    #[error("mark file version {0} is not known")]
    Version(u32),
    /// The bytes are not those that were written.
    #[error("checksum of the {0} does not match")]
    Checksum(&'static str),
    /// The bytes end too early or go on too long.
    #[error("{0} has another length than stated")]
    Length(&'static str),
    /// The bytes have the right checksum and still make no sense.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// Marks must ascend for a join to see all of them.
    #[error("marks are not in ascending order")]
    Unsorted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_changes_the_hash_and_never_shows_itself() {
        let (one, other) = (MarkKey::new(1), MarkKey::new(2));
        assert_eq!(one.hash(b"tok_a"), one.hash(b"tok_a"));
        assert_ne!(one.hash(b"tok_a"), other.hash(b"tok_a"));
        assert_ne!(one.hash(b"tok_a"), one.hash(b"tok_b"));
        assert_eq!(format!("{one:?}"), "MarkKey(secret)");
    }

    #[test]
    fn a_header_keeps_its_shape_on_the_wire() {
        let stats = UnitStats { n_rows: 3, n_bytes: 900, n_tokens: 7, ..UnitStats::default() };
        let header = PartHeader {
            source: "lake".into(),
            unit: 4,
            part: 1,
            next: Some(vec![0xab, 1]),
            stats,
            missed: vec![2],
            canaries: Vec::new(),
        };
        let text = serde_json::to_string(&header).unwrap();
        insta::assert_snapshot!(text, @r#"{"source":"lake","unit":4,"part":1,"next":"ab01","stats":{"n_objects":0,"n_rows":3,"n_bytes":900,"n_tokens":7,"n_changed":0,"n_gone":0},"missed":[2]}"#);
        assert_eq!(serde_json::from_str::<PartHeader>(&text).unwrap(), header);
        let last = PartHeader { next: None, canaries: vec![MarkHash(u64::MAX)], ..header };
        let text = serde_json::to_string(&last).unwrap();
        assert_eq!(serde_json::from_str::<PartHeader>(&text).unwrap(), last);
    }
}
