//! Scans the objects of a unit one after another, each in bounded pieces.

mod content;
mod cursor;
mod decode;
mod gzip;
mod lines;
mod packed;
mod plain;
mod reading;
mod version;

use std::pin::pin;

use futures::{StreamExt, stream};
use lethe_domain::marks::MarkBuilder;
use lethe_domain::source::{BucketRef, ObjectFormat, ObjectSlice, UnitStats};

use crate::ports::ListedObject;
use crate::{Objects, ScanJob, SourceError, UnitProgress};
pub(crate) use content::Compression;
use content::{Content, HEAD};
use cursor::{Newer, Place};
use version::{Step, Version};

/// How many objects are fetched at the same time: a small one takes far longer to come than to be scanned.
const READ_AHEAD: usize = 16;
/// The largest object that is fetched ahead, so that all of them together stay small.
const READ_AHEAD_BYTES: u64 = 1 << 20;
/// How often one call reads an object anew that changes again while it is read.
const MAX_VERSIONS: usize = 3;

/// The scan of one unit of objects.
pub(crate) struct Walk<'a, O> {
    objects: &'a O,
    bucket: &'a BucketRef,
    format: ObjectFormat,
    job: &'a ScanJob<'a>,
    marks: &'a mut MarkBuilder,
    stats: UnitStats,
    missed: Vec<u32>,
}

impl<'a, O: Objects> Walk<'a, O> {
    pub(crate) fn new(
        objects: &'a O,
        bucket: &'a BucketRef,
        format: ObjectFormat,
        job: &'a ScanJob<'a>,
        marks: &'a mut MarkBuilder,
    ) -> Self {
        Self { objects, bucket, format, job, marks, stats: UnitStats::default(), missed: Vec::new() }
    }

    pub(crate) async fn scan(
        mut self,
        slices: &[ObjectSlice],
        resume: Option<&[u8]>,
    ) -> Result<UnitProgress, SourceError> {
        let mut place = Place::read(resume)?;
        let (objects, bucket) = (self.objects, self.bucket);
        let fetch =
            |(object, slice)| async move { (slice, fetch_small(objects, bucket, object, slice).await) };
        let mut fetched =
            pin!(stream::iter(slices.iter().enumerate().skip(place.object)).map(fetch).buffered(READ_AHEAD));
        while let Some((slice, ready)) = fetched.next().await {
            if let Some(paused) = self.scan_slice(slice, &place, ready).await? {
                return Ok(self.progress(Some(paused.write()?)));
            }
            place = Place::start_of(place.object.saturating_add(1));
            if place.object < slices.len() && self.should_pause() {
                return Ok(self.progress(Some(place.write()?)));
            }
        }
        Ok(self.progress(None))
    }

    fn progress(self, next: Option<Vec<u8>>) -> UnitProgress {
        UnitProgress { stats: self.stats, next, missed: self.missed }
    }

    /// Scans one object or range; where it paused, if it did.
    async fn scan_slice(
        &mut self,
        slice: &ObjectSlice,
        place: &Place,
        ready: Option<Fetched>,
    ) -> Result<Option<Place>, SourceError> {
        let mut version = Version::of(slice, place);
        let mut ready = ready.filter(|_| version.is_untouched());
        for _ in 0..MAX_VERSIONS {
            match self.scan_version(&version, ready.take()).await {
                Ok(Step::Done) => return Ok(None),
                Ok(Step::Paused(at)) => return Ok(Some(version.place(at))),
                Err(SourceError::Gone) => {
                    self.note_gone(place);
                    return Ok(None);
                }
                // What the listed version held is not to be had any more, so all of the newest one is read: also by
                // a range, because a token may have moved from a range that was not read yet to one that was.
                Err(SourceError::Changed) => {
                    let Some(newest) = self.newest(&slice.key).await? else {
                        self.note_gone(place);
                        return Ok(None);
                    };
                    self.note_missed(place);
                    self.stats.n_changed = self.stats.n_changed.saturating_add(1);
                    version = version.replaced_by(Newer { size: newest.size, etag: newest.etag });
                }
                Err(error) => return Err(error),
            }
        }
        Err(SourceError::Changed)
    }

    /// The version of an object that is there now. A key comes first among those that begin with it.
    async fn newest(&self, key: &str) -> Result<Option<ListedObject>, SourceError> {
        let at = BucketRef { prefix: key.to_owned(), ..self.bucket.clone() };
        let page = self.objects.list(&at, None, 1).await?;
        Ok(page.objects.into_iter().find(|object| object.key == key))
    }

    /// Scans what is left of a version. [`SourceError::Gone`] and [`SourceError::Changed`] are the caller's to mend.
    async fn scan_version(
        &mut self,
        version: &Version<'_>,
        ready: Option<Fetched>,
    ) -> Result<Step, SourceError> {
        let step = if version.size == 0 { Step::Done } else { self.scan_content(version, ready).await? };
        if let Step::Done = step {
            // A key can hold a token as well; of an object in ranges the first one looks.
            if version.own.start == 0 {
                self.job.extractor.scan(version.key.as_bytes(), &mut |found| self.marks.add(found.canonical));
            }
            self.stats.n_objects = self.stats.n_objects.saturating_add(u64::from(version.is_last_range()));
        }
        Ok(step)
    }

    async fn scan_content(
        &mut self,
        version: &Version<'_>,
        ready: Option<Fetched>,
    ) -> Result<Step, SourceError> {
        let begins = version.left().start == 0;
        let looked_at = if begins { self.end_of_piece(version, 0).max(HEAD) } else { HEAD };
        let piece = match ready {
            Some(fetched) => fetched?,
            None => version.read(self.objects, self.bucket, 0..looked_at.min(version.size)).await?,
        };
        let content = Content::of(&piece);
        let first = begins.then_some(piece);
        match (content, Compression::by_name(version.key)) {
            (Content::Unsupported(what), _) => Err(SourceError::Unsupported { object: version.object, what }),
            (Content::Plain, Some(_)) => Err(version.corrupt("it is not compressed as its name says")),
            (Content::Plain, None) => self.scan_plain(version, first).await,
            // It was cut because its name does not say what it is; its first range reads all of it.
            (Content::Compressed(_), _) if 0 < version.own.start => Ok(Step::Done),
            (Content::Compressed(compression), _) => self.scan_packed(version, compression, first).await,
        }
    }

    fn note_gone(&mut self, place: &Place) {
        self.note_missed(place);
        self.stats.n_gone = self.stats.n_gone.saturating_add(1);
    }

    fn note_missed(&mut self, place: &Place) {
        self.missed.push(u32::try_from(place.object).unwrap_or(u32::MAX));
    }

    fn should_pause(&self) -> bool {
        self.marks.is_full() || (self.job.should_pause)()
    }

    fn count(&mut self, n_bytes: u64, n_rows: u64) {
        self.stats.n_bytes = self.stats.n_bytes.saturating_add(n_bytes);
        self.stats.n_rows = self.stats.n_rows.saturating_add(n_rows);
    }
}

/// A small object that was fetched before its turn, or why it could not be.
type Fetched = Result<Vec<u8>, SourceError>;

/// All of a small object; `None` = it is read when its turn comes.
async fn fetch_small<O: Objects>(
    objects: &O,
    bucket: &BucketRef,
    object: usize,
    slice: &ObjectSlice,
) -> Option<Fetched> {
    if slice.size == 0 || slice.range.is_some() || READ_AHEAD_BYTES < slice.size {
        return None;
    }
    let version = Version::of(slice, &Place::start_of(object));
    Some(version.read(objects, bucket, 0..slice.size).await)
}
