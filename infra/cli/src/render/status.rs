//! `lethe status` as text.

use lethe_domain::config::floors::{WEAK_COOL_OFF, WEAK_STRIKES};
use lethe_domain::config::show_duration;

use super::budget::budget_lines;
use super::pause::{own_pause_lines, pause_of_all};
use super::recall::recall_lines;
use super::regret::{regret_lines, run_regret_text};
use super::{
    CadenceView, FILL_WARNING_PERCENT, FanOutView, FanOutsView, FeedView, FirstPurgeView, RunView,
    StatusView, TenantView, Waiting, WindowView, field, or_dash, persons_text, word_of,
};

/// The answer to `lethe status`.
pub(crate) fn status(status: &StatusView) -> String {
    // Before everything else: whoever looks must not take a pause for quiet.
    let mut lines = pause_of_all(status);
    lines.push(format!("config version {}, at {}", status.config, status.now));
    for tenant in &status.tenants {
        lines.push(String::new());
        lines.extend(tenant_lines(tenant));
    }
    lines.join("\n")
}

fn tenant_lines(tenant: &TenantView) -> Vec<String> {
    let mut lines = vec![tenant.tenant.to_string()];
    lines.extend(own_pause_lines(tenant));
    lines.extend([
        field("kinds", tenant.kinds.join(", ")),
        field("sources", if tenant.sources.is_empty() { "-".to_owned() } else { tenant.sources.join(", ") }),
        field("shards", shards_text(tenant)),
        field("tokens", tokens_text(tenant)),
    ]);
    lines.extend(tenant.cadence.as_ref().map(|cadence| field("cadence", cadence_text(cadence))));
    lines.extend(tenant.window.as_ref().map(|window| field("window", window_text(window))));
    lines.extend([
        field("next run", or_dash(tenant.next_run_at)),
        field("first deletion to come", deletion_text(tenant)),
    ]);
    if let Some(text) = weak_text(tenant) {
        lines.push(field("weak sources", text));
    }
    lines.extend(recall_lines(&tenant.measured));
    if let Some(waits) = &tenant.waits {
        lines.push(field("waits for approval", waiting_text(waits, tenant)));
    }
    lines.extend(tenant.first_purge.as_ref().map(|purge| field("first purge", first_purge_text(purge))));
    if tenant.n_late_uses > 0 {
        let text =
            format!("{} tokens that had been found unused; they are back in service", tenant.n_late_uses);
        lines.push(field("read today after all", text));
    }
    lines.extend(budget_lines(tenant.tenant.as_str(), &tenant.budget));
    lines.extend(fan_out_lines(&tenant.fan_outs));
    lines.extend(tenant.read_feed.as_ref().map(|feed| field("read feed", feed_text(feed))));
    lines.extend(regret_lines(tenant));
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

/// Which sources are weak, why, and what follows from it.
fn weak_text(tenant: &TenantView) -> Option<String> {
    let names = (!tenant.weak_sources.is_empty()).then(|| tenant.weak_sources.join(", "))?;
    Some(format!(
        "{names} - what changes there during a scan is not found, because no attribute says when an item changed. So this \
         tenant's tokens need {WEAK_STRIKES} strikes and a cool-off of {} at least, and a run during which objects vanish \
         is void. Set `changed_at` in the config to end this",
        show_duration(WEAK_COOL_OFF)
    ))
}

fn cadence_text(cadence: &CadenceView) -> String {
    format!("{}, next slot {}", cadence.every, or_dash(cadence.next_slot))
}

fn window_text(window: &WindowView) -> String {
    let WindowView { hours, is_open, until } = window;
    if *is_open { format!("{hours}, open until {until}") } else { format!("{hours}, closed until {until}") }
}

fn waiting_text(waits: &Waiting, tenant: &TenantView) -> String {
    let Waiting { run, hash: _, approvals, n_missing } = waits;
    let persons: Vec<&str> = approvals.iter().map(|approved| approved.by.as_str()).collect();
    let so_far =
        if persons.is_empty() { String::new() } else { format!("approved by {}, ", persons.join(" and ")) };
    if *n_missing == 0 {
        return format!("run {run}: {so_far}goes on with the next tick");
    }
    let more = if persons.is_empty() { "" } else { "more " };
    format!(
        "run {run}: {so_far}needs {}; see `lethe plan {} {run}`",
        persons_text(*n_missing, more),
        tenant.tenant
    )
}

fn first_purge_text(purge: &FirstPurgeView) -> String {
    let FirstPurgeView { n_taken, n_slices, n_deferred, n_days, approved_by, approved_at, stopped } = purge;
    let left = format!("{n_taken} tokens taken in {n_slices} slices, {n_deferred} left");
    let approved = approved_at.map_or_else(
        || "not approved yet".to_owned(),
        |at| format!("approved by {} at {at}", approved_by.join(" and ")),
    );
    match stopped {
        Some(why) => format!("{left}; STOPPED: {why}; the next plan waits for a new approval"),
        None => format!("{left}, a slice a day for {n_days} days; {approved}"),
    }
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

pub(super) fn feed_text(feed: &FeedView) -> String {
    let FeedView { is_trusted, proven_until, proven_percent } = feed;
    if *is_trusted {
        return "trusted by the config: silence is idleness by the clock alone".to_owned();
    }
    match proven_until {
        None => {
            "NOT PROVEN, so nothing goes idle: let whoever tells of reads read a canary each hour".to_owned()
        }
        Some(until) => format!("proven until {until}, {proven_percent} % of the last 168 hours"),
    }
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
    let regret = run_regret_text(run).map_or_else(String::new, |text| format!(", {text}"));
    format!("{} {} {}{plan_only}{resumes}{regret}{note}", run.run, word_of(run.purpose), run.stage.as_str())
}
