//! What a store must be able to do.

use std::ops::Range;

use lethe_domain::source::{BucketRef, ChangedSince, TableRef};

use crate::attribute::Item;
use crate::error::SourceError;

/// Some items of a table's segment.
#[derive(Default)]
pub struct TablePage {
    /// The items; there may be none on a page that is not the last.
    pub items: Vec<Item>,
    /// Where the next page begins; `None` = the segment is done.
    pub next: Option<Vec<u8>>,
}

/// What of a table is scanned.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Which segment, from 0.
    pub number: u32,
    /// How many there are.
    pub total: u32,
    /// Items that are known not to have changed since then are left out; `None` = none is.
    pub changed_since: Option<&'a ChangedSince>,
}

/// Tables that can be scanned in parallel segments.
#[expect(async_fn_in_trait, reason = "callers use concrete types on one thread, so no Send bound is needed")]
pub trait Tables {
    /// One page of a segment, strongly consistent. The cursor is the implementation's own. A page with another number
    /// of items than the service counted is an error.
    async fn scan_page(
        &self,
        at: &TableRef,
        segment: Segment<'_>,
        cursor: Option<&[u8]>,
    ) -> Result<TablePage, SourceError>;
}

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Names this version of it.
    pub etag: String,
}

/// Some objects of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectPage {
    /// The objects, in ascending order of the bytes of their keys.
    pub objects: Vec<ListedObject>,
    /// After which key the next page begins; `None` = this is the last.
    pub next: Option<String>,
}

/// Objects that can be listed and read in ranges.
#[expect(async_fn_in_trait, reason = "callers use concrete types on one thread, so no Send bound is needed")]
pub trait Objects {
    /// Up to `limit` objects whose keys begin with the prefix and come after `after`. A bucket that is not there is
    /// [`SourceError::Missing`].
    async fn list(&self, at: &BucketRef, after: Option<&str>, limit: u16) -> Result<ObjectPage, SourceError>;

    /// The bytes of a range of an object, fewer only where the object ends. With an etag, an object that has another
    /// one is [`SourceError::Changed`]; a key that is not there is [`SourceError::Gone`], a bucket that is not there
    /// [`SourceError::Missing`].
    async fn read(
        &self,
        at: &BucketRef,
        key: &str,
        etag: Option<&str>,
        range: Range<u64>,
    ) -> Result<Vec<u8>, SourceError>;
}
