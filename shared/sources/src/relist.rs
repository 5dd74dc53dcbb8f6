//! Looks at a source again after it was read. What a page of the first listing covered is compared, key by key, with
//! what is there now; every object that is new or another version makes units of its own. A table that says when its
//! items changed is scanned again for those that did.

use std::collections::{HashMap, HashSet};

use lethe_domain::source::{
    BucketRef, ChangedSince, ObjectFormat, ObjectSlice, SourceConfig, TableRef, UnitLimits, UnitPart,
    UnitSpec,
};
use lethe_domain::time::EpochSeconds;

use crate::list::{
    KEYS_PER_PAGE, ListCursor, MAX_UNITS_PER_PAGE, Packer, holds_data, segments_of, slices_of,
};
use crate::ports::ListedObject;
use crate::{Objects, SourceError};

/// How many objects of one page may be different: they are held in memory and read in one round.
const MAX_DIFFERENT_OBJECTS: usize = 100_000;

/// A page of the first listing, and what is known of it since.
pub struct Relisted<'a> {
    /// The cursor that the page began at.
    pub begin: Option<&'a str>,
    /// The cursor that it ended with; `None` = it was the source's last.
    pub end: Option<&'a str>,
    /// The units of this page, round by round, in their order.
    pub known: &'a [Vec<KnownUnit>],
    /// What is written from this moment on counts as changed.
    pub changed_from: EpochSeconds,
}

/// A unit that was read.
pub struct KnownUnit {
    /// What it covers.
    pub spec: UnitSpec,
    /// The places in it of the objects that were gone or another version when their turn came.
    pub missed: Vec<u32>,
}

pub(crate) async fn relist_units<O: Objects>(
    objects: &O,
    name: &str,
    config: &SourceConfig,
    page: &Relisted<'_>,
    limits: &UnitLimits,
) -> Result<Vec<UnitSpec>, SourceError> {
    match config {
        SourceConfig::DynamoDb { table, region, segments, encodings: _, changed_at } => {
            let Some(changed_at) = changed_at.clone() else { return Ok(Vec::new()) };
            let table = TableRef { table: table.clone(), region: region.clone() };
            let changed_since = ChangedSince { changed_at, since: page.changed_from };
            Ok(segments_of(name, &table, u32::from(*segments), Some(&changed_since)))
        }
        SourceConfig::S3 { bucket, prefix, region, format, encodings: _ } => {
            let bucket = BucketRef { bucket: bucket.clone(), prefix: prefix.clone(), region: region.clone() };
            let units = pack_differences(objects, (&bucket, *format), page, limits).await?;
            Ok(slices_of(name, &bucket, *format, units))
        }
    }
}

async fn pack_differences<O: Objects>(
    objects: &O,
    (bucket, format): (&BucketRef, ObjectFormat),
    page: &Relisted<'_>,
    limits: &UnitLimits,
) -> Result<Vec<Vec<ObjectSlice>>, SourceError> {
    let known = versions_of(page.known);
    let begin = ListCursor::read(page.begin)?;
    let end = page.end.map(|end| ListCursor::read(Some(end))).transpose()?;
    let is_behind =
        |key: &str| end.as_ref().is_some_and(|end| end.after.as_deref().is_none_or(|end| end < key));
    let mut packer = Packer::new(ListCursor::default(), limits);
    let mut n_different = 0_usize;
    let mut after = begin.after;
    loop {
        let listed = objects.list(bucket, after.as_deref(), KEYS_PER_PAGE).await?;
        for object in &listed.objects {
            if is_behind(&object.key) {
                return Ok(packer.finish().units);
            }
            if !holds_data(&object.key, format) || known.get(object.key.as_str()) == Some(&version_of(object))
            {
                continue;
            }
            n_different = n_different.saturating_add(1);
            packer.add_object(object, &ListCursor::default());
            if MAX_DIFFERENT_OBJECTS < n_different || MAX_UNITS_PER_PAGE <= packer.units.len() {
                return Err(SourceError::Unsettled { max_objects: MAX_DIFFERENT_OBJECTS });
            }
        }
        after = listed.next;
        if after.is_none() {
            return Ok(packer.finish().units);
        }
    }
}

/// The version of each object that was read as it was listed.
///
/// Guard: an object that came back as it was listed, but was gone or another one when it was to be read, is not known.
fn versions_of(rounds: &[Vec<KnownUnit>]) -> HashMap<&str, (&str, u64)> {
    let mut known = HashMap::new();
    for units in rounds {
        let missed: HashSet<&str> = units.iter().flat_map(missed_keys).collect();
        for slice in units.iter().flat_map(|unit| slices_in(&unit.spec)) {
            if missed.contains(slice.key.as_str()) {
                known.remove(slice.key.as_str());
            } else {
                known.insert(slice.key.as_str(), (slice.etag.as_str(), slice.size));
            }
        }
    }
    known
}

fn missed_keys(unit: &KnownUnit) -> impl Iterator<Item = &str> {
    let slices = slices_in(&unit.spec);
    let places = unit.missed.iter().filter_map(|place| usize::try_from(*place).ok());
    places.filter_map(|place| slices.get(place)).map(|slice| slice.key.as_str())
}

fn slices_in(spec: &UnitSpec) -> &[ObjectSlice] {
    match &spec.part {
        UnitPart::Objects { bucket: _, format: _, objects } => objects,
        UnitPart::Segment { .. } => &[],
    }
}

fn version_of(object: &ListedObject) -> (&str, u64) {
    (&object.etag, object.size)
}
