//! Tokens that somebody asks for and that are not in the vault: the record is asked whether they were there once. A person
//! who comes too late is told so; and whoever uses what was taken for good is counted, and rings.

use std::collections::{BTreeMap, BTreeSet};

use lethe_domain::audit::{AuditItem, Entry, Standing, bucket_of, token_partition};
use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::regret::{Asked, Decision, Gone, Outcome, PolicyVersion};
use lethe_domain::time::{EpochMillis, EpochSeconds};
use lethe_domain::token::TokenId;

use super::Accepted;
use crate::deeds::Done;
use crate::error::StageError;
use crate::pinned::keys_of;
use crate::ports::{AuditLog, Came, Control, Vault};
use crate::settings::Mode;

/// Pages of the record that are read for a person's command; what is not found by then is called unknown.
const MAX_PAGES: usize = 200;

/// Pages that are read for a command of a read feed, which must not wait.
const MAX_PAGES_OF_A_READ: usize = 20;

/// Tokens of one such command that the record is asked about.
const MAX_ASKED_OF_A_READ: usize = 10;

/// How far the record is read back at first, and then, in days; last all of it. What left lately is asked for most.
const DAYS_BACK: [i64; 2] = [30, 120];

const DAY_IN_MS: i64 = 24 * 60 * 60 * 1000;

/// Tokens by the names that the record has for them.
type Unknown<'t> = BTreeMap<Fingerprint, &'t TokenId>;

impl<C: Control, A: AuditLog, V: Vault> Accepted<'_, C, A, V> {
    /// For each token whether it has left the vault, as far as the record was read.
    pub(super) async fn which_are_gone(
        &self,
        tokens: &[TokenId],
        done: &[Done],
    ) -> Result<Vec<bool>, StageError> {
        let unknown = self.unknown(tokens, done).await?;
        let gone = self.find_gone(&unknown, MAX_PAGES).await?;
        self.regret(&unknown, &gone).await?;
        let gone: BTreeSet<&TokenId> =
            gone.iter().filter_map(|gone| unknown.get(&gone.fingerprint).copied()).collect();
        Ok(tokens.iter().map(|token| gone.contains(token)).collect())
    }

    /// How many of the tokens that were read have left the vault, as far as is known. The record is asked once about a
    /// token, and again when that is forgotten.
    pub(super) async fn count_asked_after(
        &self,
        tokens: &[TokenId],
        done: &[Done],
    ) -> Result<u64, StageError> {
        if self.deeds.settings.mode == Mode::Report || !done.contains(&Done::Unknown) {
            return Ok(0);
        }
        let (control, tenant, now) = (self.deeds.control, self.deeds.tenant, self.deeds.now);
        let mut asked = Unknown::new();
        for (fingerprint, token) in self.unknown(tokens, done).await? {
            if asked.len() < MAX_ASKED_OF_A_READ && !control.was_asked(tenant, &fingerprint, now).await? {
                asked.insert(fingerprint, token);
            }
        }
        let gone = self.find_gone(&asked, MAX_PAGES_OF_A_READ).await?;
        self.regret(&asked, &gone).await?;
        // Noted last: an attempt that died here asks again.
        let until = now.plus(self.deeds.settings.limits.memory);
        for fingerprint in asked.keys() {
            control.note_asked(tenant, fingerprint, until).await?;
        }
        Ok(gone.len() as u64)
    }

    async fn unknown<'t>(&self, tokens: &'t [TokenId], done: &[Done]) -> Result<Unknown<'t>, StageError> {
        if !done.contains(&Done::Unknown) {
            return Ok(Unknown::new());
        }
        let keys = keys_of(self.deeds.control, self.deeds.tenant).await?;
        let unknown = tokens.iter().zip(done).filter(|(_, done)| **done == Done::Unknown);
        Ok(unknown.map(|(token, _)| (keys.fingerprint(token), token)).collect())
    }

    /// Those of the tokens that the record knows to have left, latest first, within so many pages.
    async fn find_gone(&self, asked: &Unknown<'_>, max_pages: usize) -> Result<Vec<Gone>, StageError> {
        let mut record = Asked::new(asked.keys().copied());
        let buckets: BTreeSet<u8> = asked.keys().map(bucket_of).collect();
        let mut n_left = max_pages;
        for (from, to) in spans(self.deeds.now) {
            for bucket in &buckets {
                let partition = token_partition(self.deeds.tenant, *bucket);
                let mut after = from.clone();
                loop {
                    if n_left == 0 || (self.should_pause)() {
                        return Ok(record.gone());
                    }
                    n_left = n_left.saturating_sub(1);
                    let page = self.deeds.audit.page(&partition, after.as_deref()).await?;
                    page.items.iter().for_each(|item| record.see(item));
                    let is_past = |item: &AuditItem| to.as_ref().is_some_and(|to| *to < item.sk);
                    let goes_on = !page.items.last().is_some_and(is_past);
                    after = page.next.filter(|_| goes_on);
                    if after.is_none() {
                        break;
                    }
                }
            }
            if record.is_answered() {
                break;
            }
        }
        Ok(record.gone())
    }

    /// Counts tokens that were asked for after they had left, each once, and puts the command on record.
    async fn regret(&self, asked: &Unknown<'_>, gone: &[Gone]) -> Result<(), StageError> {
        if gone.is_empty() {
            return Ok(());
        }
        let (control, tenant, now) = (self.deeds.control, self.deeds.tenant, self.deeds.now);
        let kept_until = now.plus(self.deeds.settings.limits.regret_kept());
        for Gone { fingerprint, version, trigger, config, run } in gone {
            let token = asked.get(fingerprint);
            let kind = token.and_then(|token| self.deeds.pinned.kind_by_format(tenant, token));
            let policy = PolicyVersion {
                kind: kind.unwrap_or_default().to_owned(),
                trigger: *trigger,
                config: *config,
            };
            let came = Came {
                decision: Decision { policy, run: run.clone() },
                outcome: Outcome::AskedAfter,
                n_tokens: 1,
                event_id: format!("{fingerprint}#{}", version.0),
            };
            control.count_outcome(tenant, &came, (kept_until, kept_until)).await?;
        }
        tracing::warn!(%tenant, n_tokens = gone.len(), "tokens are asked for that have left the vault");
        let id = format!("{}#gone", self.caller.id);
        let why = self.in_their_words("asked for after it had left the vault");
        let entry_of = |gone: &Gone| Entry {
            fingerprint: gone.fingerprint,
            version: gone.version,
            from: Standing::Archived,
            to: Standing::Archived,
            reason: Some(gone.trigger),
        };
        let item = AuditItem::refused(Some(tenant), &id, &why, now);
        let (actor, entries) = (Some(self.by.actor.clone()), gone.iter().map(entry_of).collect());
        self.deeds.audit.record(&AuditItem { actor, entries, ..item }).await?;
        Ok(())
    }
}

/// The spans of sort keys in which the record is read: after the first, up to the second.
fn spans(now: EpochSeconds) -> Vec<(Option<String>, Option<String>)> {
    let key_of = |days: i64| {
        let at: EpochMillis = now.to_millis();
        format!("{:013}", at.0.saturating_sub(days.saturating_mul(DAY_IN_MS)).max(0))
    };
    let starts = DAYS_BACK.map(|days| Some(key_of(days)));
    let ends = [None].into_iter().chain(starts.clone());
    starts.into_iter().chain([None]).zip(ends).collect()
}
