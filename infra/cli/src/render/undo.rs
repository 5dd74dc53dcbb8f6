//! `lethe undo` as text.

use super::{LeftView, UndoView, field};

/// How many archive objects are named; the answer in JSON names all.
const OBJECTS_SHOWN: usize = 10;

/// One line of a running order.
pub(crate) fn undo_progress(undo: &UndoView) -> String {
    format!("{} tokens are back; reconcile goes on with each tick", undo.tally.n_reinstated)
}

/// An order that was just given.
pub(crate) fn undo_ordered(undo: &UndoView) -> String {
    let UndoView { tenant, run, .. } = undo;
    let by = undo.ordered_by.as_deref().unwrap_or("-");
    let at = undo.ordered_at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let head = if undo.is_new { "the order is written down" } else { "there is an order already" };
    format!(
        "undo of run {run} of {tenant}: {head}, by {by} at {at}; reconcile works it off, whether anybody looks or not"
    )
}

/// What became of an order, or would.
pub(crate) fn undone(undo: &UndoView) -> String {
    let UndoView { tenant, run, tally, .. } = undo;
    let (head, back) = match (&undo.ordered_by, undo.done_at) {
        (None, _) => {
            (format!("an undo of run {run} of {tenant} would do this; nothing was written"), "to bring back")
        }
        (Some(actor), Some(at)) => {
            (format!("run {run} of {tenant} is undone, ordered by {actor}, done at {at}"), "brought back")
        }
        (Some(actor), None) => (
            format!("undo of run {run} of {tenant}, ordered by {actor}, is under way"),
            "brought back so far",
        ),
    };
    let mut lines = vec![head, field(back, tally.n_reinstated)];
    for (label, n) in [
        ("in service already", tally.n_in_service),
        ("kept: ended for another reason", tally.n_ended),
        ("kept: another run or idleness", tally.n_of_others),
        ("kept: not understood", tally.n_unreadable),
        ("not in the vault any more", tally.n_gone),
    ] {
        if n > 0 {
            lines.push(field(label, n));
        }
    }
    lines.extend(undo.left.iter().flat_map(left_lines));
    lines.join("\n")
}

fn left_lines(LeftView { n_archived, n_erased, objects }: &LeftView) -> Vec<String> {
    let mut lines = Vec::new();
    if *n_archived > 0 {
        lines.push(field("archived already", format!("{n_archived}, in {} objects", objects.len())));
        let shown = objects.iter().take(OBJECTS_SHOWN);
        lines.extend(shown.map(|(object, n)| field("", format!("{object}: {n}"))));
        if OBJECTS_SHOWN < objects.len() {
            lines.push(field("", "… all of them with --json"));
        }
        lines.push(
            "what is archived is not brought back by Lethe: read the objects with the break-glass role, or restore the \
             vault from its point-in-time recovery (7 days), and issue those tokens again; see the runbook, \"Undo a run\""
                .to_owned(),
        );
    }
    if *n_erased > 0 {
        lines.push(field(
            "gone without a copy",
            format!("{n_erased}; only point-in-time recovery has them, for 7 days"),
        ));
    }
    lines
}
