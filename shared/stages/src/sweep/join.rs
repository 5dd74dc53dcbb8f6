//! The join of a range of the vault with the marks of its shard. It holds the rows of one part and the marks of one
//! unit at a time, whatever the number of units.

use lethe_domain::candidates::{self, Candidate};
use lethe_domain::lifecycle::{Expected, RunFacts, Scanned, Why, decide_scanned};
use lethe_domain::marks::{MarkHash, MarkKey, PartHeader, Tally, decode_section, encode_section};
use lethe_domain::plan::{PlanEntry, PlanPart, Verb};
use lethe_domain::policy::{KindPolicy, Trigger};
use lethe_domain::row::{Phase, RowRead, VaultRow};
use lethe_domain::run::{PlanTally, Run};
use lethe_domain::source::UnitStats;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{Shard, TokenId};

use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{RunRef, ShardRef, Vault, WorkStore};
use crate::seal::SectionRef;
use crate::work_keys;

/// Rows asked for in one page of the vault; a page of the service holds 1 MB at most anyway.
const PAGE_ROWS: u32 = 1000;

/// What a join needs to know.
pub(super) struct Join<'a, W, V> {
    pub(super) work: &'a W,
    pub(super) vault: &'a V,
    pub(super) run: &'a Run,
    pub(super) pinned: &'a Pinned,
    pub(super) mark_key: u64,
    pub(super) facts: RunFacts,
    pub(super) prior: &'a [(u64, Candidate)],
    pub(super) max_rows: usize,
}

/// One part of a shard's plan with what belongs to it.
pub(super) struct Joined {
    pub(super) plan: PlanPart,
    pub(super) candidates: Vec<(u64, Candidate)>,
    pub(super) counts: Vec<u8>,
}

/// A row that a scan could have found, with its hash.
struct Scannable<'a> {
    row: Box<VaultRow>,
    hash: MarkHash,
    kind: &'a KindPolicy,
}

