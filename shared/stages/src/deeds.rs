//! What commands do to rows: read, decided and written one by one, many at a time, and decided again where somebody
//! else wrote in between.

use std::cell::Cell;

use futures::{StreamExt, TryStreamExt, stream};
use lethe_domain::fan_out::Deed;
use lethe_domain::hold;
use lethe_domain::lifecycle::{
    Change, Ending, Expected, Then, Verdict, Why, decide_command, decide_hold, decide_release,
    decide_uncovered, while_paused,
};
use lethe_domain::policy::KindPolicy;
use lethe_domain::read_feed::CANARY_KIND;
use lethe_domain::row::{By, Phase, RowRead, VaultRow};
use lethe_domain::time::{EpochMillis, EpochSeconds};
use lethe_domain::token::{RowKey, TenantId};

use crate::budget::{Budget, is_counted};
use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control, RowWrite, Vault, WriteOutcome};
use crate::settings::{Mode, PARALLEL_CALLS, Settings};

/// How often a row is decided again because somebody else wrote it in between.
const MAX_DECISIONS: usize = 4;

/// A key and what was read under it.
pub(crate) type Read = (RowKey, Option<RowRead>);

/// What became of one row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Done {
    /// It was changed.
    Changed(Change),
    /// It stays as it is.
    Kept(Why),
    /// It stays as it is, and somebody uses what is out of service for good.
    LateUse(Box<VaultRow>),
    /// It stays as it is: a spent refresh token, whose family is compromised.
    Reuse(Box<VaultRow>),
    /// Nothing is there.
    Unknown,
    /// Something is there that nobody understands.
    Unreadable,
    /// It would be changed, but Lethe only looks.
    ReportMode,
}

/// How many of these rows wait for a person's approval to leave.
pub(crate) fn n_waiting(done: &[Done]) -> u64 {
    let waits = |done: &&Done| match done {
        Done::Changed(Change::Cool { then, .. }) => then.waits_for().is_some(),
        Done::Changed(_)
        | Done::Kept(_)
        | Done::LateUse(_)
        | Done::Reuse(_)
        | Done::Unknown
        | Done::Unreadable
        | Done::ReportMode => false,
    };
    done.iter().filter(waits).count() as u64
}

/// What is to be done, and on whose word.
#[derive(Clone, Copy)]
pub(crate) struct Doing<'a> {
    /// What.
    pub(crate) deed: &'a Deed,
    /// When it happened, as its sender says.
    pub(crate) at: EpochSeconds,
    /// Tokens issued later are not meant.
    pub(crate) issued_until: Option<EpochMillis>,
    /// Who asked.
    pub(crate) by: &'a By,
    /// Whether the subject's row bore the hold that is released.
    pub(crate) was_held: bool,
    /// Whether it only looks for what a first look missed.
    pub(crate) is_second_look: bool,
}

/// Does deeds to a tenant's rows under one config version.
pub(crate) struct Deeds<'a, C, A, V> {
    pub(crate) control: &'a C,
    pub(crate) audit: &'a A,
    pub(crate) vault: &'a V,
    pub(crate) settings: &'a Settings,
    pub(crate) pinned: &'a Pinned,
    pub(crate) tenant: &'a TenantId,
    pub(crate) now: EpochSeconds,
    /// Whether this worker has noted already that the budget is used up: a fan-out asks once a page.
    pub(crate) is_noted: Cell<bool>,
}

