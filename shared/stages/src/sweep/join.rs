//! The join of a range of the vault with the marks of its shard. It holds the rows of one part and the marks of one
//! unit at a time, whatever the number of units.

use lethe_domain::canary::CANARY_KIND;
use lethe_domain::candidates::{self, Candidate};
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::format::Canonical;
use lethe_domain::lifecycle::{Expected, RunFacts, Scanned, Why, decide_scanned};
use lethe_domain::marks::{
    Dangling, MarkHash, MarkKey, PartHeader, Strangers, Tally, decode_only_section, decode_section,
    encode_section,
};
use lethe_domain::plan::{ELSEWHERE_LISTED, PlanEntry, PlanPart, Verb};
use lethe_domain::policy::{KindPolicy, Trigger};
use lethe_domain::row::{Phase, RowRead, VaultRow};
use lethe_domain::run::{PlanTally, Run};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{Shard, TokenId};
use lethe_domain::witness::{Measured, is_witness};

use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{RunRef, ShardRef, Vault, WorkStore};
use crate::seal::SectionRef;
use crate::settings::Settings;
use crate::work_keys;

/// Why a run is void whose marks hold a token that does not exist.
const DEAD_CANARY_FOUND: &str = "the scan 'found' a token that was never issued (the dead canary), so it would call any \
    token alive and hide what is unused. The marks of this run, or the key they are hashed with, are not what they should \
    be. Nothing was changed and the run is taken again by itself; if that one is void too, see \"a dead canary is found\" in \
    the runbook";

/// Rows asked for in one page of the vault; a page of the service holds 1 MB at most anyway.
const PAGE_ROWS: u32 = 1000;

/// What a join needs to know.
pub(super) struct Join<'a, W, V> {
    pub(super) work: &'a W,
    pub(super) vault: &'a V,
    pub(super) run: &'a Run,
    pub(super) pinned: &'a Pinned,
    pub(super) keys: &'a TenantKeys,
    pub(super) facts: RunFacts<'a>,
    pub(super) prior: &'a [(u64, Candidate)],
    /// Tokens that nobody was ever given: no scan may find one.
    pub(super) dead: &'a [MarkHash],
    pub(super) settings: &'a Settings,
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

/// The rows of one part.
#[derive(Default)]
struct Rows<'a> {
    scannable: Vec<Scannable<'a>>,
    /// Of the others, those whose ids a scan finds too: a reference to one of them does not dangle.
    others: Vec<MarkHash>,
    /// Where the next part begins.
    next: Option<TokenId>,
}

