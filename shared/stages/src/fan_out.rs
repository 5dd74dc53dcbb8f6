//! Fan-outs: commands that reach every token of a subject, a sign-in, a device or a family. The subject's row, where
//! there is one to write, comes first; from then on the read rule does what the rest only cleans up.

use lethe_domain::command::{Group, Part};
use lethe_domain::fan_out::{Deed, FanOut, Position};
use lethe_domain::policy::Action;
use lethe_domain::row::{OWNER_BUCKETS, RowRead, RowVersion};
use lethe_domain::subject::{SubjectKey, SubjectRow};
use lethe_domain::time::EpochMillis;
use lethe_domain::token::TenantId;
use serde_json::{Value, json};

use crate::deeds::{Deeds, Doing, Done, n_waiting};
use crate::error::StageError;
use crate::ports::{AuditLog, Control, KeptAnswer, MAX_ROWS_AT_ONCE, OwnedPart, OwnedQuery, Vault};

/// How often a subject's row is written again because somebody else wrote it in between.
const MAX_DECISIONS: usize = 4;

/// Tokens that one command's own invocation works off before it answers; the rest is reconcile's.
pub(crate) const INLINE_TOKENS: u64 = 200;

/// How far a piece of work came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// There is more to do.
    Part,
    /// Every token was reached.
    All,
    /// Another worker has it in hand, or has done it.
    Elsewhere,
}

