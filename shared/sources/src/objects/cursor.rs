//! Where a scan of objects goes on.

use serde::{Deserialize, Serialize};

use crate::SourceError;

/// A version that took the place of the listed one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Newer {
    pub(super) size: u64,
    pub(super) etag: String,
}

/// A place in a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Which object of the manifest.
    pub(super) object: usize,
    /// The first byte whose tokens were not looked for: of the object, or of what a compressed one holds. `None` = the
    /// start of the slice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<u64>,
    /// The version that is read instead of the listed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) newer: Option<Newer>,
}

impl Place {
    pub(super) fn start_of(object: usize) -> Self {
        Self { object, at: None, newer: None }
    }

    pub(super) fn read(resume: Option<&[u8]>) -> Result<Self, SourceError> {
        match resume {
            Some(bytes) => serde_json::from_slice(bytes).map_err(|_| SourceError::Cursor),
            None => Ok(Self::start_of(0)),
        }
    }

    pub(super) fn write(&self) -> Result<Vec<u8>, SourceError> {
        serde_json::to_vec(self).map_err(|_| SourceError::Cursor)
    }
}
