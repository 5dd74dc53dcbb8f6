//! `lethe status` as text.

use super::{FILL_WARNING_PERCENT, RunView, StatusView, TenantView, field, or_dash, word_of};

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

fn deletion_text(tenant: &TenantView) -> String {
    let Some(deletion) = &tenant.first_deletion else { return "none in sight".to_owned() };
    let sooner = if tenant.first_deletion_is_exact {
        ""
    } else {
        "; the vault is too large to look at every row, one that was ended by a command may leave sooner"
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
