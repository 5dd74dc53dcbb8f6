//! Intake: commands and notices from outside, over the queue or the function's URL. The only stage to which a token
//! is sent; its answers and its record name none.

use lethe_domain::audit::AuditItem;
use lethe_domain::lifecycle::{Change, Expected, Verdict, Why, decide_command, decide_read};
use lethe_domain::policy::{KindPolicy, Trigger};
use lethe_domain::row::{RowRead, VaultRow};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{RowKey, TenantId, TokenId, token_digest};
use serde::Serialize;
use serde_json::json;

use crate::error::StageError;
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control, RowWrite, Vault, WriteOutcome};
use crate::settings::{Mode, Settings};

mod command;

pub use command::Command;

/// How often a command decides again because somebody else wrote the row in between.
const MAX_DECISIONS: usize = 4;

/// The intake stage.
pub struct Intake<'a, C, A, V> {
    /// Config.
    pub control: &'a C,
    /// The record.
    pub audit: &'a A,
    /// The tokens' rows.
    pub vault: &'a V,
    /// Mode and limits.
    pub settings: &'a Settings,
}

/// Who sent a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The message's or the request's id: names its refusal, if it comes to that.
    pub id: String,
    /// The principal, where the way in knows it.
    pub actor: Option<String>,
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// As an HTTP status.
    pub status: u16,
    /// What to tell the caller; no token in it.
    pub body: serde_json::Value,
}

