//! Keeps secrets out of what callers write for the record.

use lethe_domain::command::{Command, HoldTarget, Order, Part, Target};
use lethe_domain::extract::Extractor;
use lethe_domain::format::TokenFormat;
use lethe_domain::source::Encodings;
use lethe_domain::token::{TokenId, token_digest};

/// Whether the reason text holds a token of the tenant's formats, or a token or the subject that the command names.
pub(super) fn names_a_secret(command: &Command, formats: &[(&str, &TokenFormat)]) -> bool {
    let Some(text) = &command.reason_text else { return false };
    let formats: Vec<TokenFormat> = formats.iter().map(|(_, format)| (*format).clone()).collect();
    let mut found = false;
    Extractor::new(&formats, &Encodings::default()).scan(text.as_bytes(), &mut |_| found = true);
    let secrets = secrets_of(&command.order);
    // A bearer token is named by its digest; its words would be the token itself.
    let is_named = |word: &str| secrets.contains(&hex::encode(token_digest(word.as_bytes())).as_str());
    let words = || text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_.~+/=".contains(c));
    found || secrets.iter().any(|secret| text.contains(secret)) || words().any(is_named)
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
        Order::End { target: Target::Group(group), .. } => {
            let part = match &group.part {
                Part::Everything => None,
                Part::Session(id) | Part::Device(id) | Part::Family(id) => Some(id.as_str()),
            };
            part.into_iter().chain([group.subject.as_str()]).collect()
        }
        Order::Hold { target: HoldTarget::Subject(subject), .. }
        | Order::Release { target: HoldTarget::Subject(subject), .. } => vec![subject.as_str()],
    }
}
