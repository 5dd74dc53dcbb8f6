//! Intake: commands and notices from outside, over the queues or the function's URL. The only stage to which a token
//! is sent; its answers and its record name none.

use std::cell::Cell;

use lethe_domain::audit::AuditItem;
use lethe_domain::command::{Command, HoldTarget, IdempotencyKey, Order, Problem, Rejected, Target};
use lethe_domain::fan_out::Deed;
use lethe_domain::row::By;
use lethe_domain::time::{EpochMillis, EpochSeconds};
use lethe_domain::token::{TenantId, token_digest};

use crate::deeds::Deeds;
use crate::error::StageError;
use crate::invocation::Invocation;
use crate::pinned::Pinned;
use crate::ports::{AuditLog, Control, KeptAnswer, Vault};
use crate::settings::{Mode, Settings};

mod answer;
mod caller;
mod feed;
mod gone;
mod groups;
mod late;
mod notices;
mod tokens;
mod wording;

pub use answer::{Answer, IntakeReport};
pub use caller::{Caller, Sender};

/// The intake stage.
pub struct Intake<'a, C, A, V> {
    /// Config, fan-outs, answers, budgets and the ledger.
    pub control: &'a C,
    /// The record.
    pub audit: &'a A,
    /// The tokens' rows.
    pub vault: &'a V,
    /// Mode and limits.
    pub settings: &'a Settings,
}

/// A command that was let in: what every step of it needs.
struct Accepted<'a, C, A, V> {
    deeds: Deeds<'a, C, A, V>,
    command: &'a Command,
    caller: &'a Caller,
    by: By,
    should_pause: &'a dyn Fn() -> bool,
}

impl<C: Control, A: AuditLog, V: Vault> Intake<'_, C, A, V> {
    /// Carries out one command. What is refused is on record; an error is worth another attempt.
    pub async fn command(
        &self,
        body: &str,
        caller: &Caller,
        invocation: Invocation<'_>,
    ) -> Result<Answer, StageError> {
        let now = invocation.now;
        let mut command = match Command::parse(body) {
            Ok(command) => command,
            Err(rejected) => return self.turn_away(None, caller, Answer::rejected(rejected), now).await,
        };
        let digest = hex::encode(token_digest(body.as_bytes()));
        // Holds and what undoes them are not the same twice: a message that comes again is known by its id and its text.
        if matches!(command.order, Order::Hold { .. } | Order::Release { .. } | Order::Reinstate { .. }) {
            let own = format!("{}:{}", caller.id, digest.get(..16).unwrap_or_default());
            command.key = command.key.or_else(|| IdempotencyKey::new(own));
        }
        let Some(pinned) = Pinned::current(self.control, &self.settings.limits).await? else {
            return self.turn_away(None, caller, Answer::problem(Problem::NoConfig), now).await;
        };
        let known = pinned.config.tenants.iter().find(|(tenant, _)| tenant.as_str() == command.tenant);
        // A tenant that does not exist and one that is not the caller's look the same from outside.
        let Some((tenant, _)) = known.filter(|(_, section)| section.may(&caller.identity(), command.word()))
        else {
            let tenant = known.map(|(tenant, _)| tenant);
            return self.turn_away(tenant, caller, Answer::problem(Problem::Forbidden), now).await;
        };
        if let Some(fault) = self.fault_of(&command, tenant, &pinned, now) {
            let rejected = Rejected::Faults(vec![fault.to_owned()]);
            return self.turn_away(Some(tenant), caller, Answer::rejected(rejected), now).await;
        }
        // Guard: in report mode the read stamp is the only thing that a command may leave behind.
        if self.settings.mode == Mode::Report && !matches!(command.order, Order::Read { .. }) {
            return self.turn_away(Some(tenant), caller, Answer::problem(Problem::ReportMode), now).await;
        }
        if let Some(answer) = self.answer_before(&command, tenant, &digest).await? {
            return Ok(answer);
        }
        let accepted = Accepted {
            deeds: Deeds {
                control: self.control,
                audit: self.audit,
                vault: self.vault,
                settings: self.settings,
                pinned: &pinned,
                tenant,
                now,
                is_noted: Cell::default(),
            },
            by: By { actor: caller.actor(), reason_text: command.reason_text.clone() },
            command: &command,
            caller,
            should_pause: invocation.should_pause,
        };
        // A fan-out may end before this returns, and then it is the kept answer that it completes.
        let answer = accepted.carry_out(&digest).await?;
        if answer.is_report_mode() {
            return self.turn_away(Some(tenant), caller, answer, now).await;
        }
        Ok(answer)
    }

    /// What only the config and the clock can tell about a command that is well formed.
    fn fault_of(
        &self,
        command: &Command,
        tenant: &TenantId,
        pinned: &Pinned,
        now: EpochSeconds,
    ) -> Option<&'static str> {
        let at = match &command.order {
            Order::End { at, .. } | Order::Read { at, .. } => *at,
            Order::Created { .. }
            | Order::Deleted { .. }
            | Order::Hold { .. }
            | Order::Release { .. }
            | Order::Reinstate { .. } => None,
        };
        if at.is_some_and(|at| now.plus(self.settings.limits.max_clock_skew) < at) {
            return Some("at: lies in the future");
        }
        wording::names_a_secret(command, &pinned.config.scanned_formats(tenant))
            .then_some("reason_text: names a token or the subject, and it goes on record")
    }

    /// The answer that was given to the same command before.
    async fn answer_before(
        &self,
        command: &Command,
        tenant: &TenantId,
        digest: &str,
    ) -> Result<Option<Answer>, StageError> {
        let Some(key) = &command.key else { return Ok(None) };
        let Some(kept) = self.control.answer(tenant, key.as_str()).await? else { return Ok(None) };
        if kept.digest != digest {
            return Ok(Some(Answer::problem(Problem::IdempotencyConflict)));
        }
        // What was accepted goes on from where it is: its worker may have died before the first write.
        Ok((kept.status != 202).then(|| Answer::kept(kept.status, &kept.body)))
    }

    /// Puts on record that a command was not carried out, and by whom it was sent.
    async fn turn_away(
        &self,
        tenant: Option<&TenantId>,
        caller: &Caller,
        answer: Answer,
        now: EpochSeconds,
    ) -> Result<Answer, StageError> {
        let item = AuditItem::refused(tenant, &caller.id, &answer.reason(), now);
        self.audit.record(&AuditItem { actor: Some(caller.actor()), ..item }).await?;
        Ok(answer)
    }
}

