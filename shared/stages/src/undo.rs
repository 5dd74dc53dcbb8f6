//! What a run wrote, token by token: from its plan, which names all of it, or, where the plan is gone, by a walk through
//! the tenant's shards. Reconcile brings back what it finds, `lethe undo --look` only counts.

use lethe_domain::lifecycle::{Change, Undoing, Verdict, Why, decide_undo};
use lethe_domain::limits::Limits;
use lethe_domain::plan::{PlanIndex, PlanPart, Verb, hash_of};
use lethe_domain::row::{RowRead, State, VaultRow};
use lethe_domain::run::Run;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{RowKey, Shard};
use lethe_domain::undo::{UndoPosition, UndoTally};

use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{MAX_ROWS_AT_ONCE, RunRef, ShardRef, Vault, WorkStore};
use crate::work_keys;

/// A token's key and what was read under it.
pub type Found = (RowKey, Option<RowRead>);

/// A bounded piece of what a run wrote.
#[derive(Debug)]
pub struct Piece {
    /// Its tokens.
    pub found: Vec<Found>,
    /// Where the next piece begins; `None` after the last.
    pub next: Option<UndoPosition>,
}

/// What comes next of what a run wrote.
#[derive(Debug)]
pub enum Next {
    /// This piece.
    Piece(Piece),
    /// The plan is gone, or not the one that was carried out: it is all looked for again by a walk.
    PlanIsGone,
}

/// Reads what a run wrote.
pub struct Written<'a, W, V> {
    work: &'a W,
    vault: &'a V,
    run: &'a Run,
    pinned: &'a Pinned,
    /// The part of the plan that was read last: a part has many pieces.
    part: Option<((u32, u32), Vec<RowKey>)>,
}

impl<'a, W: WorkStore, V: Vault> Written<'a, W, V> {
    /// Of this run.
    pub fn new((work, vault): (&'a W, &'a V), run: &'a Run, pinned: &'a Pinned) -> Self {
        Self { work, vault, run, pinned, part: None }
    }

    /// The piece at a position.
    pub async fn at(&mut self, position: &UndoPosition) -> Result<Next, StageError> {
        match position {
            UndoPosition::Plan { n_shards_done, part, n_entries_done } => {
                self.planned(*n_shards_done, *part, *n_entries_done).await
            }
            UndoPosition::Walk { n_shards_done, after } => {
                self.walked(*n_shards_done, after.as_deref()).await.map(Next::Piece)
            }
        }
    }

    async fn planned(&mut self, shard: u32, part: u32, behind: u32) -> Result<Next, StageError> {
        let run = RunRef::from(self.run);
        let bytes = self.work.get(&work_keys::plan_index(&run)).await?.unwrap_or_default();
        let index = serde_json::from_slice::<PlanIndex>(&bytes).ok();
        let is_this = self.run.plan_hash.as_deref() == Some(hash_of(&bytes).as_str());
        let Some(index) = index.filter(|_| is_this) else { return Ok(Next::PlanIsGone) };
        let Some(plan) = at(&index.shards, shard) else {
            return Ok(Next::Piece(Piece { found: Vec::new(), next: None }));
        };
        let next_shard =
            UndoPosition::Plan { n_shards_done: shard.saturating_add(1), part: 0, n_entries_done: 0 };
        let Some(hash) = at(&plan.parts, part).filter(|_| plan.has_writes()) else {
            return Ok(Next::Piece(Piece { found: Vec::new(), next: Some(next_shard) }));
        };
        let Some(keys) = self.keys_of((shard, part), plan.shard, hash).await? else {
            return Ok(Next::PlanIsGone);
        };
        let from = usize::try_from(behind).unwrap_or(usize::MAX);
        let piece: Vec<RowKey> = keys.iter().skip(from).take(MAX_ROWS_AT_ONCE).cloned().collect();
        let reached = behind.saturating_add(u32::try_from(piece.len()).unwrap_or(u32::MAX));
        let next = if usize::try_from(reached).is_ok_and(|reached| reached < keys.len()) {
            UndoPosition::Plan { n_shards_done: shard, part, n_entries_done: reached }
        } else {
            UndoPosition::Plan { n_shards_done: shard, part: part.saturating_add(1), n_entries_done: 0 }
        };
        let read = if piece.is_empty() { Vec::new() } else { self.vault.get_many(&piece).await? };
        Ok(Next::Piece(Piece { found: piece.into_iter().zip(read).collect(), next: Some(next) }))
    }