impl<C: Control, A: AuditLog, V: Vault> Deeds<'_, C, A, V> {
    /// Works off the next piece of a fan-out: at least one page, at most `n_tokens` and a page.
    pub(crate) async fn work_off(
        &self,
        fan_out: &mut FanOut,
        n_tokens: u64,
        should_pause: &dyn Fn() -> bool,
    ) -> Result<Reached, StageError> {
        if !self.mark_subject(fan_out).await? {
            self.end(fan_out).await?;
            return Ok(Reached::Elsewhere);
        }
        let mut n_seen = 0_u64;
        while fan_out.position.bucket < OWNER_BUCKETS {
            let (n_changed, n_kept) = self.page(fan_out).await?;
            fan_out.n_changed = fan_out.n_changed.saturating_add(n_changed);
            fan_out.n_kept = fan_out.n_kept.saturating_add(n_kept);
            n_seen = n_seen.saturating_add(n_changed).saturating_add(n_kept);
            if fan_out.position.bucket < OWNER_BUCKETS && (n_tokens <= n_seen || should_pause()) {
                // From here on it is reconcile's at once.
                fan_out.resume_at = self.now;
                return Ok(if self.save(fan_out).await? { Reached::Part } else { Reached::Elsewhere });
            }
            // A page of nothing is not worth a write; where it was worth one, a crash loses no more than this page.
            if n_changed > 0 && fan_out.position.bucket < OWNER_BUCKETS && !self.save(fan_out).await? {
                return Ok(Reached::Elsewhere);
            }
        }
        self.close(fan_out).await?;
        Ok(Reached::All)
    }

    async fn save(&self, fan_out: &mut FanOut) -> Result<bool, StageError> {
        let is_ours = self.control.update_fan_out(fan_out).await?;
        fan_out.revision = fan_out.revision.saturating_add(1);
        Ok(is_ours)
    }

    /// One page of the owner index; moves the position on.
    async fn page(&self, fan_out: &mut FanOut) -> Result<(u64, u64), StageError> {
        let Group { subject, part } = &fan_out.group;
        let bucket = fan_out.position.bucket;
        let query = OwnedQuery { tenant: self.tenant, subject, bucket, part: owned_part(part) };
        let limit = u32::try_from(MAX_ROWS_AT_ONCE).unwrap_or(u32::MAX);
        let page = self.vault.owned(&query, fan_out.position.after.as_ref(), limit).await?;
        let mut counts = (0, 0);
        if !page.keys.is_empty() {
            let mut rows = self.read(&page.keys).await?;
            // The index lags: the row itself says whose it is.
            rows.retain(|(_, row)| match row {
                Some(RowRead::Token(row)) => {
                    row.owner.subject.as_ref() == Some(subject) && part.takes(&row.owner)
                }
                Some(RowRead::Subject | RowRead::Unreadable(_)) | None => false,
            });
            let doing = Doing {
                deed: &fan_out.deed,
                at: fan_out.started_at,
                issued_until: fan_out.issued_until,
                by: &fan_out.by,
                was_held: fan_out.was_held,
                is_second_look: fan_out.is_second_look(),
            };
            let done = self.each(rows, doing).await?;
            fan_out.n_waiting = fan_out.n_waiting.saturating_add(n_waiting(&done));
            let n_changed = done.iter().filter(|done| matches!(done, Done::Changed(_))).count() as u64;
            counts = (n_changed, (done.len() as u64).saturating_sub(n_changed));
        }
        fan_out.position = match page.next {
            Some(after) => Position { bucket, after: Some(after) },
            None => Position { bucket: bucket.saturating_add(1), after: None },
        };
        Ok(counts)
    }

    /// Everything is reached: a second look is written down before this one is forgotten.
    async fn close(&self, fan_out: &FanOut) -> Result<(), StageError> {
        // A token that the lagging index hides is too new to bear the hold that is released; a second look would only
        // release what was put under it again since.
        let is_release = matches!(fan_out.deed, Deed::Release { .. });
        if !fan_out.is_second_look() && !is_release {
            let again = fan_out.second_look(self.now.plus(self.settings.limits.index_lag));
            self.control.create_fan_out(&again).await?;
        }
        self.end(fan_out).await
    }

    /// The answer is kept for whoever asks again, and the fan-out is forgotten.
    async fn end(&self, fan_out: &FanOut) -> Result<(), StageError> {
        if let Some(key) = &fan_out.key
            && let Some(kept) = self.control.answer(self.tenant, key).await?
        {
            let body = report_of(fan_out, true).to_string();
            self.control.keep_answer(self.tenant, key, &KeptAnswer { status: 200, body, ..kept }).await?;
        }
        self.control.remove_fan_out(self.tenant, &fan_out.id).await?;
        Ok(())
    }

    /// Writes what the fan-out says on its subject's row, if it is about the whole subject. `false` when a later
    /// command has said otherwise since: a hold that was released meanwhile is not put on any further token.
    async fn mark_subject(&self, fan_out: &mut FanOut) -> Result<bool, StageError> {
        // A cut-off stands once it is written; a hold may have been released since.
        let is_final = fan_out.is_marked && matches!(fan_out.deed, Deed::End { .. });
        if fan_out.group.part != Part::Everything || is_final {
            return Ok(true);
        }
        let shards = self.pinned.tenant(self.tenant)?.shards;
        let key = SubjectKey::new(self.tenant, &fan_out.group.subject, shards);
        for _ in 0..MAX_DECISIONS {
            let stored = self.vault.subject(&key).await?;
            let expected = stored.as_ref().map_or(RowVersion(0), |row| row.version);
            let Some(row) = self.marked(&stored.unwrap_or_default(), fan_out) else {
                fan_out.is_marked = true;
                return Ok(true);
            };
            if fan_out.is_marked {
                return Ok(false);
            }
            // Written down first: once the hold is gone nobody can see that it stood.
            if matches!(fan_out.deed, Deed::Release { .. }) && !fan_out.was_held {
                fan_out.was_held = true;
                if !self.save(fan_out).await? {
                    return Err(StageError::Contended);
                }
            }
            if self.vault.write_subject(&key, expected, &row).await? {
                fan_out.is_marked = true;
                return Ok(true);
            }
        }
        Err(StageError::Contended)
    }

    fn marked(&self, row: &SubjectRow, fan_out: &FanOut) -> Option<SubjectRow> {
        match &fan_out.deed {
            Deed::Hold { hold_id } => row.held(hold_id),
            Deed::Release { hold_id } => row.released(hold_id),
            Deed::End { trigger, .. } => {
                let until = fan_out.issued_until.unwrap_or(EpochMillis(0));
                let kinds = &self.pinned.config.tenant(self.tenant)?.kinds;
                let follows = |kind: &&String| {
                    let policy = self.pinned.config.known_kind(self.tenant, kind);
                    policy
                        .and_then(|policy| policy.rule(*trigger))
                        .is_some_and(|rule| rule.action != Action::Ignore)
                };
                let following: Vec<String> = kinds.iter().filter(follows).cloned().collect();
                if following.len() == kinds.len() {
                    return row.cut_off(None, until);
                }
                row.cut_off(Some(&following), until)
            }
        }
    }
}

/// What a caller is told of a fan-out.
pub(crate) fn report_of(fan_out: &FanOut, is_complete: bool) -> Value {
    let (n_changed, n_kept) = (fan_out.n_changed, fan_out.n_kept);
    if is_complete {
        return json!({ "result": "done", "complete": true, "ended": n_changed, "kept": n_kept });
    }
    json!({
        "result": "accepted",
        "complete": false,
        "ended": n_changed,
        "kept": n_kept,
        "do": "send it again with the same idempotency_key to see how far it is",
    })
}

/// The id of a tenant's fan-out: derived, so that the command that comes again finds it.
pub(crate) fn id_of(tenant: &TenantId, command: &str, group: &Group) -> String {
    let text = serde_json::to_string(&(tenant, command, group)).unwrap_or_default();
    hex::encode(lethe_domain::token::token_digest(text.as_bytes()))
}

fn owned_part(part: &Part) -> OwnedPart<'_> {
    match part {
        Part::Everything => OwnedPart::Everything,
        Part::Session(session) => OwnedPart::Session(session),
        Part::Device(device) => OwnedPart::Device(device),
        Part::Family(family) => OwnedPart::Family(family),
    }
}
