//! Tenants' data stores in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lethe_domain::source::{BucketRef, ChangedSince, TableRef};
use lethe_sources::{
    Attribute, Item, ListedObject, ObjectPage, Objects, Segment, SourceError, TablePage, Tables,
};

use crate::faults::{Faults, Flaw, Injected};

/// Tables of items in the order of their insertion.
#[derive(Default)]
pub struct FakeTables {
    faults: Faults,
    state: Mutex<TableState>,
}

struct TableState {
    /// An item keeps its place when others are removed, as a key does.
    tables: BTreeMap<String, Vec<Option<Item>>>,
    page_size: usize,
    refused: Option<SourceError>,
}

impl Default for TableState {
    fn default() -> Self {
        Self { tables: BTreeMap::new(), page_size: 3, refused: None }
    }
}

impl FakeTables {
    /// No tables, with shared faults.
    pub fn new(faults: Faults) -> Self {
        Self { faults, ..Self::default() }
    }

    /// Makes a table without items.
    pub fn create(&self, table: &str) {
        self.lock().tables.entry(table.to_owned()).or_default();
    }

    /// Adds an item to a table, which is made if need be.
    pub fn put(&self, table: &str, item: Item) {
        self.lock().tables.entry(table.to_owned()).or_default().push(Some(item));
    }

    /// Removes the items that `is_gone` chooses.
    pub fn remove(&self, table: &str, is_gone: impl Fn(&Item) -> bool) {
        if let Some(items) = self.lock().tables.get_mut(table) {
            for place in items.iter_mut() {
                place.take_if(|item| is_gone(item));
            }
        }
    }

    /// Sets how many items are looked at for a page.
    pub fn set_page_size(&self, page_size: usize) {
        self.lock().page_size = page_size.max(1);
    }

    /// Makes every call fail, or none with `None`.
    pub fn refuse(&self, with: Option<SourceError>) {
        self.lock().refused = with;
    }

    fn lock(&self) -> MutexGuard<'_, TableState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables for FakeTables {
    async fn scan_page(
        &self,
        at: &TableRef,
        segment: Segment<'_>,
        cursor: Option<&[u8]>,
    ) -> Result<TablePage, SourceError> {
        let call = self.faults.try_begin("tables.scan_page").await.map_err(unreachable)?;
        let state = self.lock();
        if let Some(error) = &state.refused {
            return Err(error.clone());
        }
        let items = state.tables.get(&at.table).ok_or(SourceError::Missing)?;
        let from = match cursor {
            Some(bytes) => {
                let place = bytes.try_into().map(u64::from_be_bytes).map_err(|_| SourceError::Cursor)?;
                usize::try_from(place).map_err(|_| SourceError::Cursor)?
            }
            None => 0,
        };
        let to = items.len().min(from.saturating_add(state.page_size));
        let in_segment =
            |place: &usize| *place as u64 % u64::from(segment.total) == u64::from(segment.number);
        let is_meant =
            |item: &&Item| segment.changed_since.is_none_or(|since| !is_known_unchanged(item, since));
        let in_page = (from..to).filter(in_segment).filter_map(|place| items[place].as_ref());
        let is_cut = to < items.len() && !self.faults.has(Flaw::CutsTables);
        let page = TablePage {
            items: in_page.filter(is_meant).cloned().collect(),
            next: is_cut.then(|| (to as u64).to_be_bytes().to_vec()),
        };
        call.try_end(page).map_err(unreachable)
    }
}

fn is_known_unchanged(item: &Item, since: &ChangedSince) -> bool {
    let unchanged = since.unchanged();
    match item.get(&since.changed_at.attribute) {
        Some(Attribute::N(number)) => number.parse().is_ok_and(|number| unchanged.holds_number(number)),
        Some(Attribute::S(text)) => unchanged.holds_text(text),
        Some(
            Attribute::B(_)
            | Attribute::Bool(_)
            | Attribute::Null
            | Attribute::SS(_)
            | Attribute::NS(_)
            | Attribute::BS(_)
            | Attribute::L(_)
            | Attribute::M(_),
        )
        | None => false,
    }
}