impl<C: Control, A: AuditLog, V: Vault> Deeds<'_, C, A, V> {
    /// Reads rows, in the order of their keys.
    pub(crate) async fn read(&self, keys: &[RowKey]) -> Result<Vec<Read>, StageError> {
        let found = self.vault.get_many(keys).await?;
        Ok(keys.iter().cloned().zip(found).collect())
    }

    /// Does one deed to rows that were read; one outcome a row, in order.
    pub(crate) async fn each(&self, rows: Vec<Read>, doing: Doing<'_>) -> Result<Vec<Done>, StageError> {
        // Guard: the kill switch is read before each batch of writes and never remembered.
        let is_paused = self.control.pauses(self.tenant).await?.is_paused();
        let over_budget = self.over_budget(&rows, doing).await?;
        let doings = rows.into_iter().zip(over_budget);
        stream::iter(doings)
            .map(async |((key, row), over_budget)| {
                let decide = |row: &VaultRow, kind: &KindPolicy| {
                    let verdict = self.decide(row, kind, doing, over_budget);
                    if is_paused { while_paused(verdict) } else { verdict }
                };
                self.settle(&key, row, &decide).await
            })
            .buffered(PARALLEL_CALLS)
            .try_collect()
            .await
    }

    /// Decides over one row that was read, and writes; decides again when somebody else wrote it in between.
    pub(crate) async fn settle(
        &self,
        key: &RowKey,
        mut read: Option<RowRead>,
        decide: &dyn Fn(&VaultRow, &KindPolicy) -> Verdict,
    ) -> Result<Done, StageError> {
        for _ in 0..MAX_DECISIONS {
            let row = match read {
                None | Some(RowRead::Subject) => return Ok(Done::Unknown),
                Some(RowRead::Unreadable(_)) => return Ok(Done::Unreadable),
                Some(RowRead::Token(row)) => row,
            };
            let Some(kind) = self.pinned.config.known_kind(&key.tenant, &row.kind) else {
                // Whoever reads its canary, as it should, is not told that something is wrong with it.
                let is_canary = row.kind == CANARY_KIND;
                return Ok(if is_canary { Done::Kept(Why::UnknownKind) } else { Done::Unreadable });
            };
            let change = match decide(&row, kind) {
                Verdict::Keep(why) => return Ok(Done::Kept(why)),
                Verdict::LateUse => return Ok(Done::LateUse(row)),
                Verdict::Reuse => return Ok(Done::Reuse(row)),
                Verdict::Change(change) => change,
            };
            // Guard: the read stamp is the only write to the vault in report mode.
            if self.settings.mode == Mode::Report && !matches!(change, Change::Stamp { .. }) {
                return Ok(Done::ReportMode);
            }
            let (expected, due_shards) = (Expected::of(&row), self.pinned.config.due_shards);
            let write = RowWrite { key: key.clone(), expected, change, due_shards };
            read = match self.vault.write(&write).await? {
                WriteOutcome::Done => return Ok(Done::Changed(write.change)),
                WriteOutcome::Changed(stands) => stands.map(|row| *row),
            };
        }
        Err(StageError::Contended)
    }

    fn decide(
        &self,
        row: &VaultRow,
        kind: &KindPolicy,
        doing: Doing<'_>,
        over_budget: Option<EpochSeconds>,
    ) -> Verdict {
        let (policy, now, by) = (self.pinned.version, self.now, doing.by);
        match doing.deed {
            // Guard: what the first look reached may have been held and released since, and keeps the date of that.
            Deed::End { trigger, .. } if doing.is_second_look && row.reason == Some(*trigger) => {
                Verdict::Keep(Why::AlreadyDone)
            }
            Deed::End { trigger, erase_now } => {
                let (at, issued_until) = (doing.at, doing.issued_until);
                let ending =
                    Ending { trigger: *trigger, at, issued_until, erase_now: *erase_now, over_budget, by };
                decide_command(row, &ending, kind, policy, now)
            }
            Deed::Hold { hold_id } => decide_hold(row, hold_id, by, policy),
            Deed::Release { hold_id } => {
                let notice = self.settings.limits.removal_notice;
                if doing.was_held && !hold::stands(row.hold.as_deref(), hold_id) {
                    let soonest = doing.at.plus(notice);
                    return decide_uncovered(row, by, (kind, soonest), policy, now);
                }
                decide_release(row, (hold_id, by), (kind, notice), policy, now)
            }
        }
    }

    /// For each row the day whose budget it exceeds, if it does. Accounts only for rows that would be condemned now.
    async fn over_budget(
        &self,
        rows: &[Read],
        doing: Doing<'_>,
    ) -> Result<Vec<Option<EpochSeconds>>, StageError> {
        let counted: Vec<bool> =
            rows.iter().map(|(key, row)| self.counts(key, row.as_ref(), doing)).collect();
        let n_counted = counted.iter().filter(|counts| **counts).count() as u64;
        if n_counted == 0 || self.settings.mode == Mode::Report {
            return Ok(vec![None; rows.len()]);
        }
        let budget = Budget { control: self.control, audit: self.audit, settings: self.settings };
        let grant = budget.spend(self.tenant, n_counted, self.pinned, self.now).await?;
        if grant.n_waiting > 0 && !self.is_noted.get() {
            budget.note_waiting(self.tenant, &grant, (self.pinned.version, doing.by), self.now).await?;
            self.is_noted.set(true);
        }
        let mut n_left = grant.n_free;
        let day_of = |counts: bool| {
            if !counts {
                return None;
            }
            let is_free = n_left > 0;
            n_left = n_left.saturating_sub(1);
            (!is_free).then_some(grant.day)
        };
        Ok(counted.into_iter().map(day_of).collect())
    }

    fn counts(&self, key: &RowKey, row: Option<&RowRead>, doing: Doing<'_>) -> bool {
        let (Deed::End { trigger, .. }, Some(RowRead::Token(row))) = (doing.deed, row) else { return false };
        let Some(kind) = self.pinned.config.known_kind(&key.tenant, &row.kind) else { return false };
        // What has a date already leaves on its own account, and a spent refresh token with its family.
        let condemns = matches!(
            self.decide(row, kind, doing, None),
            Verdict::Change(Change::Cool { then: Then::Leave(_) | Then::Wait, .. })
        );
        condemns && row.phase() != Phase::Sentenced && is_counted(kind, *trigger)
    }
}
