//! A record of the vault's stream, as the edge hands it on.

use lethe_domain::row::{RowRead, VaultRow};
use lethe_domain::time::EpochMillis;

/// What happened to the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// It is new.
    Insert,
    /// It changed.
    Modify,
    /// It is gone.
    Remove,
}

/// A row before or after.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// The row, where it could be understood.
    pub row: RowRead,
    /// All its attributes as DynamoDB JSON, payload included: what the archive keeps.
    pub raw: serde_json::Value,
}

/// One record of the vault's stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamRecord {
    /// What happened.
    pub kind: RecordKind,
    /// The row before.
    pub old: Option<Image>,
    /// The row after.
    pub new: Option<Image>,
    /// The record's sequence number in its shard.
    pub sequence: String,
    /// When it was written; zero where the stream does not say.
    pub at: EpochMillis,
    /// Whether DynamoDB's TTL removed the row.
    pub by_ttl: bool,
}

impl Image {
    /// The token's row, where it is one.
    pub fn token(&self) -> Option<&VaultRow> {
        match &self.row {
            RowRead::Token(row) => Some(row),
            RowRead::Subject | RowRead::Unreadable(_) => None,
        }
    }

    /// A key attribute of the raw image.
    pub fn key(&self, name: &str) -> Option<&str> {
        self.raw.get(name)?.get("S")?.as_str()
    }
}
