//! Tenants' data stores over `DynamoDB` and S3, in any region.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::error::ProvideErrorMetadata;
use lethe_domain::source::{BucketRef, ChangedSince, TableRef, Unchanged};
use lethe_sources::{
    Attribute, Item, ListedObject, ObjectPage, Objects, Segment, SourceError, TablePage, Tables,
};
use lethe_stages::error::Retry;

use crate::client::{Timeouts, dynamodb_in, s3_in};
use crate::failure::{failure, status_of};

mod cursor;

/// Tenants' tables.
#[derive(Clone, Debug)]
pub struct SourceTables {
    clients: Regions<aws_sdk_dynamodb::Client>,
}

/// Tenants' buckets.
#[derive(Clone, Debug)]
pub struct SourceObjects {
    clients: Regions<aws_sdk_s3::Client>,
}

/// One client a region, made when the region is first met.
#[derive(Clone, Debug)]
struct Regions<C> {
    config: SdkConfig,
    timeouts: Timeouts,
    by_region: Arc<Mutex<BTreeMap<Option<String>, C>>>,
}

impl<C: Clone> Regions<C> {
    fn new(config: SdkConfig, timeouts: Timeouts) -> Self {
        Self { config, timeouts, by_region: Arc::default() }
    }

    fn client(&self, region: Option<&str>, make: impl FnOnce(&SdkConfig, &Timeouts, Option<&str>) -> C) -> C {
        let mut clients = self.by_region.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients
            .entry(region.map(str::to_owned))
            .or_insert_with(|| make(&self.config, &self.timeouts, region));
        client.clone()
    }
}

impl SourceTables {
    /// Tables that these credentials can reach.
    pub fn new(config: SdkConfig, timeouts: Timeouts) -> Self {
        Self { clients: Regions::new(config, timeouts) }
    }
}

impl SourceObjects {
    /// Buckets that these credentials can reach.
    pub fn new(config: SdkConfig, timeouts: Timeouts) -> Self {
        Self { clients: Regions::new(config, timeouts) }
    }
}

impl Tables for SourceTables {
    async fn scan_page(
        &self,
        at: &TableRef,
        segment: Segment<'_>,
        cursor: Option<&[u8]>,
    ) -> Result<TablePage, SourceError> {
        let from = cursor.map(|cursor| cursor::decode(cursor).ok_or(SourceError::Cursor)).transpose()?;
        let client = self.clients.client(at.region.as_deref(), dynamodb_in);
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let scan = client
            .scan()
            .table_name(&at.table)
            .segment(number(segment.number))
            .total_segments(number(segment.total))
            .consistent_read(true)
            .set_exclusive_start_key(from);
        let scan = match segment.changed_since {
            Some(since) => leaving_out_unchanged(scan, since),
            None => scan,
        };
        let page = scan.send().await.map_err(|error| source_error(&error))?;
        let next = match page.last_evaluated_key {
            None => None,
            Some(key) => Some(cursor::encode(&key).ok_or(SourceError::Cursor)?),
        };
        let n_counted = usize::try_from(page.count).unwrap_or(usize::MAX);
        let items: Option<Vec<_>> = page.items.unwrap_or_default().into_iter().map(plain_item).collect();
        let items =
            items.ok_or_else(|| SourceError::Unreachable { code: "UnknownAttributeType".to_owned() })?;
        // Guard: a page that lost items on its way is not a page with fewer items.
        if items.len() != n_counted {
            return Err(SourceError::Unreachable { code: "ItemsMissing".to_owned() });
        }
        Ok(TablePage { items, next })
    }
}

impl Objects for SourceObjects {
    async fn list(&self, at: &BucketRef, after: Option<&str>, limit: u16) -> Result<ObjectPage, SourceError> {
        let client = self.clients.client(at.region.as_deref(), s3_in);
        let list = client
            .list_objects_v2()
            .bucket(&at.bucket)
            .prefix(&at.prefix)
            .max_keys(i32::from(limit))
            .set_start_after(after.map(str::to_owned));
        let page = list.send().await.map_err(|error| source_error(&error))?;
        let is_cut = page.is_truncated == Some(true);
        let objects: Option<Vec<_>> = page.contents.unwrap_or_default().into_iter().map(listed).collect();
        let n_counted = page.key_count.and_then(|count| usize::try_from(count).ok());
        // An entry without key, size or tag cannot be scanned, and what is not scanned must not look empty.
        let objects =
            objects.ok_or_else(|| SourceError::Unreachable { code: "UnreadableListing".to_owned() })?;
        // Guard: a listing that lost entries on its way is not a shorter one.
        if n_counted.is_some_and(|n_counted| n_counted != objects.len()) {
            return Err(SourceError::Unreachable { code: "KeysMissing".to_owned() });
        }
        let next = objects.last().filter(|_| is_cut).map(|object| object.key.clone());
        if is_cut && next.is_none() {
            return Err(SourceError::Unreachable { code: "EmptyCutListing".to_owned() });
        }
        Ok(ObjectPage { objects, next })
    }