impl<W: WorkStore, V: Vault> Join<'_, W, V> {
    /// Makes one part, from the token `after` on. The inner error voids the run.
    pub(super) async fn part(
        &self,
        shard: Shard,
        part: u32,
        after: Option<&TokenId>,
    ) -> Result<Result<Joined, String>, StageError> {
        let mut tally = PlanTally::default();
        let (rows, next) = self.read_rows(shard, after, &mut tally).await?;
        let counted = match self.count(shard, &rows).await? {
            Ok(counted) => counted,
            Err(why) => return Ok(Err(why)),
        };
        let mut entries = Vec::new();
        let mut candidates = Vec::new();
        for Scannable { row, hash, kind } in &rows {
            let found = counted.count_of(*hash).unwrap_or(0);
            let prior = candidates::find(self.prior, hash.0);
            let scanned = decide_scanned(row, found, prior, kind, &self.facts);
            note(&mut tally, row, kind, &scanned);
            if let Scanned::Strike(candidate) | Scanned::Cool(candidate) = &scanned {
                candidates.push((hash.0, *candidate));
            }
            if let Some(verb) = verb_of(&scanned) {
                let (token, expected) = (row.key.token.clone(), Expected::of(row));
                let has_subject = row.owner.subject.is_some();
                entries.push(PlanEntry { token, expected, verb, has_subject });
            }
        }
        candidates.sort_unstable_by_key(|(hash, _)| *hash);
        let header = PartHeader { unit: u32::from(shard.0), part, next: None, stats: UnitStats::default() };
        let Ok(counts) = encode_section(&header, shard, &counted.into_marks()) else {
            return Ok(Err("its counts could not be written".to_owned()));
        };
        let (tenant, run) = (self.run.tenant.clone(), self.run.id.clone());
        Ok(Ok(Joined {
            plan: PlanPart { tenant, run, shard, part, next, tally, entries },
            candidates,
            counts,
        }))
    }

    /// Reads up to `max_rows` rows; what a scan could not have found is counted and kept.
    async fn read_rows(
        &self,
        shard: Shard,
        after: Option<&TokenId>,
        tally: &mut PlanTally,
    ) -> Result<(Vec<Scannable<'_>>, Option<TokenId>), StageError> {
        let at = ShardRef { tenant: self.run.tenant.clone(), shard };
        let mut cursor = after.map(|token| token.expose().to_owned());
        let mut rows = Vec::new();
        let mut n_read = 0_usize;
        loop {
            let page = self.vault.page(&at, cursor.as_deref(), PAGE_ROWS).await?;
            n_read = n_read.saturating_add(page.rows.len());
            for read in page.rows {
                self.take_row(read, &mut rows, tally);
            }
            cursor = page.next;
            // A part ends only at a token, since a subject row's key is no token id.
            let boundary = cursor.as_ref().and_then(|cursor| TokenId::new(cursor.clone()).ok());
            if cursor.is_none() || (self.max_rows <= n_read && boundary.is_some()) {
                return Ok((rows, boundary));
            }
        }
    }

    fn take_row<'s>(&'s self, read: RowRead, rows: &mut Vec<Scannable<'s>>, tally: &mut PlanTally) {
        tally.n_rows = tally.n_rows.saturating_add(1);
        match read {
            RowRead::Token(row) => match self.scannable(row) {
                Ok(scannable) => rows.push(scannable),
                Err(Why::UnknownFormat | Why::WrongShard) => {
                    tally.n_unreadable = tally.n_unreadable.saturating_add(1);
                }
                Err(_) => {}
            },
            RowRead::Subject => {}
            RowRead::Unreadable(_) => tally.n_unreadable = tally.n_unreadable.saturating_add(1),
        }
    }

    fn scannable(&self, row: Box<VaultRow>) -> Result<Scannable<'_>, Why> {
        let (canonical, kind) = self.pinned.scannable(&row)?;
        Ok(Scannable { hash: MarkKey::new(self.mark_key).hash(canonical.as_bytes()), row, kind })
    }

    async fn count(&self, shard: Shard, rows: &[Scannable<'_>]) -> Result<Result<Tally, String>, StageError> {
        let run = RunRef::from(self.run);
        let index = self.work.get(&work_keys::marks_index(&run, shard)).await?;
        let sections: Option<Vec<SectionRef>> = index.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let Some(sections) = sections else {
            return Ok(Err("the index of its marks is missing or damaged".to_owned()));
        };
        let mut tally = Tally::new(rows.iter().map(|row| row.hash));
        for SectionRef { unit, part, section } in &sections {
            let key = work_keys::marks(&run, *unit, *part);
            let bytes = self.work.get_range(&key, section.range()).await?.unwrap_or_default();
            match decode_section(&bytes, section) {
                Ok(marks) => tally.add(&marks),
                Err(error) => return Ok(Err(format!("the marks of unit {unit}, part {part}: {error}"))),
            }
        }
        Ok(Ok(tally))
    }
}

fn verb_of(scanned: &Scanned) -> Option<Verb> {
    match scanned {
        Scanned::Keep(_) | Scanned::Strike(_) => None,
        Scanned::Cool(_) => Some(Verb::Cool),
        Scanned::Sentence(_) => Some(Verb::Sentence),
        Scanned::Reinstate { due_at } => Some(Verb::Reinstate { due_at: *due_at }),
    }
}

fn note(tally: &mut PlanTally, row: &VaultRow, kind: &KindPolicy, scanned: &Scanned) {
    let step = |count: &mut u64| *count = count.saturating_add(1);
    if row.phase() == Phase::Active {
        step(&mut tally.n_active);
    }
    match scanned {
        Scanned::Keep(Why::Referenced) => step(&mut tally.n_referenced),
        Scanned::Keep(Why::CoolingOff) => {
            step(&mut tally.n_awaiting_verdict);
            tally.verdict_from = tally.verdict_from.max(cool_off_end(row, kind));
        }
        Scanned::Keep(_) => {}
        Scanned::Strike(_) => step(&mut tally.n_struck),
        Scanned::Cool(_) => step(&mut tally.n_cool),
        Scanned::Sentence(_) => step(&mut tally.n_sentence),
        Scanned::Reinstate { .. } => step(&mut tally.n_reinstate),
    }
}

fn cool_off_end(row: &VaultRow, kind: &KindPolicy) -> Option<EpochSeconds> {
    let rule = kind.rule(row.reason.unwrap_or(Trigger::Unreferenced))?;
    Some(row.cooling_since?.plus(rule.cool_off))
}
