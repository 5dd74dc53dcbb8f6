//! `lethe canary` as text.

use super::field;
use crate::commands::canary::{CanariesView, CanaryDone, CanaryView};

/// The answer to `lethe canary plant`.
pub(crate) fn canary_planted(done: &CanaryDone) -> String {
    let CanaryDone { tenant, is_new, canary } = done;
    let already = if *is_new { "" } else { "already " };
    let mut lines =
        vec![format!("the canary of source {} of {tenant} is {already}planted in the vault", canary.source)];
    lines.push(format!("the tenant puts this into {}:", canary.place));
    lines.extend(canary.lines.iter().map(|line| format!("  {line}")));
    lines.push(format!(
        "it stays there for good: from the end of the grace on (canary_grace) a run that does not see it there is void; \
         `lethe canary list {tenant}` tells whether the last run saw it"
    ));
    lines.join("\n")
}

/// The answer to `lethe canary retire`.
pub(crate) fn canary_retired(done: &CanaryDone) -> String {
    let CanaryDone { tenant, is_new, canary } = done;
    if !is_new {
        return format!(
            "the canary of source {} of {tenant} was retired by somebody else just now",
            canary.source
        );
    }
    let mut lines = vec![format!(
        "the canary of source {} of {tenant} is retired; runs look for it no more",
        canary.source
    )];
    lines.push(format!("the tenant may take this out of {}:", canary.place));
    lines.extend(canary.lines.iter().map(|line| format!("  {line}")));
    lines.join("\n")
}

/// The answer to `lethe canary list`.
pub(crate) fn canaries(view: &CanariesView) -> String {
    let mut lines = vec![format!("canaries of {}", view.tenant)];
    for canary in &view.canaries {
        lines.extend(canary_lines(canary));
    }
    for source in &view.without {
        lines.push(field(
            source,
            format!("none: plant one with `lethe canary plant {} {source}`", view.tenant),
        ));
    }
    lines.join("\n")
}

fn canary_lines(canary: &CanaryView) -> Vec<String> {
    let look = match &canary.last_look {
        None => "no run has looked for it yet".to_owned(),
        Some((run, true)) => format!("run {run} saw it"),
        Some((run, false)) => format!("run {run} DID NOT SEE IT"),
    };
    let mut lines = vec![
        field(&canary.source, format!("planted at {} by {}; {look}", canary.planted_at, canary.planted_by)),
        field("", format!("in {}:", canary.place)),
    ];
    lines.extend(canary.lines.iter().map(|line| field("", line)));
    lines
}
