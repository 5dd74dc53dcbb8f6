//! Scans one segment of a table.

use lethe_domain::marks::MarkBuilder;
use lethe_domain::source::{TableRef, UnitStats};

use crate::attribute::walk;
use crate::value::{Unreadable, mark_value};
use crate::{ScanJob, Segment, SourceError, Tables, UnitProgress};

/// Reads page after page of a segment.
pub(crate) async fn scan_segment<T: Tables>(
    tables: &T,
    (table, segment): (&TableRef, Segment<'_>),
    resume: Option<&[u8]>,
    job: &ScanJob<'_>,
    marks: &mut MarkBuilder,
) -> Result<UnitProgress, SourceError> {
    let mut stats = UnitStats::default();
    let mut cursor = resume.map(<[u8]>::to_vec);
    loop {
        let page = tables.scan_page(table, segment, cursor.as_deref()).await?;
        for item in &page.items {
            stats.n_rows = stats.n_rows.saturating_add(1);
            let mut marked = Ok(());
            walk(item, &mut |bytes| {
                stats.n_bytes = stats.n_bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                if marked.is_ok() {
                    marked = mark_value(bytes, job.extractor, marks);
                }
            });
            marked.map_err(|Unreadable| SourceError::UnreadableValue)?;
        }
        if page.next.is_none() {
            return Ok(UnitProgress { stats, next: None, missed: Vec::new() });
        }
        // Guard: a scan that stands still would hold its worker for ever.
        if page.next == cursor {
            return Err(SourceError::Stuck);
        }
        if marks.is_full() || (job.should_pause)() {
            return Ok(UnitProgress { stats, next: page.next, missed: Vec::new() });
        }
        cursor = page.next;
    }
}
