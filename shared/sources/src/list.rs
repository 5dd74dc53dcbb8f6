//! Cuts a source into units. A table is cut into segments; a listing of objects is packed, in its order, into units
//! as full as the limits allow, so that the same listing always gives the same units.

use lethe_domain::source::{
    BucketRef, ChangedSince, ObjectFormat, ObjectSlice, SourceConfig, TableRef, UnitLimits, UnitPart,
    UnitSpec,
};
use serde::{Deserialize, Serialize};

use crate::objects::Compression;
use crate::ports::ListedObject;
use crate::{Objects, SourceError};

/// How many keys a listing is asked for at a time: the most that S3 returns.
pub(crate) const KEYS_PER_PAGE: u16 = 1000;
/// How many units a page has at most; one huge object alone may be thousands.
pub(crate) const MAX_UNITS_PER_PAGE: usize = 256;
/// What a table export writes beside its data: nothing of it holds items.
const EXPORT_EXTRAS: [&str; 5] = [
    "_started",
    "manifest-files.json",
    "manifest-files.md5",
    "manifest-summary.json",
    "manifest-summary.md5",
];

/// Some units of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitPage {
    /// The units, in order.
    pub units: Vec<UnitSpec>,
    /// Where the next page begins; `None` = there are no more.
    pub next: Option<String>,
}

pub(crate) async fn list_units<O: Objects>(
    objects: &O,
    name: &str,
    config: &SourceConfig,
    cursor: Option<&str>,
    limits: &UnitLimits,
) -> Result<UnitPage, SourceError> {
    match config {
        SourceConfig::DynamoDb { table, region, segments, encodings: _, changed_at: _ } => {
            let table = TableRef { table: table.clone(), region: region.clone() };
            Ok(UnitPage { units: segments_of(name, &table, u32::from(*segments), None), next: None })
        }
        SourceConfig::S3 { bucket, prefix, region, format, encodings: _ } => {
            let bucket = BucketRef { bucket: bucket.clone(), prefix: prefix.clone(), region: region.clone() };
            let packed = pack_listing(objects, &bucket, *format, cursor, limits).await?;
            Ok(UnitPage { units: slices_of(name, &bucket, *format, packed.units), next: packed.next })
        }
    }
}

/// The segments of a table, all of it or what changed since a moment.
pub(crate) fn segments_of(
    name: &str,
    table: &TableRef,
    total: u32,
    changed_since: Option<&ChangedSince>,
) -> Vec<UnitSpec> {
    let spec = |segment| UnitSpec {
        source: name.to_owned(),
        part: UnitPart::Segment {
            table: table.clone(),
            segment,
            total,
            changed_since: changed_since.cloned(),
        },
    };
    (0..total).map(spec).collect()
}

/// Slices of a listing as units.
pub(crate) fn slices_of(
    name: &str,
    bucket: &BucketRef,
    format: ObjectFormat,
    units: Vec<Vec<ObjectSlice>>,
) -> Vec<UnitSpec> {
    let spec = |objects| UnitSpec {
        source: name.to_owned(),
        part: UnitPart::Objects { bucket: bucket.clone(), format, objects },
    };
    units.into_iter().map(spec).collect()
}

/// Where a listing goes on: always between two units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListCursor {
    /// The last key of which everything is packed.
    pub(crate) after: Option<String>,
    /// The key after it and the first byte of it that is not packed, when a unit ended inside an object.
    inside: Option<(String, u64)>,
}

impl ListCursor {
    /// A cursor that a page ended with; the beginning where there is none.
    pub(crate) fn read(cursor: Option<&str>) -> Result<Self, SourceError> {
        cursor.map_or_else(
            || Ok(Self::default()),
            |text| serde_json::from_str(text).map_err(|_| SourceError::Cursor),
        )
    }
}

pub(crate) struct Packed {
    pub(crate) units: Vec<Vec<ObjectSlice>>,
    next: Option<String>,
}

