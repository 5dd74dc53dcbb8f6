//! What a source held when a run read it: what the next run's is compared with.

use serde::{Deserialize, Serialize};

use super::UnitStats;

/// What was found in one source by a run that read all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceTotals {
    /// References, each as often as it was found.
    pub n_references: u64,
    /// Objects.
    pub n_objects: u64,
    /// Items of tables and lines of table exports.
    pub n_rows: u64,
    /// Bytes as stored; of tables the bytes of names and values.
    pub n_bytes: u64,
}

impl From<&UnitStats> for SourceTotals {
    fn from(stats: &UnitStats) -> Self {
        let UnitStats { n_objects, n_rows, n_bytes, n_tokens, n_changed: _, n_gone: _ } = stats;
        Self { n_references: *n_tokens, n_objects: *n_objects, n_rows: *n_rows, n_bytes: *n_bytes }
    }
}

impl SourceTotals {
    /// The four numbers, each with the word for what it counts.
    pub fn counted(&self) -> [(&'static str, u64); 4] {
        let Self { n_references, n_objects, n_rows, n_bytes } = *self;
        [("references", n_references), ("objects", n_objects), ("rows", n_rows), ("bytes", n_bytes)]
    }
}
