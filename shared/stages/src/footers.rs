//! The ends of the mark files: what each part of each unit says it covers. They are all that a seal rests on.

use std::collections::BTreeMap;
use std::ops::Range;

use futures::{StreamExt, stream};
use lethe_domain::marks::{FOOTER_GUESS, Footer, MarkError};
use lethe_domain::source::UnitStats;

use crate::error::StageError;
use crate::ports::{RunRef, WorkStore};
use crate::settings::PARALLEL_CALLS;
use crate::work_keys;

/// The footers of all parts of these units, in order, or why one of them is not good.
pub(crate) async fn read_units<W: WorkStore>(
    work: &W,
    run: &RunRef,
    units: Range<u32>,
) -> Result<Result<Vec<Footer>, String>, StageError> {
    let mut footers = Vec::new();
    let mut units = stream::iter(units.map(|unit| read_unit(work, run, unit))).buffered(PARALLEL_CALLS);
    while let Some(unit) = units.next().await {
        match unit? {
            Ok(parts) => footers.extend(parts),
            Err(why) => return Ok(Err(why)),
        }
    }
    Ok(Ok(footers))
}

async fn read_unit<W: WorkStore>(
    work: &W,
    run: &RunRef,
    unit: u32,
) -> Result<Result<Vec<Footer>, String>, StageError> {
    let mut parts: Vec<Footer> = Vec::new();
    loop {
        let part = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let footer = match read_footer(work, run, unit, part).await? {
            Ok(Some(footer)) => footer,
            Ok(None) => return Ok(Err(format!("unit {unit}: part {part} of its marks is missing"))),
            Err(error) => return Ok(Err(format!("unit {unit}: part {part} of its marks: {error}"))),
        };
        let is_last = footer.header.next.is_none();
        parts.push(footer);
        if is_last {
            return Ok(Ok(parts));
        }
    }
}

/// The footer of one part's marks; `Ok(None)` when there is no such part.
pub(crate) async fn read_footer<W: WorkStore>(
    work: &W,
    run: &RunRef,
    unit: u32,
    part: u32,
) -> Result<Result<Option<Footer>, MarkError>, StageError> {
    let key = work_keys::marks(run, unit, part);
    let Some(suffix) = work.get_suffix(&key, FOOTER_GUESS).await? else { return Ok(Ok(None)) };
    match Footer::parse(&suffix) {
        Ok(footer) => Ok(Ok(Some(footer))),
        Err(MarkError::NeedMore { suffix_bytes }) => {
            let Some(suffix) = work.get_suffix(&key, suffix_bytes).await? else { return Ok(Ok(None)) };
            Ok(Footer::parse(&suffix).map(Some))
        }
        Err(error) => Ok(Err(error)),
    }
}

/// What was read of each source.
pub(crate) fn by_source(footers: &[Footer]) -> BTreeMap<String, UnitStats> {
    let mut sources: BTreeMap<String, UnitStats> = BTreeMap::new();
    for footer in footers {
        sources.entry(footer.header.source.clone()).or_default().add(&footer.header.stats);
    }
    sources
}