    /// The tokens of a part that the run was to take out of service or to sentence; `None` when the part is gone.
    async fn keys_of(
        &mut self,
        place: (u32, u32),
        shard: Shard,
        hash: &str,
    ) -> Result<Option<&[RowKey]>, StageError> {
        if self.part.as_ref().is_none_or(|(read, _)| *read != place) {
            let key = work_keys::plan_part(&RunRef::from(self.run), shard, place.1);
            let bytes = self.work.get(&key).await?.unwrap_or_default();
            let stored = serde_json::from_slice::<PlanPart>(&bytes).ok();
            let Some(stored) = stored.filter(|_| hash_of(&bytes) == hash) else { return Ok(None) };
            let condemns = |verb: Verb| match verb {
                Verb::Cool | Verb::CoolIdle | Verb::Sentence => true,
                Verb::Reinstate { .. } => false,
            };
            let entries = stored.entries.into_iter().filter(|entry| condemns(entry.verb));
            let tenant = &self.run.tenant;
            let key_of = |token| RowKey { tenant: tenant.clone(), shard, token };
            self.part = Some((place, entries.map(|entry| key_of(entry.token)).collect()));
        }
        Ok(self.part.as_ref().map(|(_, keys)| keys.as_slice()))
    }

    async fn walked(&self, n_shards_done: u32, after: Option<&str>) -> Result<Piece, StageError> {
        let shards = self.pinned.tenant(&self.run.tenant)?.shards;
        let shard = usize::try_from(n_shards_done).ok().and_then(|done| shards.all().nth(done));
        let Some(shard) = shard else { return Ok(Piece { found: Vec::new(), next: None }) };
        let at = ShardRef { tenant: self.run.tenant.clone(), shard };
        let limit = u32::try_from(MAX_ROWS_AT_ONCE).unwrap_or(u32::MAX);
        let page = self.vault.page(&at, after, limit).await?;
        let rows = page.rows.into_iter().filter_map(RowRead::token);
        let found = rows.map(|row| (row.key.clone(), Some(RowRead::Token(Box::new(row))))).collect();
        let next = match page.next {
            Some(after) => UndoPosition::Walk { n_shards_done, after: Some(after) },
            None => UndoPosition::Walk { n_shards_done: n_shards_done.saturating_add(1), after: None },
        };
        Ok(Piece { found, next: Some(next) })
    }
}

fn at<T>(list: &[T], place: u32) -> Option<&T> {
    usize::try_from(place).ok().and_then(|place| list.get(place))
}

/// What an order would do to a token that was found, by count.
pub fn would_do((key, read): &Found, undoing: &Undoing<'_>, pinned: &Pinned, now: EpochSeconds) -> UndoTally {
    let unreadable = UndoTally { n_unreadable: 1, ..UndoTally::default() };
    let row = match read {
        None | Some(RowRead::Subject) => return UndoTally { n_gone: 1, ..UndoTally::default() },
        Some(RowRead::Unreadable(_)) => return unreadable,
        Some(RowRead::Token(row)) => row,
    };
    let Some(kind) = pinned.config.known_kind(&key.tenant, &row.kind) else { return unreadable };
    match decide_undo(row, undoing, kind, pinned.version, now) {
        Verdict::Change(Change::Undo { .. }) => UndoTally { n_reinstated: 1, ..UndoTally::default() },
        Verdict::Keep(why) => kept(why),
        Verdict::Change(_) | Verdict::LateUse | Verdict::Reuse => unreadable,
    }
}

/// A token that an order left as it is, by count.
pub fn kept(why: Why) -> UndoTally {
    let mut tally = UndoTally::default();
    let count = if why == Why::Undone {
        &mut tally.n_reinstated
    } else if why == Why::AlreadyDone {
        &mut tally.n_in_service
    } else if why == Why::OtherReason {
        &mut tally.n_ended
    } else if why == Why::AnotherRun {
        &mut tally.n_of_others
    } else {
        &mut tally.n_unreadable
    };
    *count = 1;
    tally
}

/// Whether a walk counts this row: it meets every row of the tenant, and most have nothing to do with the run.
pub fn concerns(position: &UndoPosition, row: &VaultRow, undoing: &Undoing<'_>, pinned: &Pinned) -> bool {
    let kind = pinned.config.known_kind(&row.key.tenant, &row.kind);
    match position {
        UndoPosition::Plan { .. } => true,
        UndoPosition::Walk { .. } => {
            undoing.brought_back(row) || (row.state == State::Cooling && undoing.condemned(row, kind))
        }
    }
}

/// The longest that a worker of the run may have gone on writing after the run was over: its lease.
pub fn written_until(run: &Run, limits: &Limits) -> EpochSeconds {
    run.progressed_at.plus(limits.lease)
}
