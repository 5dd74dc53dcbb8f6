//! The seal: every unit has positive proof of completion, so absence may count. Made by whoever does the last unit.

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::audit::Event;
use lethe_domain::marks::{FOOTER_GUESS, Footer, MarkError, SectionInfo};
use lethe_domain::plan::hash_of;
use lethe_domain::run::{Run, Stage};
use lethe_domain::source::UnitStats;
use lethe_domain::time::EpochSeconds;
use serde::{Deserialize, Serialize};

use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control, Done, RunRef, WorkStore};
use crate::runs::Runs;
use crate::settings::{PARALLEL_CALLS, Settings};
use crate::stored::to_json;
use crate::work_keys;

/// Where one part of one unit keeps the marks of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionRef {
    /// The unit.
    pub unit: u32,
    /// The part of the unit.
    pub part: u32,
    /// Where in that part's file.
    pub section: SectionInfo,
}

/// What the seal rests on; its hash is the run's evidence digest.
#[derive(Serialize)]
struct Evidence<'a> {
    tenant: &'a str,
    run: String,
    config: u64,
    stats: UnitStats,
    /// One checksum over the sections of each part, in the order of units and parts.
    parts: Vec<String>,
}

/// The ports a seal needs.
pub struct Seal<'a, C, A, W> {
    /// Runs.
    pub control: &'a C,
    /// Their record.
    pub audit: &'a A,
    /// Marks.
    pub work: &'a W,
    /// Limits.
    pub settings: &'a Settings,
}

/// Whether the run was sealed by this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealOutcome {
    /// Units are missing, or another worker sealed it.
    NotYet,
    /// It is sealed now.
    Sealed,
    /// A mark file was missing or damaged: the run is void.
    Void,
}

impl<C: Control, A: AuditLog, W: WorkStore> Seal<'_, C, A, W> {
    /// Seals the run if every unit is done.
    pub async fn if_complete(&self, run: &RunRef, now: EpochSeconds) -> Result<SealOutcome, StageError> {
        let Some(run) = self.control.run(run).await?.filter(|run| run.stage == Stage::Scanning) else {
            return Ok(SealOutcome::NotYet);
        };
        let done = self.control.done(&RunRef::from(&run), Done::Scan).await?;
        // Guard: missing is not empty. Every unit that was sent out must be in the set.
        if !(0..run.n_units).all(|unit| done.contains(&unit)) {
            return Ok(SealOutcome::NotYet);
        }
        match self.read_footers(&run).await?.and_then(nothing_moved) {
            Ok(footers) => self.seal(&run, &footers, now).await,
            Err(why) => {
                self.runs().void(&run, &why, now).await?;
                Ok(SealOutcome::Void)
            }
        }
    }

    async fn seal(
        &self,
        run: &Run,
        footers: &[Footer],
        now: EpochSeconds,
    ) -> Result<SealOutcome, StageError> {
        let pinned = Pinned::at(self.control, run.config, &self.settings.limits).await?;
        self.write_indexes(run, &pinned, footers).await?;
        let sealed = Run {
            resume_at: Some(now.plus(pinned.config.rails.in_flight_max)),
            evidence: Some(evidence(run, footers)?),
            ..run.at(Stage::Draining, now)
        };
        let ours = self.runs().step(&sealed, Event::RunSealed, now).await?;
        Ok(if ours { SealOutcome::Sealed } else { SealOutcome::NotYet })
    }

    async fn write_indexes(&self, run: &Run, pinned: &Pinned, footers: &[Footer]) -> Result<(), StageError> {
        let run_ref = RunRef::from(run);
        let shards = pinned.tenant(&run.tenant)?.shards;
        let writes = shards.all().map(|shard| {
            let refs: Vec<SectionRef> = footers
                .iter()
                .filter_map(|footer| {
                    let section = *footer.section(shard)?;
                    Some(SectionRef { unit: footer.header.unit, part: footer.header.part, section })
                })
                .collect();
            let key = work_keys::marks_index(&run_ref, shard);
            async move { self.work.put_new(&key, to_json(&refs)?).await.map_err(StageError::from) }
        });
        let () = stream::iter(writes).buffer_unordered(PARALLEL_CALLS).try_for_each(async |_| Ok(())).await?;
        Ok(())
    }

    /// The footers of all parts of all units, in order, or why one of them is not good.
    async fn read_footers(&self, run: &Run) -> Result<Result<Vec<Footer>, String>, StageError> {
        let run_ref = RunRef::from(run);
        let units = (0..run.n_units).map(|unit| self.read_unit(&run_ref, unit));
        let mut footers = Vec::new();
        let mut units = stream::iter(units).buffered(PARALLEL_CALLS);
        while let Some(unit) = units.next().await {
            match unit? {
                Ok(parts) => footers.extend(parts),
                Err(why) => return Ok(Err(why)),
            }
        }
        Ok(Ok(footers))
    }

    async fn read_unit(&self, run: &RunRef, unit: u32) -> Result<Result<Vec<Footer>, String>, StageError> {
        let mut parts: Vec<Footer> = Vec::new();
        loop {
            let part = u32::try_from(parts.len()).unwrap_or(u32::MAX);
            let footer = match read_footer(self.work, run, unit, part).await? {
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

    fn runs(&self) -> Runs<'_, C, A> {
        Runs { control: self.control, audit: self.audit, settings: self.settings }
    }
}

/// Guard: an object that was listed and was gone when its turn came may have been moved to where it was not looked
/// for, so its tokens prove nothing by their absence.
fn nothing_moved(footers: Vec<Footer>) -> Result<Vec<Footer>, String> {
    let n_gone: u64 = footers.iter().map(|footer| footer.header.stats.n_gone).sum();
    if n_gone > 0 {
        return Err(format!(
            "{n_gone} objects were removed while the sources were scanned; what they held may have moved"
        ));
    }
    Ok(footers)
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

fn evidence(run: &Run, footers: &[Footer]) -> Result<String, StageError> {
    let mut stats = UnitStats::default();
    for footer in footers {
        stats.add(&footer.header.stats);
    }
    let part = |footer: &Footer| Ok(hash_of(&to_json(&footer.sections)?));
    let evidence = Evidence {
        tenant: run.tenant.as_str(),
        run: run.id.to_string(),
        config: run.config,
        stats,
        parts: footers.iter().map(part).collect::<Result<_, StageError>>()?,
    };
    Ok(hash_of(&to_json(&evidence)?))
}
