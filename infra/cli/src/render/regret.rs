//! What came of what was taken out of service, as text.

use lethe_domain::regret::RegretCount;

use super::{RegretView, RunView, TenantView, field};

/// How many policies are shown.
const SHOWN: usize = 12;

/// A line for each kind, trigger and config version that took tokens; nothing where none did.
pub(super) fn regret_lines(tenant: &TenantView) -> Vec<String> {
    let shown = tenant.regret.iter().take(SHOWN).enumerate();
    let mut lines: Vec<String> = shown
        .map(|(at, view)| field(if at == 0 { "taken and regretted" } else { "" }, regret_text(view)))
        .collect();
    let n_more = tenant.regret.len().saturating_sub(SHOWN);
    if 0 < n_more {
        lines.push(field("", format!("and {n_more} of earlier versions; see --json")));
    }
    lines
}

fn regret_text(view: &RegretView) -> String {
    let kind = if view.policy.kind.is_empty() { "unknown kind" } else { &view.policy.kind };
    let version = match view.policy.config {
        0 => "unknown version".to_owned(),
        version => format!("version {version}"),
    };
    let share = view.per_ten_thousand.map_or_else(String::new, |share| {
        format!(" ({}.{:02} %)", share.div_euclid(100), share.rem_euclid(100))
    });
    format!("{kind} {}, {version}: {}{share}", view.policy.trigger.as_str(), count_text(view.count))
}

fn count_text(count: RegretCount) -> String {
    let RegretCount { n_taken, n_revived, n_asked_after } = count;
    // Whoever decided last may have taken none of them out of service itself.
    let taken = if n_taken == 0 { String::new() } else { format!("{n_taken} taken, ") };
    format!("{taken}{n_revived} came back, {n_asked_after} asked for after they had left")
}

/// What came of one run; nothing where it took none.
pub(super) fn run_regret_text(run: &RunView) -> Option<String> {
    run.regret.map(count_text)
}
