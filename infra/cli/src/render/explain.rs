//! `lethe explain` as text.

use lethe_domain::reader::{ReaderAnswer, ReaderState};

use super::{CountView, ExplainView, RowView, field, or_dash};
use crate::commands::explain::HistoryEvent;

/// The answer to `lethe explain`.
pub(crate) fn explain(view: &ExplainView) -> String {
    let mut lines = vec![
        format!("a token of {}, {}: {}", view.tenant, view.standing, view.why),
        field("fingerprint", &view.fingerprint),
        field("a reader answers", reader_text(view.reader)),
    ];
    if let Some(n) = view.references {
        lines.push(field("copies told of by notices", references_text(n)));
    }
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
    if let Some(next) = &view.next {
        lines.extend([String::new(), format!("to let what waits that day leave: {next}")]);
    }
    lines.join("\n")
}

fn reader_text(reader: ReaderAnswer) -> String {
    let state = match reader.state {
        ReaderState::Active => "in service",
        ReaderState::Expired => "expired",
        ReaderState::CutOff => "cut off with its subject",
        ReaderState::Cooling => "out of service",
        ReaderState::Sentenced => "out of service, to be removed",
        ReaderState::Gone => "gone",
        ReaderState::Unknown => "unknown",
        ReaderState::Unreadable => "unreadable",
    };
    let back = if reader.may_return { "; a notice that it was read brings it back" } else { "" };
    format!("{}, {state}{back}", reader.status)
}

fn references_text(n: i64) -> String {
    match n {
        i64::MIN..=-1 => format!("{n}, drift: more were deleted than created, and it is kept"),
        0 => "0, a candidate that the next runs look for".to_owned(),
        1.. => n.to_string(),
    }
}

fn row_lines(row: &RowView) -> Vec<String> {
    let mut lines = vec![
        field("kind", &row.kind),
        field("shard", row.shard),
        field("version", row.version.0),
        field("created", row.created_at),
        field("last read", or_dash(row.last_read_at)),
        field("expires", or_dash(row.expires_at)),
    ];
    if let Some(since) = row.cooling_since {
        lines.push(field("out of service since", since));
    }
    let given = [
        ("leaves the vault from", row.purge_at.map(|at| at.to_string())),
        ("looked at next", row.due_at.map(|at| at.to_string())),
        ("waits for the day", row.waits_for.map(|day| day.to_string())),
        ("decided by config version", row.policy.map(|policy| policy.to_string())),
        ("by", row.by.clone()),
        ("in their words", row.reason_text.clone()),
        ("legal hold", row.hold.clone()),
        ("legal hold on its subject", row.subject_hold.clone()),
        ("its subject was cut off at", row.cut_off_at.map(|at| at.to_string())),
    ];
    lines.extend(given.into_iter().filter_map(|(label, value)| Some(field(label, value?))));
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
    let moved = event.from.zip(event.to).filter(|(from, to)| from != to);
    let step = moved.map(|(from, to)| format!("{from} to {to}"));
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
