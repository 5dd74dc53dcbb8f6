//! What every test here needs: two stores, a way to scan them to the end, and the tokens found by identity.

use std::cell::Cell;
use std::collections::BTreeMap;

use futures::executor::block_on;
use lethe_domain::extract::Extractor;
use lethe_domain::format::{Alphabet, TokenFormat};
use lethe_domain::marks::{Footer, MarkBuilder, MarkHash, MarkKey, PartHeader, decode_section};
use lethe_domain::source::{Encodings, ObjectFormat, SourceConfig, UnitLimits, UnitSpec, UnitStats};
use lethe_domain::token::ShardCount;
use lethe_sources::{Connectors, ScanJob, SourceError};
use lethe_testkit::sources::{FakeObjects, FakeTables};

pub(crate) const KEY: u64 = 42;

/// How often each token was found.
pub(crate) type Counts = BTreeMap<MarkHash, u64>;

pub(crate) struct Bench {
    pub(crate) stores: Connectors<FakeTables, FakeObjects>,
    pub(crate) limits: UnitLimits,
    /// How often a scan is asked whether to pause before it is told to; 0 = never.
    pub(crate) pause_every: u32,
    pub(crate) encodings: Encodings,
}

/// What a scan of units to their ends came to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    pub(crate) stats: UnitStats,
    pub(crate) n_parts: u32,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let stores = Connectors { tables: FakeTables::default(), objects: FakeObjects::default() };
        Self { stores, limits: UnitLimits::LOCAL, pause_every: 0, encodings: Encodings::default() }
    }

    pub(crate) fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        self.stores.objects.put("lake", key, bytes);
    }

    /// All units of a source, listed page by page.
    pub(crate) fn units(&self, config: &SourceConfig) -> Result<Vec<UnitSpec>, SourceError> {
        let mut units = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = block_on(self.stores.list_units("source", config, cursor.as_deref(), &self.limits))?;
            units.extend(page.units);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(units);
            }
        }
    }

    /// Scans units to their ends, each part with marks of its own.
    pub(crate) fn scan_units(&self, units: &[UnitSpec]) -> Result<Outcome, SourceError> {
        let mut outcome = Outcome::default();
        for unit in units {
            let mut resume: Option<Vec<u8>> = None;
            loop {
                let (progress, marks) = self.scan_part(unit, resume.as_deref())?;
                add_marks(marks, &mut outcome.counts);
                outcome.stats.add(&progress.stats);
                outcome.n_parts += 1;
                assert!(outcome.n_parts < 10_000, "the scan does not move on");
                assert!(progress.next.is_none() || progress.next != resume, "the scan does not move on");
                resume = progress.next;
                if resume.is_none() {
                    break;
                }
            }
        }
        Ok(outcome)
    }

    pub(crate) fn scan_part(
        &self,
        unit: &UnitSpec,
        resume: Option<&[u8]>,
    ) -> Result<(lethe_sources::UnitProgress, MarkBuilder), SourceError> {
        let extractor = Extractor::new(&[card(), TokenFormat::Uuid], &self.encodings);
        let n_asked = Cell::new(0_u32);
        let should_pause = || {
            n_asked.set(n_asked.get() + 1);
            self.pause_every != 0 && n_asked.get().is_multiple_of(self.pause_every)
        };
        let job = ScanJob { extractor: &extractor, limits: &self.limits, should_pause: &should_pause };
        let mut marks = MarkBuilder::new(MarkKey::new(KEY), ShardCount::new(4).unwrap());
        let progress = block_on(self.stores.scan_unit(unit, resume, &job, &mut marks))?;
        Ok((progress, marks))
    }

    /// Lists a source and scans all of it.
    pub(crate) fn scan(&self, config: &SourceConfig) -> Result<Outcome, SourceError> {
        self.scan_units(&self.units(config)?)
    }

    /// Scans all of the bucket.
    pub(crate) fn scan_lake(&self, format: ObjectFormat) -> Result<Outcome, SourceError> {
        self.scan(&lake(format))
    }
}

pub(crate) fn lake(format: ObjectFormat) -> SourceConfig {
    SourceConfig::S3 {
        bucket: "lake".into(),
        prefix: String::new(),
        region: None,
        format,
        encodings: Encodings::default(),
    }
}

pub(crate) fn card() -> TokenFormat {
    TokenFormat::pattern("tok_", Alphabet::Base36, 8, None).unwrap()
}

/// The n-th token.
pub(crate) fn token(n: u32) -> String {
    format!("tok_{n:08}")
}

/// What counts of these tokens look like.
pub(crate) fn counts<'a>(of: impl IntoIterator<Item = (&'a str, u64)>) -> Counts {
    of.into_iter().map(|(id, count)| (MarkKey::new(KEY).hash(id.as_bytes()), count)).collect()
}

fn add_marks(marks: MarkBuilder, counts: &mut Counts) {
    let file = marks.encode(&PartHeader::default());
    for section in &Footer::parse(&file).unwrap().sections {
        let range = section.range();
        let bytes = &file[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        for mark in decode_section(bytes, section).unwrap() {
            *counts.entry(mark.hash).or_default() += mark.count;
        }
    }
}
