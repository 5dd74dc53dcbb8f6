//! Connectors to tenants' data stores: how a store is cut into units and how the tokens in a unit are found. What a
//! store must be able to do is two small traits; which service does it is not known here.

mod attribute;
mod error;
mod list;
mod objects;
mod ports;
mod relist;
mod table;
mod value;

use lethe_domain::extract::Extractor;
use lethe_domain::marks::MarkBuilder;
use lethe_domain::source::{SourceConfig, UnitLimits, UnitPart, UnitSpec, UnitStats};

pub use attribute::{Attribute, Item};
pub use error::{Retry, SourceError};
pub use list::UnitPage;
pub use ports::{ListedObject, ObjectPage, Objects, Segment, TablePage, Tables};
pub use relist::{KnownUnit, Relisted};

/// Every kind of store behind one door.
pub struct Connectors<T, O> {
    /// Tables.
    pub tables: T,
    /// Objects.
    pub objects: O,
}

/// With what a unit is scanned.
pub struct ScanJob<'a> {
    /// What is looked for.
    pub extractor: &'a Extractor,
    /// How much is read.
    pub limits: &'a UnitLimits,
    /// Whether the worker's time is nearly up. It is asked often.
    pub should_pause: &'a dyn Fn() -> bool,
}

/// How far a scan came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitProgress {
    /// What this call read, and only this one.
    pub stats: UnitStats,
    /// Where to go on, with another part's marks; `None` = the unit is done.
    pub next: Option<Vec<u8>>,
    /// The places in the unit of the objects that were gone or another version when their turn came.
    pub missed: Vec<u32>,
}

impl<T: Tables, O: Objects> Connectors<T, O> {
    /// The next units of a source, page by page. The same listing gives the same units, however it is paged.
    pub async fn list_units(
        &self,
        name: &str,
        config: &SourceConfig,
        cursor: Option<&str>,
        limits: &UnitLimits,
    ) -> Result<UnitPage, SourceError> {
        list::list_units(&self.objects, name, config, cursor, limits).await
    }

    /// The units of what is different now from what earlier looks showed of a page.
    pub async fn relist_units(
        &self,
        name: &str,
        config: &SourceConfig,
        page: &Relisted<'_>,
        limits: &UnitLimits,
    ) -> Result<Vec<UnitSpec>, SourceError> {
        relist::relist_units(&self.objects, name, config, page, limits).await
    }

    /// Scans a unit, from its start or from where an earlier call paused. It pauses when it is told to or when the
    /// marks of one part are enough, but never before it has come further.
    ///
    /// An error means that nothing is known about the unit: the marks gathered until then are not the unit's.
    pub async fn scan_unit(
        &self,
        spec: &UnitSpec,
        resume: Option<&[u8]>,
        job: &ScanJob<'_>,
        marks: &mut MarkBuilder,
    ) -> Result<UnitProgress, SourceError> {
        let n_tokens_before = marks.n_tokens();
        let mut progress = match &spec.part {
            UnitPart::Segment { table, segment, total, changed_since } => {
                let changed_since = changed_since.as_ref();
                let segment = Segment { number: *segment, total: *total, changed_since };
                table::scan_segment(&self.tables, (table, segment), resume, job, marks).await?
            }
            UnitPart::Objects { bucket, format, objects } => {
                let walk = objects::Walk::new(&self.objects, bucket, *format, job, marks);
                walk.scan(objects, resume).await?
            }
        };
        progress.stats.n_tokens = marks.n_tokens().saturating_sub(n_tokens_before);
        Ok(progress)
    }
}
