//! Commands that name tokens one by one.

use std::collections::BTreeSet;

use lethe_domain::command::Group;
use lethe_domain::fan_out::{Deed, reach};
use lethe_domain::hold;
use lethe_domain::lifecycle::{Verdict, Why, decide_read, decide_reinstate};
use lethe_domain::policy::{Action, KindPolicy, Scope, Trigger};
use lethe_domain::row::{RowRead, VaultRow};
use lethe_domain::subject::SubjectKey;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{RowKey, TokenId, token_digest};

use futures::{StreamExt, TryStreamExt, stream};

use super::{Accepted, Answer};
use crate::deeds::{Doing, Done, Read};
use crate::error::StageError;
use crate::ports::{AuditLog, Control, Vault};
use crate::settings::{Mode, PARALLEL_CALLS};

impl<C: Control, A: AuditLog, V: Vault> Accepted<'_, C, A, V> {
    /// Ends tokens, and what the policy's scope takes along with them.
    pub(super) async fn end_tokens(
        &self,
        tokens: &[TokenId],
        deed: &Deed,
        at: Option<EpochSeconds>,
    ) -> Result<Answer, StageError> {
        let rows = self.deeds.read(&self.keys_of(tokens)).await?;
        let groups = self.taken_along(&rows, deed);
        let done = self.deeds.each(rows, self.doing(deed, at)).await?;
        let mut n_waiting = 0_u64;
        for group in groups {
            let (taken_along, _) = self.start(self.fan_out(&group, deed.clone())).await?;
            n_waiting = n_waiting.saturating_add(taken_along.n_waiting);
        }
        self.note_alarms(&done).await?;
        let mut answer = Answer::of_tokens(&done);
        answer.report.n_waiting = answer.report.n_waiting.saturating_add(n_waiting);
        Ok(answer)
    }

    /// Holds or releases tokens.
    pub(super) async fn do_to_tokens(&self, tokens: &[TokenId], deed: &Deed) -> Result<Answer, StageError> {
        let rows = self.deeds.read(&self.keys_of(tokens)).await?;
        let are_covered = self.are_covered(&rows, deed).await?;
        let free = rows.into_iter().zip(&are_covered).filter(|(_, is_covered)| !**is_covered);
        let free: Vec<Read> = free.map(|(row, _)| row).collect();
        let mut done = self.deeds.each(free, self.doing(deed, None)).await?.into_iter();
        let each = are_covered
            .into_iter()
            .map(|is_covered| if is_covered { Some(Done::Kept(Why::OnHold)) } else { done.next() });
        Ok(Answer::of_tokens(&each.flatten().collect::<Vec<_>>()))
    }

    /// For each token whether the hold that is to be released stands on its subject, and is not the token's own to lose.
    async fn are_covered(&self, rows: &[Read], deed: &Deed) -> Result<Vec<bool>, StageError> {
        let Deed::Release { hold_id } = deed else { return Ok(vec![false; rows.len()]) };
        let shards = self.deeds.pinned.tenant(self.deeds.tenant)?.shards;
        stream::iter(rows)
            .map(async |(key, row)| {
                let Some(RowRead::Token(row)) = row else { return Ok(false) };
                let Some(subject) = &row.owner.subject else { return Ok(false) };
                let subject =
                    self.deeds.vault.subject(&SubjectKey::new(&key.tenant, subject, shards)).await?;
                Ok(subject.is_some_and(|subject| hold::stands(subject.hold.as_deref(), hold_id)))
            })
            .buffered(PARALLEL_CALLS)
            .try_collect()
            .await
    }

    /// Takes notice that tokens were read.
    pub(super) async fn read_tokens(
        &self,
        tokens: &[TokenId],
        at: Option<EpochSeconds>,
    ) -> Result<Answer, StageError> {
        let at = self.happened_at(at);
        let decide = |row: &VaultRow, kind: &KindPolicy| {
            decide_read(row, at, &self.by, kind, self.deeds.pinned.version)
        };
        let rows = self.deeds.read(&self.keys_of(tokens)).await?;
        self.count_reads(&rows).await;
        let done = self.settle_all(rows, &decide).await?;
        self.note_alarms(&done).await?;
        let mut answer = Answer::of_tokens(&done);
        answer.report.n_paused = u64::from(self.watch_revivals(&done).await?);
        answer.report.n_gone = self.count_asked_after(tokens, &done).await?;
        Ok(answer)
    }

    /// Takes cooling tokens back into service.
    pub(super) async fn reinstate(&self, tokens: &[TokenId]) -> Result<Answer, StageError> {
        let (policy, now) = (self.deeds.pinned.version, self.deeds.now);
        let decide = |row: &VaultRow, kind: &KindPolicy| decide_reinstate(row, &self.by, kind, policy, now);
        let rows = self.deeds.read(&self.keys_of(tokens)).await?;
        let done = self.settle_all(rows, &decide).await?;
        let is_gone = self.which_are_gone(tokens, &done).await?;
        let mut answer = Answer::of_reinstated(&done, &is_gone);
        answer.report.n_gone = is_gone.iter().filter(|is_gone| **is_gone).count() as u64;
        Ok(answer)
    }

    async fn settle_all(
        &self,
        rows: Vec<Read>,
        decide: &dyn Fn(&VaultRow, &KindPolicy) -> Verdict,
    ) -> Result<Vec<Done>, StageError> {
        stream::iter(rows)
            .map(async |(key, row)| self.deeds.settle(&key, row, decide).await)
            .buffered(PARALLEL_CALLS)
            .try_collect()
            .await
    }

    /// A spent refresh token that was used is on record as compromised with its whole family; a late use rings.
    async fn note_alarms(&self, done: &[Done]) -> Result<(), StageError> {
        // Guard: on record first. Once the token is compromised, whoever comes again cannot see any more that it was spent.
        self.note_late_uses(done).await?;
        let deed = Deed::End { trigger: Trigger::Compromised, erase_now: false };
        for done in done {
            let Done::Reuse(row) = done else { continue };
            if self.deeds.settings.mode == Mode::Report {
                continue;
            }
            if let Some(group) = reach(Scope::Family, &row.owner) {
                self.start(self.fan_out(&group, deed.clone())).await?;
            }
            // The token itself too, whose family may not be known.
            let rows = self.deeds.read(std::slice::from_ref(&row.key)).await?;
            self.deeds.each(rows, self.doing(&deed, None)).await?;
        }
        Ok(())
    }

    fn doing<'d>(&'d self, deed: &'d Deed, at: Option<EpochSeconds>) -> Doing<'d> {
        let at = self.happened_at(at);
        let issued_until = match deed {
            Deed::End { .. } => Some(self.named_until()),
            Deed::Hold { .. } | Deed::Release { .. } => None,
        };
        Doing { deed, at, issued_until, by: &self.by, was_held: false, is_second_look: false }
    }

    /// When something happened, as its sender says, or when it was sent; not later than now, whoever's clock is fast.
    fn happened_at(&self, at: Option<EpochSeconds>) -> EpochSeconds {
        at.unwrap_or_else(|| self.caller.sent_at.to_seconds()).min(self.deeds.now)
    }

    /// The groups that go with the tokens, by the scope that the policy gives to their kind and this trigger. A token
    /// that ended before counts too: the command that comes again completes what an earlier attempt began.
    fn taken_along(&self, rows: &[Read], deed: &Deed) -> BTreeSet<Group> {
        let Deed::End { trigger, .. } = deed else { return BTreeSet::new() };
        let group_of = |(key, row): &Read| {
            let Some(RowRead::Token(row)) = row else { return None };
            let kind = self.deeds.pinned.config.known_kind(&key.tenant, &row.kind)?;
            let rule = kind.rule(*trigger).filter(|rule| rule.action != Action::Ignore)?;
            reach(rule.scope, &row.owner)
        };
        rows.iter().filter_map(group_of).collect()
    }

    /// The rows' keys: the shard comes from the digest.
    pub(super) fn keys_of(&self, tokens: &[TokenId]) -> Vec<RowKey> {
        let (pinned, tenant) = (self.deeds.pinned, self.deeds.tenant);
        let shards = pinned.config.tenant(tenant).map(|section| section.shards);
        let key_of = |token: &TokenId| {
            let digest = self.digest_of(token);
            let shard = shards.map(|shards| shards.shard_of(&digest)).unwrap_or_default();
            RowKey { tenant: tenant.clone(), shard, token: token.clone() }
        };
        tokens.iter().map(key_of).collect()
    }

    /// The digest of a token's canonical id, by the format that it has, if it has one.
    pub(super) fn digest_of(&self, token: &TokenId) -> [u8; 32] {
        let formats = self.deeds.pinned.config.scanned_formats(self.deeds.tenant);
        let canonical = formats.iter().find_map(|(_, format)| format.canonical(token.expose()));
        match &canonical {
            Some(canonical) => token_digest(canonical.as_bytes()),
            None => token_digest(token.expose().as_bytes()),
        }
    }
}