    async fn read(
        &self,
        at: &BucketRef,
        key: &str,
        etag: Option<&str>,
        range: Range<u64>,
    ) -> Result<Vec<u8>, SourceError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let client = self.clients.client(at.region.as_deref(), s3_in);
        let get = client
            .get_object()
            .bucket(&at.bucket)
            .key(key)
            .range(format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))
            .set_if_match(etag.map(str::to_owned));
        let answer = match get.send().await {
            Ok(answer) => answer,
            // The object is shorter than the listing said.
            Err(error) if status_of(&error) == Some(416) => return Ok(Vec::new()),
            Err(error) if status_of(&error) == Some(412) => return Err(SourceError::Changed),
            Err(error) => return Err(source_error(&error)),
        };
        // Guard: every piece is asked for by its tag, so that an object that is read to its end was the same one from
        // start to end. A store that does not honour that says by the tag of its answer what it gave.
        if etag.is_some() && answer.e_tag.as_deref().is_some_and(|given| Some(given) != etag) {
            return Err(SourceError::Changed);
        }
        let body = answer.body.collect().await;
        let body = body.map_err(|_| SourceError::Unreachable { code: "CutBody".to_owned() })?;
        Ok(body.to_vec())
    }
}

/// Leaves out what says, in the unit that was promised and plausibly, that it did not change.
fn leaving_out_unchanged(scan: ScanFluentBuilder, since: &ChangedSince) -> ScanFluentBuilder {
    let (kind, plausible, from) = match since.unchanged() {
        Unchanged::Number { plausible, from } => {
            ("N", AttributeValue::N(plausible.to_string()), AttributeValue::N(from.to_string()))
        }
        Unchanged::Text { plausible, from } => ("S", AttributeValue::S(plausible), AttributeValue::S(from)),
    };
    scan.filter_expression(
        "NOT attribute_type(#changed, :kind) OR #changed < :plausible OR :from <= #changed",
    )
    .expression_attribute_names("#changed", &since.changed_at.attribute)
    .expression_attribute_values(":kind", AttributeValue::S(kind.to_owned()))
    .expression_attribute_values(":plausible", plausible)
    .expression_attribute_values(":from", from)
}

fn listed(object: aws_sdk_s3::types::Object) -> Option<ListedObject> {
    let size = u64::try_from(object.size?).ok()?;
    Some(ListedObject { key: object.key?, size, etag: object.e_tag? })
}

/// What a failed call says of a store: out of reach, closed to us, or not there.
fn source_error<E>(error: &aws_sdk_s3::error::SdkError<E>) -> SourceError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let (failure, retry) = failure(error);
    match failure.code.as_str() {
        "NoSuchKey" => SourceError::Gone,
        "NoSuchBucket" | "ResourceNotFoundException" => SourceError::Missing,
        _ => match retry {
            Retry::Later => SourceError::Unreachable { code: failure.code },
            Retry::Never => SourceError::Denied { code: failure.code },
        },
    }
}

/// An item in the connectors' words; `None` when it holds a type that this SDK does not know, since a token could hide
/// in it.
fn plain_item(item: HashMap<String, AttributeValue>) -> Option<Item> {
    item.into_iter().map(|(name, value)| Some((name, plain(value)?))).collect()
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the SDK may add types, and says that none is to be matched as unknown"
)]
fn plain(value: AttributeValue) -> Option<Attribute> {
    let bytes = |blob: Blob| blob.into_inner();
    Some(match value {
        AttributeValue::S(text) => Attribute::S(text),
        AttributeValue::N(number) => Attribute::N(number),
        AttributeValue::B(blob) => Attribute::B(bytes(blob)),
        AttributeValue::Bool(flag) => Attribute::Bool(flag),
        AttributeValue::Null(_) => Attribute::Null,
        AttributeValue::Ss(texts) => Attribute::SS(texts),
        AttributeValue::Ns(numbers) => Attribute::NS(numbers),
        AttributeValue::Bs(blobs) => Attribute::BS(blobs.into_iter().map(bytes).collect()),
        AttributeValue::L(values) => Attribute::L(values.into_iter().map(plain).collect::<Option<_>>()?),
        AttributeValue::M(map) => Attribute::M(plain_item(map)?),
        _ => return None,
    })
}