/// So many reads that bring nothing are a reader who waits for bytes that do not come.
const MAX_EMPTY_READS: u32 = 100;

/// What happens to an object while it is read.
type Change = (String, String, Option<Vec<u8>>);

/// An object and its etag, out of its bucket.
pub struct TakenObject((Vec<u8>, String));

/// Buckets of objects.
#[derive(Default)]
pub struct FakeObjects {
    faults: Faults,
    state: Mutex<BucketState>,
}

#[derive(Default)]
struct BucketState {
    buckets: BTreeSet<String>,
    objects: BTreeMap<(String, String), (Vec<u8>, String)>,
    n_puts: u64,
    n_reads: u64,
    n_bytes_read: u64,
    page_size: Option<usize>,
    missing_bytes: usize,
    n_empty_reads: u32,
    hidden_from: Option<String>,
    changes: BTreeMap<u64, Change>,
    refused: Option<SourceError>,
}

impl FakeObjects {
    /// No buckets, with shared faults.
    pub fn new(faults: Faults) -> Self {
        Self { faults, ..Self::default() }
    }

    /// Makes a bucket without objects.
    pub fn create(&self, bucket: &str) {
        self.lock().buckets.insert(bucket.to_owned());
    }

    /// Stores an object, in a bucket that is made if need be. Every put has an etag of its own.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Vec<u8>>) {
        self.lock().put(bucket, key, bytes.into());
    }

    /// Removes an object.
    pub fn remove(&self, bucket: &str, key: &str) {
        self.lock().objects.remove(&(bucket.to_owned(), key.to_owned()));
    }

    /// Removes an object that [`FakeObjects::put_back`] puts back as it was, its etag included.
    pub fn take(&self, bucket: &str, key: &str) -> TakenObject {
        TakenObject(self.lock().objects.remove(&(bucket.to_owned(), key.to_owned())).unwrap())
    }

    /// Puts back what was taken.
    pub fn put_back(&self, bucket: &str, key: &str, taken: TakenObject) {
        self.lock().objects.insert((bucket.to_owned(), key.to_owned()), taken.0);
    }

    /// Just before the n-th read from now on (from 1), puts other bytes in an object's place, or removes it.
    pub fn change_before_read(&self, n: u64, bucket: &str, key: &str, bytes: Option<Vec<u8>>) {
        let mut state = self.lock();
        let n = state.n_reads + n;
        state.changes.insert(n, (bucket.to_owned(), key.to_owned(), bytes));
    }

    /// Makes every read end this much too early. Whoever takes what is missing for something that is still to come asks
    /// for it for ever, so that a read without an end panics here.
    pub fn cut_reads_by(&self, n_bytes: usize) {
        self.lock().missing_bytes = n_bytes;
    }

    /// Makes every listing end before this key as if nothing came behind it, or none with `None`.
    pub fn hide_from(&self, key: Option<&str>) {
        self.lock().hidden_from = key.map(str::to_owned);
    }

    /// Sets how many keys a listing returns at most, whatever it is asked for.
    pub fn set_page_size(&self, page_size: usize) {
        self.lock().page_size = Some(page_size.max(1));
    }

    /// Makes every call fail, or none with `None`.
    pub fn refuse(&self, with: Option<SourceError>) {
        self.lock().refused = with;
    }

    /// How many reads there were, and of how many bytes.
    pub fn reads(&self) -> (u64, u64) {
        let state = self.lock();
        (state.n_reads, state.n_bytes_read)
    }

    fn lock(&self) -> MutexGuard<'_, BucketState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BucketState {
    fn put(&mut self, bucket: &str, key: &str, bytes: Vec<u8>) {
        self.n_puts += 1;
        let etag = format!("\"{}\"", self.n_puts);
        self.buckets.insert(bucket.to_owned());
        self.objects.insert((bucket.to_owned(), key.to_owned()), (bytes, etag));
    }

    fn read(
        &mut self,
        bucket: &str,
        key: &str,
        etag: Option<&str>,
        range: &Range<u64>,
    ) -> Result<Vec<u8>, SourceError> {
        self.n_reads += 1;
        if let Some((bucket, key, bytes)) = self.changes.remove(&self.n_reads) {
            match bytes {
                Some(bytes) => self.put(&bucket, &key, bytes),
                None => drop(self.objects.remove(&(bucket, key))),
            }
        }
        if !self.buckets.contains(bucket) {
            return Err(SourceError::Missing);
        }
        let (bytes, current) =
            self.objects.get(&(bucket.to_owned(), key.to_owned())).ok_or(SourceError::Gone)?;
        if etag.is_some_and(|etag| etag != current) {
            return Err(SourceError::Changed);
        }
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        let mut found = bytes[place(range.start)..place(range.end)].to_vec();
        found.truncate(found.len().saturating_sub(self.missing_bytes));
        if 0 < self.missing_bytes && found.is_empty() {
            self.n_empty_reads += 1;
            assert!(self.n_empty_reads < MAX_EMPTY_READS, "{bucket}/{key} is read without an end");
        }
        self.n_bytes_read += found.len() as u64;
        Ok(found)
    }

    fn list(&self, at: &BucketRef, after: Option<&str>, limit: u16) -> Result<ObjectPage, SourceError> {
        if !self.buckets.contains(&at.bucket) {
            return Err(SourceError::Missing);
        }
        let limit = usize::from(limit).min(self.page_size.unwrap_or(usize::MAX));
        let hidden_from = self.hidden_from.as_deref();
        let matches = |bucket: &str, key: &str| {
            bucket == at.bucket
                && key.starts_with(&at.prefix)
                && after.is_none_or(|after| after < key)
                && hidden_from.is_none_or(|hidden_from| key < hidden_from)
        };
        let mut objects: Vec<ListedObject> = self
            .objects
            .iter()
            .filter(|((bucket, key), _)| matches(bucket, key))
            .map(|((_, key), (bytes, etag))| ListedObject {
                key: key.clone(),
                size: bytes.len() as u64,
                etag: etag.clone(),
            })
            .take(limit + 1)
            .collect();
        let is_cut = limit < objects.len();
        objects.truncate(limit);
        let next = objects.last().filter(|_| is_cut).map(|last| last.key.clone());
        Ok(ObjectPage { objects, next })
    }
}

impl Objects for FakeObjects {
    async fn list(&self, at: &BucketRef, after: Option<&str>, limit: u16) -> Result<ObjectPage, SourceError> {
        let call = self.faults.try_begin("objects.list").await.map_err(unreachable)?;
        let state = self.lock();
        if let Some(error) = &state.refused {
            return Err(error.clone());
        }
        let mut page = state.list(at, after, limit)?;
        if page.next.is_none() && self.faults.has(Flaw::HidesObjects) {
            page.objects.pop();
        }
        call.try_end(page).map_err(unreachable)
    }

    async fn read(
        &self,
        at: &BucketRef,
        key: &str,
        etag: Option<&str>,
        range: Range<u64>,
    ) -> Result<Vec<u8>, SourceError> {
        let call = self.faults.try_begin("objects.read").await.map_err(unreachable)?;
        let mut state = self.lock();
        if let Some(error) = &state.refused {
            return Err(error.clone());
        }
        let bytes = state.read(&at.bucket, key, etag, &range)?;
        call.try_end(bytes).map_err(unreachable)
    }
}

fn unreachable(injected: Injected) -> SourceError {
    SourceError::Unreachable { code: injected.to_string() }
}
