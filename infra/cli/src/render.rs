//! What the commands found, as text for people. Pure, so that every answer is a snapshot in a test.

use std::fmt::Write as _;

use lethe_domain::time::EpochSeconds;

use crate::commands::accept::AcceptanceView;
use crate::commands::apply::Applied;
use crate::commands::approve::ApprovalView;
use crate::commands::approve_commands::CommandsApproved;
use crate::commands::budget::{BudgetView, DayView};
use crate::commands::explain::{CountView, ExplainView, RowView};
use crate::commands::fan_outs::{FanOutView, FanOutsView};
use crate::commands::first_purge::FirstPurgeView;
use crate::commands::pause::{PauseView, Paused, Resumed};
use crate::commands::plan::{Approved, PlanView};
use crate::commands::read_feed::FeedView;
use crate::commands::regret::RegretView;
use crate::commands::run::{Booked, Progress};
use crate::commands::status::{
    CadenceView, FILL_WARNING_PERCENT, FreezeView, StatusView, TenantView, Waiting, WindowView,
};
use crate::commands::undo::{LeftView, UndoView};
use crate::commands::{RunView, word_of};

mod budget;
mod canary;
mod explain;
mod pause;
mod recall;
mod regret;
mod status;
#[cfg(test)]
mod tests;
mod undo;
mod verify;

pub(crate) use budget::commands_approved;
pub(crate) use canary::{canaries, canary_planted, canary_retired};
pub(crate) use explain::explain;
pub(crate) use pause::{paused, resumed};
pub(crate) use status::status;
pub(crate) use undo::{undo_ordered, undo_progress, undone};
pub(crate) use verify::{verified, verifying, waiting};

use recall::recall_lines;
use regret::run_regret_text;

/// The answer to `lethe apply`.
pub(crate) fn applied(applied: &Applied) -> String {
    let Applied { version, is_new, tenants, new_tenants } = applied;
    let names = |tenants: &[lethe_domain::token::TenantId]| {
        tenants.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let mut text = if *is_new {
        format!("version {version} is in force, for {}", names(tenants))
    } else {
        format!("already version {version}: the file is the config in force")
    };
    if !new_tenants.is_empty() {
        let _ = write!(text, "\nkeys made for {}", names(new_tenants));
    }
    text
}

/// The answer to `lethe run`.
pub(crate) fn booked(booked: &Booked) -> String {
    let Booked { tenant, run, is_new, goes_first, opens_at } = booked;
    let already = if *is_new { "" } else { "already " };
    let plan_only = if run.plan_only { ", to make its plan and stop" } else { "" };
    let mut text = format!("run {} is {already}booked for {tenant}{plan_only}", run.run);
    if let Some(first) = goes_first {
        let _ = write!(text, "\nrun {} is {} and goes first", first.run, first.stage.as_str());
    }
    let starts = opens_at.map_or_else(
        || "with the next tick of survey".to_owned(),
        |at| format!("when the tenant's window opens at {at}"),
    );
    let _ = write!(text, "\nit starts {starts}; see `lethe status {tenant}`");
    text
}

/// One line of `lethe run --wait`.
pub(crate) fn progress(progress: &Progress) -> String {
    let Progress { run, counted } = progress;
    let mut text = format!("{} {}", run.run, run.stage.as_str());
    if let Some((n_done, n)) = counted {
        let _ = write!(text, " {n_done} of {n}");
    }
    if let Some(at) = run.resume_at {
        let _ = write!(text, ", goes on from {at}");
    }
    if let Some(note) = &run.note {
        let _ = write!(text, ": {note}");
    }
    text
}

/// The answer to `lethe plan`.
pub(crate) fn plan(plan: &PlanView) -> String {
    let PlanView { tenant, run, hash, evidence, tally, cool_per_mille, approvals, n_missing, next, .. } =
        plan;
    let mut lines = vec![
        format!("plan of {} run {} of {tenant}, {}", word_of(run.purpose), run.run, run.stage.as_str()),
        field("config version", run.config),
        field("scan began", or_dash(run.scan_started_at)),
        String::new(),
        field("rows read", tally.n_rows),
        field("active", tally.n_active),
        field("found in a store", tally.n_referenced),
        field("missed, strikes do not suffice", tally.n_struck),
        field(
            "to take out of service",
            format!("{} ({} of the active)", tally.n_cool, percent(*cool_per_mille)),
        ),
        field("put off to later slices", tally.n_deferred),
        field("to sentence", tally.n_sentence),
        field("to take back into service", tally.n_reinstate),
        field("cooling, await a verdict run", tally.n_awaiting_verdict),
        field("not understood, kept", tally.n_unreadable),
    ];
    if 0 < tally.n_not_idle {
        lines.push(field("in no store, kept: not idle", tally.n_not_idle));
    }
    lines.extend(recall_lines(&plan.measured));
    lines.extend(run_regret_text(run).map(|text| field("came of it", text)));
    lines.extend([String::new(), field("hash", hash), field("evidence", evidence.as_deref().unwrap_or("-"))]);
    if let Some(note) = &run.note {
        lines.push(field("why", note));
    }
    lines.extend(run.notes.iter().map(|note| field("note", note)));
    let approved = approvals.iter().map(|Approved { by, at }| field("approved", format!("by {by} at {at}")));
    lines.extend(approved);
    if 0 < *n_missing {
        let more = if approvals.is_empty() { "" } else { "more " };
        lines.push(field("needs", format!("the approval of {}", persons_text(*n_missing, more))));
    }
    if let Some(next) = next {
        lines.extend([String::new(), format!("to let exactly this plan go on: {next}")]);
    }
    lines.join("\n")
}

/// The answer to `lethe accept`.
pub(crate) fn accepted(accepted: &AcceptanceView) -> String {
    let AcceptanceView { tenant, run, actor, accepted_at, is_new } = accepted;
    if *is_new {
        return format!(
            "what run {run} of {tenant} saw is accepted by {actor}: the next run is held against it, and begins by \
             itself; `lethe run {tenant}` begins one now"
        );
    }
    format!("what run {run} of {tenant} saw was accepted before, by {actor} at {accepted_at}")
}

/// The answer to `lethe approve`.
pub(crate) fn approved(approved: &ApprovalView) -> String {
    let ApprovalView { tenant, run, hash, actor, approved_at, is_new, n_missing } = approved;
    if 0 < *n_missing {
        return format!(
            "the plan of run {run} of {tenant} is approved by {actor}; it needs {}: lethe approve {tenant} {run} {hash}",
            persons_text(*n_missing, "more ")
        );
    }
    if *is_new {
        return format!(
            "the plan of run {run} of {tenant} is approved by {actor}; it goes on with the next tick of survey"
        );
    }
    format!("the plan of run {run} of {tenant} was approved before, by {actor} at {approved_at}")
}

fn persons_text(n: u8, more: &str) -> String {
    if n == 1 { format!("one {more}person") } else { format!("{n} {more}persons") }
}

/// A label and its value, in two columns.
fn field(label: &str, value: impl std::fmt::Display) -> String {
    format!("  {label:<32}{value}")
}

fn or_dash(at: Option<EpochSeconds>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| at.to_string())
}

fn percent(per_mille: u64) -> String {
    format!("{}.{} %", per_mille.div_euclid(10), per_mille.rem_euclid(10))
}