/// How often the rows of one part were found.
struct Counted {
    tally: Tally,
    /// Known only at the shard's last part.
    dangling: Dangling,
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
        let rows = self.read_rows(shard, after, &mut tally).await?;
        let Counted { tally: counted, dangling } = match self.count((shard, part), &rows).await? {
            Ok(counted) => counted,
            Err(why) => return Ok(Err(why)),
        };
        // Guard: a scan that finds what does not exist takes everything for alive, and hides its own fault by that.
        if self.dead.iter().any(|hash| counted.count_of(*hash).is_some_and(|count| count > 0)) {
            return Ok(Err(DEAD_CANARY_FOUND.to_owned()));
        }
        let (tenant, run) = (self.run.tenant.clone(), self.run.id.clone());
        let measured = Measured { dangling, ..Measured::default() };
        let (entries, elsewhere, next) = (Vec::new(), Vec::new(), rows.next.clone());
        let mut plan = PlanPart { tenant, run, shard, part, next, tally, measured, elsewhere, entries };
        let candidates = self.decide(&rows, &counted, &mut plan);
        let header = PartHeader { unit: u32::from(shard.0), part, ..PartHeader::default() };
        let Ok(counts) = encode_section(&header, shard, &counted.into_marks()) else {
            return Ok(Err("its counts could not be written".to_owned()));
        };
        Ok(Ok(Joined { plan, candidates, counts }))
    }

    /// Decides over each row into the plan; what it returns is for the next run.
    fn decide(&self, rows: &Rows<'_>, counted: &Tally, plan: &mut PlanPart) -> Vec<(u64, Candidate)> {
        let mut candidates = Vec::new();
        for Scannable { row, hash, kind } in &rows.scannable {
            let found = counted.count_of(*hash).unwrap_or(0);
            let prior = candidates::find(self.prior, hash.0);
            let scanned = decide_scanned(row, found, prior, kind, &self.facts);
            note(&mut plan.tally, row, kind, &scanned);
            self.measure(row, kind, found > 0, plan);
            if let Scanned::Strike(candidate) | Scanned::Cool { candidate, .. } = &scanned {
                candidates.push((hash.0, *candidate));
            }
            if let Some(verb) = verb_of(&scanned) {
                let (token, expected) = (row.key.token.clone(), Expected::of(row));
                let has_subject = row.owner.subject.is_some();
                let last_seen = verb.cools().map(|_| row.last_seen());
                plan.entries.push(PlanEntry { token, expected, verb, has_subject, last_seen });
            }
        }
        candidates.sort_unstable_by_key(|(hash, _)| *hash);
        candidates
    }

    /// Counts an active token that is known to be alive, and names it when no store holds it.
    fn measure(&self, row: &VaultRow, kind: &KindPolicy, is_found: bool, plan: &mut PlanPart) {
        if row.phase() != Phase::Active {
            return;
        }
        let window = self.settings.limits.witness_window;
        let is_witness = is_witness(row, kind, self.facts.scan_started_at, window);
        plan.measured.note_active(&row.kind, is_witness, is_found);
        if is_witness && !is_found && plan.elsewhere.len() < ELSEWHERE_LISTED {
            plan.elsewhere.push(self.keys.fingerprint(&row.key.token).to_string());
        }
    }

    /// Reads up to a part's rows; what a scan could not have found is counted and kept.
    async fn read_rows(
        &self,
        shard: Shard,
        after: Option<&TokenId>,
        tally: &mut PlanTally,
    ) -> Result<Rows<'_>, StageError> {
        let at = ShardRef { tenant: self.run.tenant.clone(), shard };
        let mut cursor = after.map(|token| token.expose().to_owned());
        let mut rows = Rows::default();
        let mut n_read = 0_usize;
        let page_rows = u32::try_from(self.settings.plan_rows).unwrap_or(PAGE_ROWS).min(PAGE_ROWS);
        loop {
            let page = self.vault.page(&at, cursor.as_deref(), page_rows).await?;
            n_read = n_read.saturating_add(page.rows.len());
            for read in page.rows {
                self.take_row(read, &mut rows, tally);
            }
            cursor = page.next;
            // A part ends only at a token, since a subject row's key is no token id.
            rows.next = cursor.as_ref().and_then(|cursor| TokenId::new(cursor.clone()).ok());
            if cursor.is_none() || (self.settings.plan_rows <= n_read && rows.next.is_some()) {
                return Ok(rows);
            }
        }
    }

    fn take_row<'s>(&'s self, read: RowRead, rows: &mut Rows<'s>, tally: &mut PlanTally) {
        let step = |count: &mut u64| *count = count.saturating_add(1);
        match read {
            // A canary stands for the scan, not for the tenant, and is outside all counts.
            RowRead::Token(row) if row.kind == CANARY_KIND => rows.others.extend(self.hash_of(&row)),
            RowRead::Token(row) => {
                step(&mut tally.n_rows);
                match self.pinned.scannable(&row) {
                    Ok((canonical, kind)) => {
                        rows.scannable.push(Scannable { hash: self.hash(&canonical), row, kind });
                    }
                    Err(why) => {
                        if matches!(why, Why::UnknownFormat | Why::WrongShard) {
                            step(&mut tally.n_unreadable);
                        }
                        rows.others.extend(self.hash_of(&row));
                    }
                }
            }
            RowRead::Subject => step(&mut tally.n_rows),
            RowRead::Unreadable(_) => {
                step(&mut tally.n_rows);
                step(&mut tally.n_unreadable);
            }
        }
    }

    /// The hash under which a scan would find a row's id, whatever its kind.
    fn hash_of(&self, row: &VaultRow) -> Option<MarkHash> {
        self.pinned.canonical(&row.key.tenant, &row.key.token).map(|canonical| self.hash(&canonical))
    }

    fn hash(&self, canonical: &Canonical) -> MarkHash {
        MarkKey::new(self.keys.mark_key).hash(canonical.as_bytes())
    }

    async fn count(
        &self,
        (shard, part): (Shard, u32),
        rows: &Rows<'_>,
    ) -> Result<Result<Counted, String>, StageError> {
        let run = RunRef::from(self.run);
        let index = self.work.get(&work_keys::marks_index(&run, shard)).await?;
        let sections: Option<Vec<SectionRef>> = index.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let Some(sections) = sections else {
            return Ok(Err("the index of its marks is missing or damaged".to_owned()));
        };
        let mut strangers = match self.strangers((shard, part), rows).await? {
            Ok(strangers) => strangers,
            Err(why) => return Ok(Err(why)),
        };
        let hashes = rows.scannable.iter().map(|row| row.hash).chain(rows.others.iter().copied());
        let mut tally = Tally::new(hashes.chain(self.dead.iter().copied()));
        for SectionRef { unit, part, section } in &sections {
            let key = work_keys::marks(&run, *unit, *part);
            let bytes = self.work.get_range(&key, section.range()).await?.unwrap_or_default();
            let marks = match decode_section(&bytes, section) {
                Ok(marks) => marks,
                Err(error) => return Ok(Err(format!("the marks of unit {unit}, part {part}: {error}"))),
            };
            match &mut strangers {
                Some(strangers) => tally.add_and_tell(&marks, &mut |mark| strangers.note(mark)),
                None => tally.add(&marks),
            }
        }
        let dangling = strangers.as_ref().map(Strangers::dangling).unwrap_or_default();
        Ok(Ok(Counted { tally, dangling }))
    }

    /// What counts references that no row answers. Only the shard's last part can: what no row of it answers, and none of
    /// an earlier part, whose counts name all that was found there, dangles.
    async fn strangers(
        &self,
        (shard, part): (Shard, u32),
        rows: &Rows<'_>,
    ) -> Result<Result<Option<Strangers>, String>, StageError> {
        if rows.next.is_some() {
            return Ok(Ok(None));
        }
        let mut answered = Vec::new();
        for earlier in 0..part {
            let key = work_keys::counts(&RunRef::from(self.run), shard, earlier);
            let bytes = self.work.get(&key).await?.unwrap_or_default();
            match decode_only_section(&bytes) {
                Ok(marks) => answered.extend(marks.into_iter().map(|mark| mark.hash)),
                Err(error) => return Ok(Err(format!("the counts of its part {earlier}: {error}"))),
            }
        }
        Ok(Ok(Some(Strangers::new(answered))))
    }
}

fn verb_of(scanned: &Scanned) -> Option<Verb> {
    match scanned {
        Scanned::Keep(_) | Scanned::Strike(_) => None,
        Scanned::Cool { reason: Trigger::Idle, .. } => Some(Verb::CoolIdle),
        Scanned::Cool { .. } => Some(Verb::Cool),
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
        Scanned::Keep(Why::NotIdle) => step(&mut tally.n_not_idle),
        Scanned::Keep(_) => {}
        Scanned::Strike(_) => step(&mut tally.n_struck),
        Scanned::Cool { .. } => step(&mut tally.n_cool),
        Scanned::Sentence(_) => step(&mut tally.n_sentence),
        Scanned::Reinstate { .. } => step(&mut tally.n_reinstate),
    }
}

fn cool_off_end(row: &VaultRow, kind: &KindPolicy) -> Option<EpochSeconds> {
    let rule = kind.rule(row.reason.unwrap_or(Trigger::Unreferenced))?;
    Some(row.cooling_since?.plus(rule.cool_off))
}
