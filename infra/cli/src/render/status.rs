//! `lethe status` as text.

use super::budget::budget_lines;
use super::{
    FILL_WARNING_PERCENT, FanOutView, FanOutsView, RunView, StatusView, TenantView, field, or_dash, word_of,
};

/// The answer to `lethe status`.
pub(crate) fn status(status: &StatusView) -> String {
    let mut lines = vec![format!("config version {}, at {}", status.config, status.now)];
    for tenant in &status.tenants {
        lines.push(String::new());
        lines.extend(tenant_lines(tenant));
    }
    lines.join("\n")
}

fn tenant_lines(tenant: &TenantView) -> Vec<String> {
    let mut lines = vec![
        tenant.tenant.to_string(),
        field("kinds", tenant.kinds.join(", ")),
        field("sources", if tenant.sources.is_empty() { "-".to_owned() } else { tenant.sources.join(", ") }),
        field("shards", shards_text(tenant)),
        field("tokens", tokens_text(tenant)),
        field("next run", or_dash(tenant.next_run_at)),
        field("first deletion to come", deletion_text(tenant)),
    ];
    if let Some(waits) = &tenant.waits {
        let text = match &waits.approved_by {
            Some(actor) => format!("run {}: approved by {actor}, goes on with the next tick", waits.run),
            None => format!("run {}: see `lethe plan {} {}`", waits.run, tenant.tenant, waits.run),
        };
        lines.push(field("waits for approval", text));
    }
    lines.extend(budget_lines(tenant.tenant.as_str(), &tenant.budget));
    lines.extend(fan_out_lines(&tenant.fan_outs));
    if tenant.reports_only {
        let hint = "runs end as reports: nothing leaves service until the stack's Mode is act";
        lines.push(field("mode", hint));
    }
    if tenant.runs.is_empty() {
        lines.push(field("runs", "none yet"));
    }
    for (at, run) in tenant.runs.iter().enumerate() {
        lines.push(field(if at == 0 { "runs" } else { "" }, run_text(run)));
    }
    lines
}

fn shards_text(tenant: &TenantView) -> String {
    let Some((rows, fill)) = tenant.rows.zip(tenant.fill_percent) else {
        return format!("{}, fill not known before the first plan", tenant.shards);
    };
    let warning = if FILL_WARNING_PERCENT <= fill {
        " - TOO FULL: the count is fixed for life, so plan to move to a tenant with more shards"
    } else {
        ""
    };
    format!("{}, {rows} rows, {fill} % full{warning}", tenant.shards)
}

fn tokens_text(tenant: &TenantView) -> String {
    tenant.tokens.map_or_else(
        || "not known before reconcile has walked the vault once".to_owned(),
        |tokens| format!("{tokens} at reconcile's last walk"),
    )
}

/// The commands that still reach tokens; nothing where there are none.
fn fan_out_lines(fan_outs: &FanOutsView) -> Vec<String> {
    let FanOutsView { n_open, is_cut, ends_tokens: _, oldest } = fan_outs;
    if *n_open == 0 {
        return Vec::new();
    }
    let at_least = if *is_cut { "at least " } else { "" };
    let shown = if oldest.len() < *n_open { ", the oldest:" } else { "" };
    let mut lines = vec![field("commands under way", format!("{at_least}{n_open}{shown}"))];
    lines.extend(oldest.iter().map(|fan_out| field("", fan_out_text(fan_out))));
    lines
}

fn fan_out_text(fan_out: &FanOutView) -> String {
    let FanOutView { command, reaches, started_at, n_parts_done, n_parts, n_changed, n_kept, .. } = fan_out;
    let stuck = if fan_out.is_stuck { " - STUCK: see the log of reconcile" } else { "" };
    format!(
        "{command}, {reaches}, since {started_at} by {}: {n_parts_done} of {n_parts} parts, {n_changed} tokens \
         changed, {n_kept} left as they are{stuck}",
        fan_out.actor
    )
}

fn deletion_text(tenant: &TenantView) -> String {
    let Some(deletion) = &tenant.first_deletion else { return "none in sight".to_owned() };
    let sooner = if !tenant.first_deletion_is_exact {
        "; the vault is too large to look at every row, one that was ended by a command may leave sooner"
    } else if tenant.fan_outs.ends_tokens {
        "; what the commands under way still reach may leave sooner"
    } else {
        ""
    };
    let acting = if tenant.reports_only { "none in report mode; acting, " } else { "" };
    format!("{acting}not before {}: {}{sooner}", deletion.at, deletion.because)
}

fn run_text(run: &RunView) -> String {
    let plan_only = if run.plan_only { ", plan only" } else { "" };
    let resumes = run.resume_at.map_or_else(String::new, |at| format!(", goes on from {at}"));
    let note = run.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
    format!("{} {} {}{plan_only}{resumes}{note}", run.run, word_of(run.purpose), run.stage.as_str())
}
