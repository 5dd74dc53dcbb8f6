//! `lethe explain` as text.

use super::{CountView, ExplainView, RowView, field, or_dash};
use crate::commands::explain::HistoryEvent;

/// The answer to `lethe explain`.
pub(crate) fn explain(view: &ExplainView) -> String {
    let mut lines = vec![
        format!("a token of {}, {}: {}", view.tenant, view.standing, view.why),
        field("fingerprint", &view.fingerprint),
    ];
    if let Some(row) = &view.row {
        lines.extend(row_lines(row));
    }
    if !view.counts.is_empty() {
        lines.extend([String::new(), "found by the last sealed runs".to_owned()]);
        lines.extend(view.counts.iter().map(count_line));
    }
    lines.extend([String::new(), "on record".to_owned()]);
    if view.history.is_empty() {
        lines.push("  nothing".to_owned());
    }
    lines.extend(view.history.iter().map(history_line));
    lines.join("\n")
}

fn row_lines(row: &RowView) -> Vec<String> {
    let mut lines = vec![
        field("kind", &row.kind),
        field("shard", row.shard),
        field("good to a reader", if row.is_good { "yes" } else { "no" }),
        field("version", row.version.0),
        field("created", row.created_at),
        field("last read", or_dash(row.last_read_at)),
        field("expires", or_dash(row.expires_at)),
    ];
    if let Some(since) = row.cooling_since {
        lines.push(field("out of service since", since));
    }
    if let Some(at) = row.purge_at {
        lines.push(field("leaves the vault from", at));
    }
    if let Some(policy) = row.policy {
        lines.push(field("decided by config version", policy));
    }
    if let Some(hold) = &row.hold {
        lines.push(field("legal hold", hold));
    }
    lines
}

fn count_line(count: &CountView) -> String {
    let references = match count.references {
        Some(1) => "1 reference".to_owned(),
        Some(n) => format!("{n} references"),
        None => "not counted".to_owned(),
    };
    let strikes = count.strikes.map_or_else(String::new, |strikes| format!(", strike {strikes}"));
    format!("  run {} (scan began {}): {references}{strikes}", count.run, count.scan_started_at)
}

fn history_line(event: &HistoryEvent) -> String {
    let step = event.from.zip(event.to).map(|(from, to)| format!("{from} to {to}"));
    let labelled = [
        ("because", event.reason.map(|reason| reason.as_str().to_owned())),
        ("run", event.run.clone()),
        ("config version", event.policy.map(|policy| policy.to_string())),
        ("by", event.actor.clone()),
        ("object", event.object.clone()),
        ("version", event.object_version.clone()),
        ("locked until", event.retain_until.map(|until| until.to_string())),
        ("note:", event.text.clone()),
    ];
    let labelled = labelled.into_iter().filter_map(|(label, value)| Some(format!("{label} {}", value?)));
    let what = [Some(event.event.as_str().to_owned()), step].into_iter().flatten().chain(labelled);
    format!("  {}  {}", event.at, what.collect::<Vec<_>>().join(", "))
}
