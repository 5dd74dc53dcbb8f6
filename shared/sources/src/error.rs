//! Why a source could not be read. No variant holds a key, a name or content: a key may itself hold a token.

use thiserror::Error;

/// Whether another attempt may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Later may be better.
    Later,
    /// It will not change by itself: the run is void.
    Never,
}

/// A source's failure. Objects are named by their place in the unit's manifest.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SourceError {
    /// No answer, or one that asks for patience.
    #[error("reach source: {code}")]
    Unreachable {
        /// The service's error code, or a word such as `timeout`; never its message.
        code: String,
    },
    /// The role may not read the source.
    #[error("read source: access denied ({code})")]
    Denied {
        /// The service's error code; never its message.
        code: String,
    },
    /// The table or the bucket does not exist. What is missing is not empty.
    #[error("read source: there is no such table or bucket")]
    Missing,
    /// The object does not exist any more. A scan counts it and goes on.
    #[error("read object: it is gone")]
    Gone,
    /// The object is another version than the one asked for.
    #[error("read object: it changes while it is read")]
    Changed,
    /// An object has fewer bytes than listed, or its compressed stream stops in the middle.
    #[error("read object {object} of the unit: it ends early")]
    EndedEarly {
        /// Which object of the unit.
        object: usize,
    },
    /// An object's bytes are not what its name and format promise.
    #[error("read object {object} of the unit: {what}")]
    Corrupt {
        /// Which object of the unit.
        object: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A line of a table export is not one.
    #[error("read object {object} of the unit: line {line}, at byte {offset}, is not an exported item")]
    CorruptLine {
        /// Which object of the unit.
        object: usize,
        /// Which line, from 1, counted from the first that this read saw.
        line: u64,
        /// Where the line begins, after decompression.
        offset: u64,
    },
    /// A value of an item begins as gzip and is none, or is cut.
    #[error(
        "read item: a value that begins as gzip cannot be unpacked; mend it, or leave `gzip` out of the source's \
         `encodings` if it is something else"
    )]
    UnreadableValue,
    /// More than is read of one object.
    #[error("read object {object} of the unit: {what} is over the limit of {max_bytes} bytes")]
    TooLarge {
        /// Which object of the unit.
        object: usize,
        /// What is too large.
        what: &'static str,
        /// The limit.
        max_bytes: u64,
    },
    /// A file in which tokens cannot be found.
    #[error("read object {object} of the unit: {what} is not supported")]
    Unsupported {
        /// Which object of the unit.
        object: usize,
        /// What it is.
        what: &'static str,
    },
    /// A table's page says that the next one is itself.
    #[error("scan table: the scan does not move on")]
    Stuck,
    /// A second listing that has hardly anything in common with the first.
    #[error("list source again: over {max_objects} objects came or changed since it was listed")]
    Unsettled {
        /// How many may have.
        max_objects: usize,
    },
    /// Not a cursor of this unit or source.
    #[error("read cursor: it is not one of this source")]
    Cursor,
}

impl SourceError {
    /// Whether another attempt may help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } | Self::Changed => Retry::Later,
            Self::Denied { .. }
            | Self::Missing
            | Self::Gone
            | Self::EndedEarly { .. }
            | Self::Corrupt { .. }
            | Self::CorruptLine { .. }
            | Self::UnreadableValue
            | Self::TooLarge { .. }
            | Self::Unsupported { .. }
            | Self::Stuck
            | Self::Unsettled { .. }
            | Self::Cursor => Retry::Never,
        }
    }
}