impl<C: Control, A: AuditLog, V: Vault> Accepted<'_, C, A, V> {
    async fn carry_out(&self, digest: &str) -> Result<Answer, StageError> {
        let answer = match &self.command.order {
            Order::End { trigger, target, at, erase_now } => {
                let deed = Deed::End { trigger: *trigger, erase_now: *erase_now };
                match target {
                    Target::Tokens(tokens) => self.end_tokens(tokens, &deed, *at).await?,
                    Target::Group(group) => return self.reach_group(group, deed, digest).await,
                }
            }
            Order::Hold { target, hold_id } => {
                let deed = Deed::Hold { hold_id: hold_id.clone() };
                match target {
                    HoldTarget::Tokens(tokens) => self.do_to_tokens(tokens, &deed).await?,
                    HoldTarget::Subject(subject) => return self.reach_subject(subject, deed, digest).await,
                }
            }
            Order::Release { target, hold_id } => {
                let deed = Deed::Release { hold_id: hold_id.clone() };
                match target {
                    HoldTarget::Tokens(tokens) => self.do_to_tokens(tokens, &deed).await?,
                    HoldTarget::Subject(subject) => return self.reach_subject(subject, deed, digest).await,
                }
            }
            Order::Read { tokens, at } => self.read_tokens(tokens, *at).await?,
            Order::Reinstate { tokens } => self.reinstate(tokens).await?,
            Order::Created { tokens, event_id } => self.count(tokens, event_id, 1).await?,
            Order::Deleted { tokens, event_id } => self.count(tokens, event_id, -1).await?,
        };
        self.keep(&answer, digest).await?;
        Ok(answer)
    }

    /// Keeps an answer for whoever sends the command again.
    async fn keep(&self, answer: &Answer, digest: &str) -> Result<(), StageError> {
        let Some(key) = self.command.key.as_ref().filter(|_| answer.is_worth_keeping()) else {
            return Ok(());
        };
        let kept = KeptAnswer {
            digest: digest.to_owned(),
            status: answer.status,
            body: answer.body.to_string(),
            until: self.deeds.now.plus(self.deeds.settings.limits.memory),
        };
        self.deeds.control.keep_answer(self.deeds.tenant, key.as_str(), &kept).await?;
        Ok(())
    }

    /// What Lethe says about a command, and what its sender said.
    fn in_their_words(&self, why: &str) -> String {
        self.by
            .reason_text
            .as_ref()
            .map_or_else(|| why.to_owned(), |text| format!("{why}; in their words: {text}"))
    }

    /// Up to when the tokens that the command names by themselves must have been issued. Clocks may differ by so much,
    /// and a revocation must not miss because of that; what was issued again later is another life of the token.
    fn named_until(&self) -> EpochMillis {
        let skew = self.deeds.settings.limits.max_clock_skew.as_millis();
        EpochMillis(self.caller.sent_at.0.saturating_add(i64::try_from(skew).unwrap_or(i64::MAX)))
    }
}