/// What became of one token.
enum Outcome {
    Changed(&'static str),
    Kept(&'static str),
    Unknown,
    Unreadable,
    ReportMode,
}

impl<C: Control, A: AuditLog, V: Vault> Intake<'_, C, A, V> {
    /// Carries out one command. What is refused is on record; an error is worth another attempt.
    pub async fn command(
        &self,
        body: &str,
        caller: &Caller,
        now: EpochSeconds,
    ) -> Result<Answer, StageError> {
        let command = match Command::parse(body) {
            Ok(command) => command,
            Err(faults) => {
                let text = faults.join("; ");
                self.refuse(None, caller, &format!("a command: {text}"), now).await?;
                return Ok(Answer { status: 400, body: json!({ "error": "bad_command", "faults": faults }) });
            }
        };
        let Some(pinned) = Pinned::current(self.control, &self.settings.limits).await? else {
            self.refuse(None, caller, "a command before the first config was applied", now).await?;
            return Ok(Answer {
                status: 409,
                body: json!({ "error": "no_config", "do": "lethe apply lethe.toml" }),
            });
        };
        let Some(tenant) = pinned.config.tenants.keys().find(|tenant| tenant.as_str() == command.tenant())
        else {
            self.refuse(None, caller, "a command for a tenant that the config does not name", now).await?;
            return Ok(Answer { status: 404, body: json!({ "error": "unknown_tenant" }) });
        };
        let answer = self.carry_out(&command, tenant, &pinned, now).await?;
        if answer.status == 409 {
            self.refuse(Some(tenant), caller, "report_mode", now).await?;
        }
        Ok(answer)
    }

    /// Puts a refusal on record, with who asked.
    async fn refuse(
        &self,
        tenant: Option<&TenantId>,
        caller: &Caller,
        why: &str,
        now: EpochSeconds,
    ) -> Result<(), StageError> {
        let item = AuditItem::refused(tenant, &caller.id, why, now);
        self.audit.record(&AuditItem { actor: caller.actor.clone(), ..item }).await?;
        Ok(())
    }

    async fn carry_out(
        &self,
        command: &Command,
        tenant: &TenantId,
        pinned: &Pinned,
        now: EpochSeconds,
    ) -> Result<Answer, StageError> {
        match command {
            Command::Read { token, at, .. } => {
                let at = at.map_or(now, EpochSeconds);
                if now.plus(self.settings.limits.max_clock_skew) < at {
                    return Ok(Answer {
                        status: 400,
                        body: json!({ "error": "bad_command", "faults": ["at: lies in the future"] }),
                    });
                }
                let decide = |row: &VaultRow, kind: &KindPolicy| decide_read(row, at, kind, pinned.version);
                Ok(self.one(&Self::key_of(tenant, token, pinned), pinned, &decide).await?.answer())
            }
            Command::Revoked { token, .. } => {
                let decide = |row: &VaultRow, kind: &KindPolicy| {
                    decide_command(row, Trigger::Revoked, kind, pinned.version, now)
                };
                Ok(self.one(&Self::key_of(tenant, token, pinned), pinned, &decide).await?.answer())
            }
            Command::Logout { subject, session, .. } => {
                self.logout(tenant, (subject, session.as_deref()), pinned, now).await
            }
        }
    }

    async fn logout(
        &self,
        tenant: &TenantId,
        (subject, session): (&str, Option<&str>),
        pinned: &Pinned,
        now: EpochSeconds,
    ) -> Result<Answer, StageError> {
        if self.settings.mode == Mode::Report {
            return Ok(Outcome::ReportMode.answer());
        }
        let decide = |row: &VaultRow, kind: &KindPolicy| {
            decide_command(row, Trigger::Logout, kind, pinned.version, now)
        };
        let (mut n_ended, mut n_kept) = (0_u64, 0_u64);
        for key in self.vault.owned(tenant, subject, session).await? {
            match self.one(&key, pinned, &decide).await? {
                Outcome::Changed(_) => n_ended = n_ended.saturating_add(1),
                Outcome::Kept(_) | Outcome::Unknown | Outcome::Unreadable | Outcome::ReportMode => {
                    n_kept = n_kept.saturating_add(1);
                }
            }
        }
        Ok(Answer { status: 200, body: json!({ "result": "done", "ended": n_ended, "kept": n_kept }) })
    }

    /// Reads, decides and writes one row; decides again when somebody else wrote it in between.
    async fn one(
        &self,
        key: &RowKey,
        pinned: &Pinned,
        decide: &dyn Fn(&VaultRow, &KindPolicy) -> Verdict,
    ) -> Result<Outcome, StageError> {
        for _ in 0..MAX_DECISIONS {
            let row = match self.vault.get(key).await? {
                None | Some(RowRead::Subject) => return Ok(Outcome::Unknown),
                Some(RowRead::Unreadable(_)) => return Ok(Outcome::Unreadable),
                Some(RowRead::Token(row)) => row,
            };
            let Some(kind) = pinned.config.known_kind(&key.tenant, &row.kind) else {
                return Ok(Outcome::Unreadable);
            };
            let change = match decide(&row, kind) {
                Verdict::Keep(why) => return Ok(Outcome::Kept(word_of(why))),
                Verdict::Change(change) => change,
            };
            // Guard: the read stamp is the only write to the vault in report mode.
            if self.settings.mode == Mode::Report && !matches!(change, Change::Stamp { .. }) {
                return Ok(Outcome::ReportMode);
            }
            let done = Outcome::Changed(word_of_change(&change));
            let (expected, due_shards) = (Expected::of(&row), pinned.config.due_shards);
            match self.vault.write(&RowWrite { key: key.clone(), expected, change, due_shards }).await? {
                WriteOutcome::Done => return Ok(done),
                WriteOutcome::Changed(_) => {}
            }
        }
        Err(StageError::Contended)
    }

    /// The row's key: its shard comes from the canonical id of the format that the token has, if it has one.
    fn key_of(tenant: &TenantId, token: &TokenId, pinned: &Pinned) -> RowKey {
        let formats = pinned.config.scanned_formats(tenant);
        let canonical = formats.iter().find_map(|(_, format)| format.canonical(token.expose()));
        let digest = match &canonical {
            Some(canonical) => token_digest(canonical.as_bytes()),
            None => token_digest(token.expose().as_bytes()),
        };
        let shards = pinned.config.tenant(tenant).map(|section| section.shards);
        let shard = shards.map(|shards| shards.shard_of(&digest)).unwrap_or_default();
        RowKey { tenant: tenant.clone(), shard, token: token.clone() }
    }
}

impl Outcome {
    fn answer(&self) -> Answer {
        let (status, body) = match self {
            Self::Changed(what) => (200, json!({ "result": what })),
            Self::Kept(why) => (200, json!({ "result": "kept", "why": why })),
            Self::Unknown => (404, json!({ "error": "unknown_token" })),
            Self::Unreadable => (422, json!({ "error": "unreadable_row" })),
            Self::ReportMode => (409, json!({ "error": "report_mode" })),
        };
        Answer { status, body }
    }
}

fn word_of_change(change: &Change) -> &'static str {
    match change {
        Change::Cool { .. } => "ended",
        Change::Sentence { .. } => "sentenced",
        Change::Reinstate { .. } => "reinstated",
        Change::Stamp { .. } => "stamped",
        Change::Rearm { .. } | Change::Lift { .. } => "noted",
    }
}

fn word_of(why: Why) -> &'static str {
    match why {
        Why::OnHold => "on_hold",
        Why::AlreadyDone | Why::AlreadySentenced => "already_done",
        Why::Ignored => "ignored_by_policy",
        Why::OtherReason => "not_revivable",
        Why::UnknownKind
        | Why::NotScanned
        | Why::UnknownFormat
        | Why::WrongShard
        | Why::Referenced
        | Why::InGrace
        | Why::KnownEnd
        | Why::CoolingOff
        | Why::NotDue => "not_due",
    }
}
