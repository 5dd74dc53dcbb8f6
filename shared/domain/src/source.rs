//! A tenant's data stores and the bounded parts that one message scans. Only what is written down here: reading a
//! store is the work of the connectors.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

mod changed;
mod totals;

pub use changed::{ChangedAt, ChangedSince, ChangedUnit, Unchanged};
pub use totals::SourceTotals;
/// A way in which a source may write a token other than as it is. A UUID is found in any case, with dashes or without,
/// whatever is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// With JSON's escapes, where the text is not JSON as a whole.
    Json,
    /// With percents, as in a URL.
    Url,
    /// In base64, alone or inside a longer text.
    Base64,
    /// In an attribute of a table that is gzip, or gzip in base64.
    Gzip,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 4] = [Self::Json, Self::Url, Self::Base64, Self::Gzip];

    /// The config's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Url => "url",
            Self::Base64 => "base64",
            Self::Gzip => "gzip",
        }
    }
}

/// The encodings that are undone when a source is scanned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encodings(BTreeSet<Encoding>);

impl Default for Encodings {
    /// All of them: what is not looked for looks unused.
    fn default() -> Self {
        Self(Encoding::ALL.into())
    }
}

impl FromIterator<Encoding> for Encodings {
    fn from_iter<I: IntoIterator<Item = Encoding>>(encodings: I) -> Self {
        Self(encodings.into_iter().collect())
    }
}

impl Encodings {
    /// None: tokens are looked for as they are.
    pub fn none() -> Self {
        Self(BTreeSet::new())
    }

    /// Whether this one is undone.
    pub fn has(&self, encoding: Encoding) -> bool {
        self.0.contains(&encoding)
    }

    /// Those that are switched off.
    pub fn switched_off(&self) -> impl Iterator<Item = Encoding> {
        Encoding::ALL.into_iter().filter(|encoding| !self.has(*encoding))
    }
}

/// One registered data store of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceConfig {
    /// A DynamoDB table, read by parallel scan.
    DynamoDb {
        /// The name of the table.
        table: String,
        /// Where it is; `None` = where Lethe runs.
        region: Option<String>,
        /// Into how many units the scan is cut.
        segments: u16,
        /// How its attributes may write a token.
        encodings: Encodings,
        /// What says when an item last changed; `None` makes the source a weak one.
        changed_at: Option<ChangedAt>,
    },
    /// The objects of an S3 bucket under a prefix.
    S3 {
        /// The name of the bucket.
        bucket: String,
        /// What every key of the source begins with; empty = the whole bucket.
        prefix: String,
        /// Where it is; `None` = where Lethe runs.
        region: Option<String>,
        /// How the objects are written.
        format: ObjectFormat,
        /// How they may write a token.
        encodings: Encodings,
    },
}

impl SourceConfig {
    /// How the source may write a token.
    pub fn encodings(&self) -> &Encodings {
        match self {
            Self::DynamoDb { encodings, .. } | Self::S3 { encodings, .. } => encodings,
        }
    }

    /// Whether what changes while the source is read can be found: of objects by a second listing, of a table by the
    /// attribute that says when an item last changed.
    pub fn is_strong(&self) -> bool {
        match self {
            Self::DynamoDb { changed_at, .. } => changed_at.is_some(),
            Self::S3 { .. } => true,
        }
    }
}

/// How the objects of a source are written. Compression is found by suffix and by the first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectFormat {
    /// Tokens are searched for in the bytes as they are.
    Csv,
    /// JSON of any shape; escapes are undone before the search.
    Jsonl,
    /// As CSV.
    Text,
    /// The full export of a DynamoDB table in DynamoDB JSON: lines of `{"Item": …}`.
    DynamodbExport,
}

/// Where a table is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRef {
    /// The name of the table.
    pub table: String,
    /// Its region; `None` = where Lethe runs.
    pub region: Option<String>,
}

/// Where objects are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketRef {
    /// The name of the bucket.
    pub bucket: String,
    /// What the keys begin with.
    pub prefix: String,
    /// Its region; `None` = where Lethe runs.
    pub region: Option<String>,
}

/// A unit's manifest: what one message scans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitSpec {
    /// The name of the source in the config.
    pub source: String,
    /// Which part of it.
    pub part: UnitPart,
}

