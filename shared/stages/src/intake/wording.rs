//! Keeps secrets out of what callers write for the record.

use lethe_domain::command::{Command, HoldTarget, Order, Target};
use lethe_domain::extract::Extractor;
use lethe_domain::format::TokenFormat;
use lethe_domain::token::TokenId;

/// Whether the reason text holds a token of the tenant's formats, or a token or the subject that the command names.
pub(super) fn names_a_secret(command: &Command, formats: &[(&str, &TokenFormat)]) -> bool {
    let Some(text) = &command.reason_text else { return false };
    let formats: Vec<TokenFormat> = formats.iter().map(|(_, format)| (*format).clone()).collect();
    let mut found = false;
    Extractor::new(&formats).scan(text.as_bytes(), &mut |_| found = true);
    found || secrets_of(&command.order).iter().any(|secret| text.contains(secret))
}

fn secrets_of(order: &Order) -> Vec<&str> {
    match order {
        Order::End { target: Target::Tokens(tokens), .. }
        | Order::Hold { target: HoldTarget::Tokens(tokens), .. }
        | Order::Release { target: HoldTarget::Tokens(tokens), .. }
        | Order::Read { tokens, .. }
        | Order::Created { tokens, .. }
        | Order::Deleted { tokens, .. }
        | Order::Reinstate { tokens } => tokens.iter().map(TokenId::expose).collect(),
        Order::End { target: Target::Group(group), .. } => vec![group.subject.as_str()],
        Order::Hold { target: HoldTarget::Subject(subject), .. }
        | Order::Release { target: HoldTarget::Subject(subject), .. } => vec![subject.as_str()],
    }
}
