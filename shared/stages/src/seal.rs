//! The seal: every unit has positive proof of completion, and a further look at the sources showed nothing that was
//! missed, so absence may count. Made by whoever does the last unit.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::audit::Event;
use lethe_domain::barrier::{RoundEnd, judge_round};
use lethe_domain::marks::{Footer, MarkHash, SectionInfo};
use lethe_domain::plan::hash_of;
use lethe_domain::rails::{Judgement, SealFacts, judge_seal};
use lethe_domain::run::{Run, Stage};
use lethe_domain::source::{SourceTotals, UnitStats};
use lethe_domain::time::EpochSeconds;
use serde::{Deserialize, Serialize};

use crate::error::StageError;
use crate::footers::{by_source, read_units};
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control, Done, RunRef, WorkStore};
use crate::runs::Runs;
use crate::settings::{PARALLEL_CALLS, Settings};
use crate::stored::to_json;
use crate::work_keys;

/// How many of the tenant's latest runs are looked at for the last good one.
const RUNS_SEEN: u32 = 40;

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
    n_units: u32,
    n_rounds: u32,
    sources: &'a BTreeMap<String, SourceTotals>,
    /// In the order of units and parts.
    parts: Vec<PartEvidence<'a>>,
}

#[derive(Serialize)]
struct PartEvidence<'a> {
    source: &'a str,
    unit: u32,
    part: u32,
    stats: UnitStats,
    n_bytes: u64,
    /// One checksum over those of all its sections.
    marks: String,
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

/// What became of the run by this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealOutcome {
    /// Units are missing, or another worker was first.
    NotYet,
    /// Its sources are looked at again after the drain.
    Drains,
    /// It is sealed now.
    Sealed,
    /// Something was missing, damaged, or cannot be right: the run is void.
    Void,
}

impl<C: Control, A: AuditLog, W: WorkStore> Seal<'_, C, A, W> {
    /// Ends the run's round if every unit is done: with the seal, or with a further look at the sources after the drain.
    ///
    /// The look comes at the end of the drain: what a writer took from a store before it was read, it has put down by
    /// then.
    pub async fn if_complete(&self, run: &RunRef, now: EpochSeconds) -> Result<SealOutcome, StageError> {
        let Some(run) = self.control.run(run).await?.filter(|run| run.stage == Stage::Scanning) else {
            return Ok(SealOutcome::NotYet);
        };
        let run_ref = RunRef::from(&run);
        let done = self.control.done(&run_ref, Done::Scan).await?;
        // Guard: missing is not empty. Every unit that was sent out must be in the set.
        if !(0..run.n_units).all(|unit| done.contains(&unit)) {
            return Ok(SealOutcome::NotYet);
        }
        let met = match read_units(self.work, &run_ref, run.round_from..run.n_units).await? {
            Ok(footers) => by_source(&footers),
            Err(why) => return self.void(&run, &why, now).await,
        };
        let pinned = Pinned::at(self.control, run.config, &self.settings.limits).await?;
        let tenant = pinned.tenant(&run.tenant)?;
        match judge_round(run.round, &met, &tenant.weak_sources()) {
            RoundEnd::Void(why) => self.void(&run, &why, now).await,
            RoundEnd::Settled => self.seal(&run, &pinned, now).await,
            RoundEnd::Again => {
                let mut drains = run.at(Stage::Draining, now);
                drains.resume_at = Some(now.plus(pinned.config.rails.in_flight_max));
                if run.round == 0 {
                    drains.sources = totals(tenant.sources.keys(), &met);
                }
                let ours = self.control.update_run(&drains).await?;
                Ok(if ours { SealOutcome::Drains } else { SealOutcome::NotYet })
            }
        }
    }

    async fn seal(&self, run: &Run, pinned: &Pinned, now: EpochSeconds) -> Result<SealOutcome, StageError> {
        let footers = match read_units(self.work, &RunRef::from(run), 0..run.n_units).await? {
            Ok(footers) => footers,
            Err(why) => return self.void(run, &why, now).await,
        };
        let seen = Run { evidence: Some(evidence(run, &footers)?), ..run.clone() };
        if let Some(why) = self.judge(&seen, pinned).await?.void_reason() {
            return self.void(&seen, &why, now).await;
        }
        self.write_indexes(run, pinned, &footers).await?;
        let canaries_seen = canaries_seen(&footers);
        let sealed = Run { canaries_seen, ..seen.at(Stage::Planning, now) };
        let ours = self.runs().step(&sealed, Event::RunSealed, now).await?;
        Ok(if ours { SealOutcome::Sealed } else { SealOutcome::NotYet })
    }

    /// What the rails say to what the run saw, beside the last good run.
    async fn judge(&self, run: &Run, pinned: &Pinned) -> Result<Judgement, StageError> {
        let runs = self.control.runs(&run.tenant, RUNS_SEEN).await?;
        let baseline = self.runs().baseline(&run.tenant, &runs).await?;
        let facts = SealFacts { run, baseline: baseline.as_ref(), config: &pinned.config };
        Ok(Judgement::of(judge_seal(&facts)))
    }

    async fn void(&self, run: &Run, why: &str, now: EpochSeconds) -> Result<SealOutcome, StageError> {
        self.runs().void(run, why, now).await?;
        Ok(SealOutcome::Void)
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

    fn runs(&self) -> Runs<'_, C, A> {
        Runs { control: self.control, audit: self.audit, settings: self.settings }
    }
}

/// What each source held; one without a unit held nothing.
fn totals<'a>(
    sources: impl Iterator<Item = &'a String>,
    met: &BTreeMap<String, UnitStats>,
) -> BTreeMap<String, SourceTotals> {
    sources.map(|name| (name.clone(), met.get(name).map(SourceTotals::from).unwrap_or_default())).collect()
}

/// The canaries that were seen, each in its own source: a unit looks only for those of the source that it belongs to.
fn canaries_seen(footers: &[Footer]) -> Vec<MarkHash> {
    let seen: BTreeSet<MarkHash> =
        footers.iter().flat_map(|footer| &footer.header.canaries).copied().collect();
    seen.into_iter().collect()
}

fn evidence(run: &Run, footers: &[Footer]) -> Result<String, StageError> {
    let evidence = Evidence {
        tenant: run.tenant.as_str(),
        run: run.id.to_string(),
        config: run.config,
        n_units: run.n_units,
        n_rounds: run.round,
        sources: &run.sources,
        parts: footers.iter().map(part_evidence).collect::<Result<_, StageError>>()?,
    };
    Ok(hash_of(&to_json(&evidence)?))
}

fn part_evidence(footer: &Footer) -> Result<PartEvidence<'_>, StageError> {
    Ok(PartEvidence {
        source: &footer.header.source,
        unit: footer.header.unit,
        part: footer.header.part,
        stats: footer.header.stats,
        n_bytes: footer.file_len(),
        marks: hash_of(&to_json(&footer.sections)?),
    })
}