/// A bounded part of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitPart {
    /// One segment of a table's parallel scan.
    Segment {
        /// The table.
        table: TableRef,
        /// Which segment, from 0.
        segment: u32,
        /// How many there are.
        total: u32,
        /// Only what changed since then is read; `None` = everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        changed_since: Option<ChangedSince>,
    },
    /// A slice of a bucket's listing.
    Objects {
        /// The bucket.
        bucket: BucketRef,
        /// How its objects are written.
        format: ObjectFormat,
        /// The objects, in the order of the listing.
        objects: Vec<ObjectSlice>,
    },
}

/// An object, or a range of a large one, as it was listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectSlice {
    /// The object's key.
    pub key: String,
    /// The size of the whole object in bytes.
    pub size: u64,
    /// Names the version that was listed.
    pub etag: String,
    /// The first byte that belongs to the unit and the one after the last; `None` = the whole object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(u64, u64)>,
}

impl ObjectSlice {
    /// How many bytes of the object belong to the unit.
    pub fn n_bytes(&self) -> u64 {
        self.range.map_or(self.size, |(start, end)| end.saturating_sub(start))
    }
}

const MIB: u64 = 1024 * 1024;

/// How large units and what they read may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitLimits {
    /// The bytes of a unit; a single object that cannot be cut may be larger.
    pub max_unit_bytes: u64,
    /// The objects of a unit, a range counting as one.
    pub max_unit_objects: usize,
    /// Uncompressed objects larger than this are cut into ranges of this size.
    pub range_bytes: u64,
    /// The largest compressed object that is read, as stored.
    pub max_compressed_bytes: u64,
    /// The most bytes that a compressed object may grow to.
    pub max_decompressed_bytes: u64,
}

impl UnitLimits {
    /// What production runs with.
    pub const PRODUCTION: Self = Self {
        max_unit_bytes: 256 * MIB,
        max_unit_objects: 10_000,
        range_bytes: 64 * MIB,
        max_compressed_bytes: 1024 * MIB,
        max_decompressed_bytes: 16 * 1024 * MIB,
    };

    /// What the local profile runs with: ranges small enough that a small data set has some.
    pub const LOCAL: Self = Self { range_bytes: MIB, ..Self::PRODUCTION };
}

/// What was read. Numbers of several parts and units add up to those of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitStats {
    /// Objects read to their end; an object that was cut counts where its end is.
    pub n_objects: u64,
    /// Items of tables and lines of table exports.
    pub n_rows: u64,
    /// Bytes as stored; of tables the bytes of names and values.
    pub n_bytes: u64,
    /// References found, each as often as it was found.
    pub n_tokens: u64,
    /// Objects that were another version than the listed one and were read anew.
    pub n_changed: u64,
    /// Objects that were there no more.
    pub n_gone: u64,
}

impl UnitStats {
    /// Adds what another part read.
    pub fn add(&mut self, other: &Self) {
        let Self { n_objects, n_rows, n_bytes, n_tokens, n_changed, n_gone } = other;
        self.n_objects = self.n_objects.saturating_add(*n_objects);
        self.n_rows = self.n_rows.saturating_add(*n_rows);
        self.n_bytes = self.n_bytes.saturating_add(*n_bytes);
        self.n_tokens = self.n_tokens.saturating_add(*n_tokens);
        self.n_changed = self.n_changed.saturating_add(*n_changed);
        self.n_gone = self.n_gone.saturating_add(*n_gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_keeps_its_shape_on_the_wire() {
        let objects = vec![
            ObjectSlice { key: "a".into(), size: 3, etag: "e1".into(), range: None },
            ObjectSlice { key: "b".into(), size: 9, etag: "e2".into(), range: Some((4, 9)) },
        ];
        let bucket = BucketRef { bucket: "lake".into(), prefix: "x/".into(), region: None };
        let spec = UnitSpec {
            source: "lake".into(),
            part: UnitPart::Objects { bucket, format: ObjectFormat::DynamodbExport, objects },
        };
        let text = serde_json::to_string(&spec).unwrap();
        insta::assert_snapshot!(text, @r#"{"source":"lake","part":{"objects":{"bucket":{"bucket":"lake","prefix":"x/","region":null},"format":"dynamodb-export","objects":[{"key":"a","size":3,"etag":"e1"},{"key":"b","size":9,"etag":"e2","range":[4,9]}]}}}"#);
        assert_eq!(serde_json::from_str::<UnitSpec>(&text).unwrap(), spec);
    }

    #[test]
    fn a_range_counts_its_own_bytes_only() {
        let mut slice = ObjectSlice { key: "a".into(), size: 9, etag: "e".into(), range: None };
        assert_eq!(slice.n_bytes(), 9);
        slice.range = Some((4, 7));
        assert_eq!(slice.n_bytes(), 3);
    }
}
