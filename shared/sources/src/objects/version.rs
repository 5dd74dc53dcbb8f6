//! One version of an object, and the range of it that belongs to the unit.

use std::cmp::Ordering;
use std::ops::Range;

use lethe_domain::source::{BucketRef, ObjectSlice};

use super::cursor::{Newer, Place};
use super::decode::DecodeError;
use super::lines::NotAnItem;
use crate::{Objects, SourceError};

/// How much is read at a time.
pub(super) const PIECE: u64 = 8 << 20;

/// How the scan of a version ended.
pub(super) enum Step {
    Done,
    /// Nothing was looked for from this byte on.
    Paused(u64),
}

/// A version of an object and what is to be read of it.
pub(super) struct Version<'a> {
    pub(super) object: usize,
    pub(super) key: &'a str,
    pub(super) size: u64,
    /// The bytes that belong to the unit.
    pub(super) own: Range<u64>,
    /// Where to go on; `None` = nothing was read yet.
    pub(super) at: Option<u64>,
    etag: String,
    newer: Option<Newer>,
}

impl<'a> Version<'a> {
    /// The version that a place stands in.
    pub(super) fn of(slice: &'a ObjectSlice, place: &Place) -> Self {
        let (start, end) = slice.range.unwrap_or((0, slice.size));
        let listed = Self {
            object: place.object,
            key: &slice.key,
            etag: slice.etag.clone(),
            size: slice.size,
            own: start..end.min(slice.size),
            at: place.at,
            newer: None,
        };
        match &place.newer {
            Some(newer) => Self { at: place.at, ..listed.replaced_by(newer.clone()) },
            None => listed,
        }
    }

    /// All of a newer version.
    pub(super) fn replaced_by(self, newer: Newer) -> Self {
        let Newer { size, etag } = newer.clone();
        Self { etag, size, own: 0..size, at: None, newer: Some(newer), ..self }
    }

    /// Whether it is the listed version and nothing of it was read yet.
    pub(super) fn is_untouched(&self) -> bool {
        self.newer.is_none() && self.at.is_none()
    }

    pub(super) fn place(&self, at: u64) -> Place {
        Place { object: self.object, at: Some(at), newer: self.newer.clone() }
    }

    /// What is left of the range, where the bytes are text as they are stored.
    pub(super) fn left(&self) -> Range<u64> {
        self.at.unwrap_or(self.own.start).max(self.own.start)..self.own.end
    }

    pub(super) fn is_last_range(&self) -> bool {
        self.own.end == self.size
    }

    pub(super) fn corrupt(&self, what: &'static str) -> SourceError {
        SourceError::Corrupt { object: self.object, what }
    }

    pub(super) fn not_an_item(&self, NotAnItem { line, offset }: NotAnItem) -> SourceError {
        SourceError::CorruptLine { object: self.object, line, offset }
    }

    pub(super) fn decode_error(&self, error: DecodeError, max_bytes: u64) -> SourceError {
        match error {
            DecodeError::Corrupt => self.corrupt("its compressed bytes are damaged"),
            DecodeError::EndedEarly => SourceError::EndedEarly { object: self.object },
            DecodeError::TooLarge => {
                SourceError::TooLarge { object: self.object, what: "what it unpacks to", max_bytes }
            }
            DecodeError::NotAnItem(line) => self.not_an_item(line),
        }
    }

    /// The bytes of a range that lies in the object, all of them.
    pub(super) async fn read<O: Objects>(
        &self,
        objects: &O,
        bucket: &BucketRef,
        range: Range<u64>,
    ) -> Result<Vec<u8>, SourceError> {
        let wanted = range.end.saturating_sub(range.start);
        let bytes = objects.read(bucket, self.key, Some(&self.etag), range).await?;
        // Guard: fewer bytes than listed are not the object, and what is missing is not empty.
        match u64::try_from(bytes.len()).unwrap_or(u64::MAX).cmp(&wanted) {
            Ordering::Less => Err(SourceError::EndedEarly { object: self.object }),
            Ordering::Equal => Ok(bytes),
            Ordering::Greater => Err(self.corrupt("it answers with more bytes than were asked for")),
        }
    }
}
