//! `lethe verify` as text.

use lethe_domain::replay::About;
use lethe_stages::verify::{Counted, Progress, Reading};

use super::field;
use crate::commands::verify::{FaultView, VerifyView};

/// How many tokens or versions of one fault are printed; `--json` names more.
const PRINTED: usize = 20;

/// The answer to `lethe verify`.
pub(crate) fn verified(view: &VerifyView) -> String {
    let Counted { n_rows, n_unreadable, n_entries, n_objects, n_versions } = view.counted;
    let verdict = match view.n_faults {
        0 => "the record, the vault and the archive agree".to_owned(),
        n => format!("{n} DO NOT ADD UP"),
    };
    let mut lines = vec![
        format!("{}: {verdict}", view.tenant),
        field("tokens in the vault", n_rows),
        field("entries on record", n_entries),
        field("objects archived into", n_objects),
        field("versions in the archive", format!("{n_versions}, of every tenant")),
    ];
    if 0 < n_unreadable {
        let text = format!("{n_unreadable}, not judged; they may be among those that seem to be gone");
        lines.push(field("rows not understood", text));
    }
    if 0 < view.n_too_recent {
        let text =
            format!("{}: what happened in the last minutes may not be on record yet", view.n_too_recent);
        lines.push(field("too recent to judge", text));
    }
    lines.extend(view.faults.iter().flat_map(fault_lines));
    lines.join("\n")
}

/// One line of progress.
pub(crate) fn verifying(Progress { reading, n }: &Progress) -> String {
    let word = match reading {
        Reading::Rows => "rows of the vault",
        Reading::Entries => "entries of the record",
        Reading::Versions => "versions of the archive",
    };
    format!("{n} {word} read")
}

/// What is said before what seems wrong is looked at again.
pub(crate) fn waiting(seconds: u32) -> String {
    format!("something seems wrong; the record may lag behind, so all is looked at again in {seconds} s")
}

fn fault_lines(class: &FaultView) -> Vec<String> {
    let FaultView { fault, meaning, n, named } = class;
    let mut lines = vec![String::new(), format!("{}, {n}: {meaning}", fault.as_str())];
    lines.extend(named.iter().take(PRINTED).map(about_line));
    let rest = n.saturating_sub(named.len().min(PRINTED) as u64);
    if 0 < rest {
        lines.push(format!("  and {rest} more; --json names up to 1000 of a class"));
    }
    lines
}

fn about_line(about: &About) -> String {
    match about {
        About::Token { fingerprint, version } => format!("  token {fingerprint} at version {}", version.0),
        About::Archived { key, version } => format!("  object {key} version {version}"),
    }
}
