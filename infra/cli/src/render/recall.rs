//! What a run measured of tokens whose fate is known, as text.

use lethe_domain::witness::{Measured, Witnesses};

use super::field;

/// A line for each kind, and one for references without a token; nothing where nothing was measured.
pub(super) fn recall_lines(measured: &Measured) -> Vec<String> {
    let kinds = measured.witnesses.iter();
    let mut lines: Vec<String> =
        kinds.map(|(kind, witnesses)| field(&format!("recall of {kind}"), recall_text(*witnesses))).collect();
    let elsewhere = measured.n_elsewhere();
    if elsewhere > 0 {
        lines.push(field(
            "held by an unknown store",
            format!("{elsewhere} tokens that were read and are in no source"),
        ));
    }
    let dangling = measured.dangling;
    if dangling.n_tokens > 0 {
        let at_least = if dangling.is_cut { "at least " } else { "" };
        let text = format!("to {at_least}{} tokens that the vault does not have", dangling.n_tokens);
        lines.push(field("references that dangle", text));
    }
    lines
}

fn recall_text(witnesses: Witnesses) -> String {
    let Witnesses { n_witnesses, n_found } = witnesses;
    match witnesses.recall().zip(witnesses.lower_bound()) {
        None => "not measured: no token of it was read lately".to_owned(),
        Some((recall, least)) => {
            format!("{recall}, at least {least}: {n_found} of {n_witnesses} tokens read lately were found")
        }
    }
}
