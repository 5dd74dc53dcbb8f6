//! The command budget as text: what was approved, and what waits.

use super::{BudgetView, CommandsApproved, DayView, field};

/// The answer to `lethe approve-commands`.
pub(crate) fn commands_approved(approved: &CommandsApproved) -> String {
    let CommandsApproved { tenant, day, n_spent, limit, actor, approved_at, day_ends_at, .. } = approved;
    let mut lines = vec![
        format!("command budget of {tenant} on the day from {day} to {day_ends_at}"),
        field("spent", format!("{n_spent} tokens, up to {limit} leave without a person as things are now")),
    ];
    if let Some((actor, at)) = approved.approved_before_by.as_ref().zip(approved.approved_before_at) {
        lines.push(field("approved before", format!("by {actor} at {at}")));
    }
    lines.push(field("approved now", format!("by {actor} at {approved_at}")));
    lines.extend([
        String::new(),
        "each token that waits leaves the vault after its cool-off, unless it is held".to_owned(),
    ]);
    if approved_at < day_ends_at {
        lines.push(
            "what commands end from now on is not covered; `lethe status` shows if it waits".to_owned(),
        );
    }
    lines.join("\n")
}

/// The lines of a tenant's budget in `lethe status`.
pub(super) fn budget_lines(tenant: &str, budget: &BudgetView) -> Vec<String> {
    let BudgetView { limit, today, waiting } = budget;
    let rest = rest_of(tenant, today);
    let text = format!("{} tokens spent, up to {limit} leave without a person{rest}", today.n_spent);
    let mut lines = vec![field("command budget of today", text)];
    for day in waiting {
        let text = format!("{} tokens spent{}", day.n_spent, rest_of(tenant, day));
        lines.push(field(&format!("  on {}", day.day), text));
    }
    lines
}

fn rest_of(tenant: &str, day: &DayView) -> String {
    let approved = match (&day.approved_by, day.approved_at) {
        (Some(actor), Some(at)) => {
            let n = day.n_approved.map_or_else(String::new, |n| format!("{n} of them "));
            format!(", {n}approved by {actor} at {at}")
        }
        _ => String::new(),
    };
    let waits = if day.waits {
        format!("; some WAIT to be removed: lethe approve-commands {tenant} {}", day.day.0)
    } else {
        String::new()
    };
    format!("{approved}{waits}")
}
