//! What the commands found, as text for people. Pure, so that every answer is a snapshot in a test.

use std::fmt::Write as _;

use lethe_domain::time::EpochSeconds;

use crate::commands::apply::Applied;
use crate::commands::approve::ApprovalView;
use crate::commands::approve_commands::CommandsApproved;
use crate::commands::budget::{BudgetView, DayView};
use crate::commands::explain::{CountView, ExplainView, RowView};
use crate::commands::fan_outs::{FanOutView, FanOutsView};
use crate::commands::plan::PlanView;
use crate::commands::run::{Booked, Progress};
use crate::commands::status::{FILL_WARNING_PERCENT, StatusView, TenantView};
use crate::commands::{RunView, word_of};

mod budget;
mod explain;
mod status;
#[cfg(test)]
mod tests;

pub(crate) use budget::commands_approved;
pub(crate) use explain::explain;
pub(crate) use status::status;

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
    let Booked { tenant, run, is_new, goes_first } = booked;
    let already = if *is_new { "" } else { "already " };
    let plan_only = if run.plan_only { ", to make its plan and stop" } else { "" };
    let mut text = format!("run {} is {already}booked for {tenant}{plan_only}", run.run);
    if let Some(first) = goes_first {
        let _ = write!(text, "\nrun {} is {} and goes first", first.run, first.stage.as_str());
    }
    let _ = write!(text, "\nit starts with the next tick of survey; see `lethe status {tenant}`");
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
    let PlanView { tenant, run, hash, evidence, tally, cool_per_mille, approved_by, approved_at, next } =
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
        field("to sentence", tally.n_sentence),
        field("to take back into service", tally.n_reinstate),
        field("cooling, await a verdict run", tally.n_awaiting_verdict),
        field("not understood, kept", tally.n_unreadable),
        String::new(),
        field("hash", hash),
        field("evidence", evidence.as_deref().unwrap_or("-")),
    ];
    if let Some(note) = &run.note {
        lines.push(field("why", note));
    }
    lines.extend(run.notes.iter().map(|note| field("note", note)));
    if let (Some(actor), Some(at)) = (approved_by, approved_at) {
        lines.push(field("approved", format!("by {actor} at {at}")));
    }
    if let Some(next) = next {
        lines.extend([String::new(), format!("to let exactly this plan go on: {next}")]);
    }
    lines.join("\n")
}

/// The answer to `lethe approve`.
pub(crate) fn approved(approved: &ApprovalView) -> String {
    let ApprovalView { tenant, run, hash: _, actor, approved_at, is_new } = approved;
    if *is_new {
        return format!(
            "the plan of run {run} of {tenant} is approved by {actor}; it goes on with the next tick of survey"
        );
    }
    format!("the plan of run {run} of {tenant} was approved before, by {actor} at {approved_at}")
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
