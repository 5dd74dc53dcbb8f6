//! Scan: reads one unit of a source, finds the tokens in it, and stores how often each occurs. A unit that takes
//! longer than a worker lives is done in parts; each part's file names where the next one begins, and the first
//! attempt at a part stays, so that workers who meet on one unit cannot leave a gap.

use lethe_domain::extract::Extractor;
use lethe_domain::format::Canonical;
use lethe_domain::marks::{MarkBuilder, MarkKey, PartHeader};
use lethe_domain::message::Wake;
use lethe_domain::run::{Run, Stage};
use lethe_domain::source::{UnitSpec, UnitStats};
use lethe_domain::time::EpochSeconds;
use lethe_sources::{Connectors, Objects, Retry, ScanJob, SourceError, Tables};
use serde::Serialize;

use crate::error::StageError;
use crate::footers::read_footer;
use crate::hours::Hours;
use crate::invocation::Invocation;
use crate::pinned::{Pinned, keys_of};
use crate::ports::{AuditLog, Control, Done, Queue, RunRef, WorkStore};
use crate::runs::Runs;
use crate::seal::{Seal, SealOutcome};
use crate::settings::Settings;
use crate::work_keys;

/// After this many attempts at a unit the run is void: a source that cannot be read is not a source without tokens.
pub const MAX_UNIT_ATTEMPTS: u32 = 3;

/// The scan stage.
pub struct Scan<'a, C, A, W, Q, T, O> {
    /// Config, runs and their done sets.
    pub control: &'a C,
    /// The record.
    pub audit: &'a A,
    /// Manifests and marks.
    pub work: &'a W,
    /// Where an unfinished unit goes on.
    pub scan_queue: &'a Q,
    /// The tenants' stores.
    pub stores: &'a Connectors<T, O>,
    /// Mode and limits.
    pub settings: &'a Settings,
}

/// What became of a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitEnd {
    /// Its run does not wait for it: it is over, or was never there.
    #[default]
    Stale,
    /// All of it is scanned.
    Done,
    /// The rest is queued.
    Continued,
    /// The rest waits for the tenant's window.
    Waits,
    /// It could not be read, so the run is void.
    Void,
}

/// What scanning a unit came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ScanReport {
    /// How it ended.
    pub end: UnitEnd,
    /// Parts written by this worker.
    pub n_parts: u32,
    /// What they cover.
    pub stats: UnitStats,
    /// Runs sealed by this worker.
    pub n_sealed: u64,
}

