//! Pauses as text.

use super::{FreezeView, PauseView, Paused, Resumed, StatusView, TenantView, field};

/// The answer to `lethe pause`.
pub(crate) fn paused(paused: &Paused) -> String {
    let Paused { pause, is_new } = paused;
    let before = if *is_new { "" } else { "was paused before; nothing changed: " };
    let drains = if pause.freezes {
        "reconcile lifts the dates of removal with its next ticks, and removes nothing; `lethe status` shows how far it is"
    } else {
        "what has a date of removal already still leaves; `lethe pause --freeze` takes those dates back"
    };
    [
        format!("{before}{}", pause_text(pause)),
        drains.to_owned(),
        "commands still end tokens, without a date; reads and `reinstate` still bring back".to_owned(),
        format!("to go on: {}", resume_command(pause)),
    ]
    .join("\n")
}

/// The answer to `lethe resume`.
pub(crate) fn resumed(resumed: &Resumed) -> String {
    let Resumed { ended, still } = resumed;
    let mut lines = vec![match ended {
        Some(pause) => format!("ended: {}", pause_text(pause)),
        None => "there was no pause to end".to_owned(),
    }];
    lines
        .extend(still.iter().map(|pause| format!("still {} ({})", pause_text(pause), resume_command(pause))));
    lines.join("\n")
}

/// The pause of all tenants, before everything else in `lethe status`.
pub(super) fn pause_of_all(status: &StatusView) -> Vec<String> {
    let pauses = status.tenants.iter().flat_map(|tenant| &tenant.pauses);
    let of_all = pauses.filter(|pause| pause.tenant.is_none()).take(1);
    of_all.flat_map(|pause| [pause_text(pause), String::new()]).collect()
}

/// A tenant's own pause, and how far a freeze has come, before everything else about the tenant.
pub(super) fn own_pause_lines(tenant: &TenantView) -> Vec<String> {
    let own = tenant.pauses.iter().filter(|pause| pause.tenant.is_some());
    let mut lines: Vec<String> = own.map(|pause| field("PAUSED", since_text(pause))).collect();
    if let Some(FreezeView { n_shards_done, n_shards }) = tenant.freeze {
        let text = if n_shards_done < n_shards {
            format!("dates of removal lifted in {n_shards_done} of {n_shards} shards")
        } else {
            "no date of removal is left; looked at again each 12 h".to_owned()
        };
        lines.push(field("frozen", text));
    }
    lines
}

fn pause_text(pause: &PauseView) -> String {
    let whom =
        pause.tenant.as_ref().map_or_else(|| "every tenant".to_owned(), |tenant| format!("tenant {tenant}"));
    format!("PAUSED: {whom}, {}", since_text(pause))
}

fn since_text(pause: &PauseView) -> String {
    let frozen = if pause.freezes { ", frozen" } else { "" };
    let why = pause.reason.as_ref().map_or_else(|| ", no reason given".to_owned(), |why| format!(": {why}"));
    format!("since {} by {}{frozen}{why}", pause.since, pause.actor)
}

fn resume_command(pause: &PauseView) -> String {
    pause.tenant.as_ref().map_or_else(|| "lethe resume".to_owned(), |tenant| format!("lethe resume {tenant}"))
}