/// Lists until at least one unit is full or the listing ends. What was listed behind the last full unit is listed
/// again for the next page.
async fn pack_listing<O: Objects>(
    objects: &O,
    bucket: &BucketRef,
    format: ObjectFormat,
    cursor: Option<&str>,
    limits: &UnitLimits,
) -> Result<Packed, SourceError> {
    let begin = ListCursor::read(cursor)?;
    let mut packer = Packer::new(begin.clone(), limits);
    let mut after = begin.after.clone();
    loop {
        let page = objects.list(bucket, after.as_deref(), KEYS_PER_PAGE).await?;
        for object in page.objects.iter().filter(|object| holds_data(&object.key, format)) {
            packer.add_object(object, &begin);
            if MAX_UNITS_PER_PAGE <= packer.units.len() {
                return packer.pause();
            }
        }
        if page.next.is_none() {
            return Ok(packer.finish());
        }
        if !packer.units.is_empty() {
            return packer.pause();
        }
        after = page.next;
    }
}

pub(crate) fn holds_data(key: &str, format: ObjectFormat) -> bool {
    let file = key.rsplit('/').next().unwrap_or(key);
    match format {
        ObjectFormat::DynamodbExport => !EXPORT_EXTRAS.contains(&file),
        ObjectFormat::Csv | ObjectFormat::Jsonl | ObjectFormat::Text => true,
    }
}

pub(crate) struct Packer<'a> {
    limits: &'a UnitLimits,
    pub(crate) units: Vec<Vec<ObjectSlice>>,
    /// The unit that is not full yet.
    open: Vec<ObjectSlice>,
    open_bytes: u64,
    /// Where the last full unit ended.
    closed_at: ListCursor,
    /// Where the open unit ends so far.
    open_at: ListCursor,
}

impl<'a> Packer<'a> {
    pub(crate) fn new(begin: ListCursor, limits: &'a UnitLimits) -> Self {
        let (closed_at, open_at) = (begin.clone(), begin);
        Self { limits, units: Vec::new(), open: Vec::new(), open_bytes: 0, closed_at, open_at }
    }

    /// Adds an object, or what is left of the one that the page begins in.
    pub(crate) fn add_object(&mut self, object: &ListedObject, begin: &ListCursor) {
        let done = begin.inside.as_ref().filter(|(key, _)| *key == object.key).map_or(0, |(_, done)| *done);
        let ListedObject { key, size, etag } = object;
        let after = self.open_at.after.clone();
        if *size <= self.limits.range_bytes || Compression::by_name(key).is_some() {
            let slice = ObjectSlice { key: key.clone(), size: *size, etag: etag.clone(), range: None };
            self.add(slice, ListCursor { after: Some(key.clone()), inside: None });
            return;
        }
        let mut start = done;
        while start < *size && self.units.len() < MAX_UNITS_PER_PAGE {
            let end = start.saturating_add(self.limits.range_bytes.max(1)).min(*size);
            let range = Some((start, end));
            let slice = ObjectSlice { key: key.clone(), size: *size, etag: etag.clone(), range };
            let behind = if end < *size {
                ListCursor { after: after.clone(), inside: Some((key.clone(), end)) }
            } else {
                ListCursor { after: Some(key.clone()), inside: None }
            };
            self.add(slice, behind);
            start = end;
        }
    }

    fn add(&mut self, slice: ObjectSlice, behind: ListCursor) {
        let n_bytes = slice.n_bytes();
        let is_full = self.limits.max_unit_objects <= self.open.len()
            || self.limits.max_unit_bytes < self.open_bytes.saturating_add(n_bytes);
        if is_full && !self.open.is_empty() {
            self.close();
        }
        self.open.push(slice);
        self.open_bytes = self.open_bytes.saturating_add(n_bytes);
        self.open_at = behind;
    }

    fn close(&mut self) {
        self.units.push(std::mem::take(&mut self.open));
        self.open_bytes = 0;
        self.closed_at = self.open_at.clone();
    }

    /// Only the full units; the next page begins behind them.
    fn pause(self) -> Result<Packed, SourceError> {
        let next = serde_json::to_string(&self.closed_at).map_err(|_| SourceError::Cursor)?;
        Ok(Packed { units: self.units, next: Some(next) })
    }

    pub(crate) fn finish(mut self) -> Packed {
        if !self.open.is_empty() {
            self.close();
        }
        Packed { units: self.units, next: None }
    }
}