impl<C: Control, A: AuditLog, W: WorkStore, Q: Queue, T: Tables, O: Objects> Scan<'_, C, A, W, Q, T, O> {
    /// Scans one unit of a run. `attempt` counts the deliveries of its message, from 1.
    pub async fn unit(
        &self,
        run_ref: &RunRef,
        unit: u32,
        attempt: u32,
        invocation: Invocation<'_>,
    ) -> Result<ScanReport, StageError> {
        let now = invocation.now;
        let mut report = ScanReport::default();
        let waits = |run: &Run| self.settings.scan && matches!(run.stage, Stage::Surveying | Stage::Scanning);
        let Some(run) = self.control.run(run_ref).await?.filter(waits) else { return Ok(report) };
        if !self.control.done(run_ref, Done::Scan).await?.contains(&unit) {
            let hours = Hours::of(self.control, &run, &self.settings.limits, invocation).await?;
            report.end = match self.scan_parts(&run, unit, (invocation, &hours), &mut report).await? {
                Ok(end) => end,
                Err(failure) => self.give_up_or_retry(&run, (unit, attempt), failure, now).await?,
            };
            if report.end != UnitEnd::Done {
                return Ok(report);
            }
            self.control.add_done(run_ref, Done::Scan, unit).await?;
        }
        report.end = UnitEnd::Done;
        let seal =
            Seal { control: self.control, audit: self.audit, work: self.work, settings: self.settings };
        let sealed = seal.if_complete(run_ref, now).await?;
        report.n_sealed = u64::from(sealed == SealOutcome::Sealed);
        Ok(report)
    }

    /// Scans what is left of a unit. The inner error is the source's or a damaged file's: the run's fault, not ours.
    async fn scan_parts(
        &self,
        run: &Run,
        unit: u32,
        (invocation, hours): (Invocation<'_>, &Hours<'_>),
        report: &mut ScanReport,
    ) -> Result<Result<UnitEnd, UnitFailure>, StageError> {
        let run_ref = RunRef::from(run);
        let Some(spec) = self.manifest(&run_ref, unit).await? else {
            return Ok(Err(UnitFailure::Damaged("its manifest is missing or damaged".to_owned())));
        };
        let pinned = Pinned::at(self.control, run.config, &self.settings.limits).await?;
        let keys = keys_of(self.control, &run.tenant).await?;
        let formats: Vec<_> = pinned
            .config
            .scanned_formats(&run.tenant)
            .into_iter()
            .map(|(_, format)| format.clone())
            .collect();
        let Some(source) = pinned.tenant(&run.tenant)?.sources.get(&spec.source) else {
            return Ok(Err(UnitFailure::Damaged(format!("its source {} is not in the config", spec.source))));
        };
        let extractor = Extractor::new(&formats, source.encodings());
        let stops = || (invocation.should_pause)() || hours.are_over();
        let job = ScanJob { extractor: &extractor, limits: &self.settings.units, should_pause: &stops };
        let shards = pinned.tenant(&run.tenant)?.shards;
        let canaries = self.canaries_of(run, &spec.source, &pinned).await?;
        let (mut part, mut resume) = (0_u32, None);
        loop {
            match read_footer(self.work, &run_ref, unit, part).await? {
                Ok(Some(footer)) => {
                    let Some(next) = footer.header.next else { return Ok(Ok(UnitEnd::Done)) };
                    (part, resume) = (part.saturating_add(1), Some(next));
                    continue;
                }
                Ok(None) => {}
                Err(error) => {
                    return Ok(Err(UnitFailure::Damaged(format!("part {part} of its marks: {error}"))));
                }
            }
            if let Some(end) = self.stop(run, unit, (invocation, hours)).await? {
                return Ok(Ok(end));
            }
            let mut marks = MarkBuilder::new(MarkKey::new(keys.mark_key), shards);
            let progress = match self.stores.scan_unit(&spec, resume.as_deref(), &job, &mut marks).await {
                Ok(progress) => progress,
                Err(error) => return Ok(Err(UnitFailure::Source(spec.source, error))),
            };
            report.stats.add(&progress.stats);
            report.n_parts = report.n_parts.saturating_add(1);
            let seen = canaries.iter().map(Canonical::as_bytes).filter(|canary| marks.holds(canary));
            let canaries = seen.map(|canary| MarkKey::new(keys.mark_key).hash(canary)).collect();
            let header = PartHeader {
                source: spec.source.clone(),
                unit,
                part,
                next: progress.next,
                stats: progress.stats,
                missed: progress.missed,
                canaries,
            };
            // Whether ours or another worker's is there now, the loop goes on from what its footer says.
            self.work.put_new(&work_keys::marks(&run_ref, unit, part), marks.encode(&header)).await?;
        }
    }

    /// How a worker's part in a unit ends before the unit does; `None` when it goes on.
    async fn stop(
        &self,
        run: &Run,
        unit: u32,
        (Invocation { now, should_pause, .. }, hours): (Invocation<'_>, &Hours<'_>),
    ) -> Result<Option<UnitEnd>, StageError> {
        let wake = Wake::Scan { tenant: run.tenant.clone(), run: run.id.clone(), unit };
        // Guard: outside the window its stores were promised to be spared.
        if hours.are_over() {
            hours.leave(self.scan_queue, &wake, &self.settings.limits, now).await?;
            return Ok(Some(UnitEnd::Waits));
        }
        if should_pause() {
            self.scan_queue.send(&[wake]).await?;
            return Ok(Some(UnitEnd::Continued));
        }
        Ok(None)
    }

    /// The tokens that must be seen in a source. One that is of no format any more cannot be, and the gate says so.
    async fn canaries_of(
        &self,
        run: &Run,
        source: &str,
        pinned: &Pinned,
    ) -> Result<Vec<Canonical>, StageError> {
        let canaries = self.control.canaries(&run.tenant).await?;
        let of_source = canaries.into_iter().filter(|canary| canary.source == source);
        let tokens = of_source.flat_map(|canary| canary.tokens);
        Ok(tokens.filter_map(|canary| pinned.canonical(&run.tenant, &canary.token)).collect())
    }

    async fn manifest(&self, run: &RunRef, unit: u32) -> Result<Option<UnitSpec>, StageError> {
        let bytes = self.work.get(&work_keys::manifest(run, unit)).await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    async fn give_up_or_retry(
        &self,
        run: &Run,
        (unit, attempt): (u32, u32),
        failure: UnitFailure,
        now: EpochSeconds,
    ) -> Result<UnitEnd, StageError> {
        let why = match failure {
            UnitFailure::Source(source_name, source)
                if source.retry() == Retry::Later && attempt < MAX_UNIT_ATTEMPTS =>
            {
                return Err(StageError::Source { source_name, source });
            }
            UnitFailure::Source(name, error) => format!("source {name}, unit {unit}: {error}"),
            UnitFailure::Damaged(what) => format!("unit {unit}: {what}"),
        };
        let runs = Runs { control: self.control, audit: self.audit, settings: self.settings };
        runs.void(run, &why, now).await?;
        Ok(UnitEnd::Void)
    }
}

/// Why a unit cannot be scanned.
enum UnitFailure {
    Source(String, SourceError),
    Damaged(String),
}
