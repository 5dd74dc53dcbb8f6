//! A command as the JSON that [`Command::parse`] reads.

use serde_json::{Value, json};

use crate::time::EpochSeconds;
use crate::token::TokenId;

use super::table::find_form;
use super::{COMMAND_VERSION, Command, Group, HoldTarget, IdempotencyKey, Order, Part, Target};

impl Command {
    /// The command's text, for whoever sends it. It holds the tokens.
    pub fn to_json(&self) -> String {
        let order = &self.order;
        let group = order.group();
        let part = group.map(|group| &group.part);
        let everywhere = part == Some(&Part::Everything)
            && find_form(self.word()).is_some_and(|form| form.takes("everywhere"));
        let mut fields = json!({
            "v": COMMAND_VERSION,
            "tenant": self.tenant,
            "command": self.word(),
            "idempotency_key": self.key.as_ref().map(IdempotencyKey::as_str),
            "reason_text": self.reason_text,
            "tokens": order.tokens().map(|tokens| tokens.iter().map(TokenId::expose).collect::<Vec<_>>()),
            "at": order.at(),
            "subject": order.subject(),
            "session": part.and_then(Part::session),
            "device": part.and_then(Part::device),
            "family": part.and_then(Part::family),
            "everywhere": everywhere.then_some(true),
            "erase_now": matches!(order, Order::End { erase_now: true, .. }).then_some(true),
            "event_id": order.event_id(),
            "hold_id": order.hold_id(),
        });
        if let Some(fields) = fields.as_object_mut() {
            fields.retain(|_, value| *value != Value::Null);
        }
        fields.to_string()
    }
}

impl Order {
    /// The tokens that it names; `None` where it names a subject instead.
    pub fn tokens(&self) -> Option<&[TokenId]> {
        match self {
            Self::End { target: Target::Tokens(tokens), .. }
            | Self::Read { tokens, .. }
            | Self::Created { tokens, .. }
            | Self::Deleted { tokens, .. }
            | Self::Reinstate { tokens }
            | Self::Hold { target: HoldTarget::Tokens(tokens), .. }
            | Self::Release { target: HoldTarget::Tokens(tokens), .. } => Some(tokens),
            Self::End { target: Target::Group(_), .. }
            | Self::Hold { target: HoldTarget::Subject(_), .. }
            | Self::Release { target: HoldTarget::Subject(_), .. } => None,
        }
    }

    /// The subject that it names; `None` where it names tokens instead.
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::End { target: Target::Group(group), .. } => Some(&group.subject),
            Self::Hold { target: HoldTarget::Subject(subject), .. }
            | Self::Release { target: HoldTarget::Subject(subject), .. } => Some(subject),
            Self::End { target: Target::Tokens(_), .. }
            | Self::Read { .. }
            | Self::Created { .. }
            | Self::Deleted { .. }
            | Self::Reinstate { .. }
            | Self::Hold { target: HoldTarget::Tokens(_), .. }
            | Self::Release { target: HoldTarget::Tokens(_), .. } => None,
        }
    }

    fn group(&self) -> Option<&Group> {
        match self {
            Self::End { target: Target::Group(group), .. } => Some(group),
            Self::End { target: Target::Tokens(_), .. }
            | Self::Read { .. }
            | Self::Created { .. }
            | Self::Deleted { .. }
            | Self::Reinstate { .. }
            | Self::Hold { .. }
            | Self::Release { .. } => None,
        }
    }

    fn at(&self) -> Option<EpochSeconds> {
        match self {
            Self::End { at, .. } | Self::Read { at, .. } => *at,
            Self::Created { .. }
            | Self::Deleted { .. }
            | Self::Hold { .. }
            | Self::Release { .. }
            | Self::Reinstate { .. } => None,
        }
    }

    fn event_id(&self) -> Option<&str> {
        match self {
            Self::Created { event_id, .. } | Self::Deleted { event_id, .. } => Some(event_id),
            Self::End { .. }
            | Self::Read { .. }
            | Self::Hold { .. }
            | Self::Release { .. }
            | Self::Reinstate { .. } => None,
        }
    }

    fn hold_id(&self) -> Option<&str> {
        match self {
            Self::Hold { hold_id, .. } | Self::Release { hold_id, .. } => Some(hold_id),
            Self::End { .. }
            | Self::Read { .. }
            | Self::Created { .. }
            | Self::Deleted { .. }
            | Self::Reinstate { .. } => None,
        }
    }
}

impl Part {
    fn session(&self) -> Option<&str> {
        match self {
            Self::Session(session) => Some(session),
            Self::Everything | Self::Device(_) | Self::Family(_) => None,
        }
    }

    fn device(&self) -> Option<&str> {
        match self {
            Self::Device(device) => Some(device),
            Self::Everything | Self::Session(_) | Self::Family(_) => None,
        }
    }

    fn family(&self) -> Option<&str> {
        match self {
            Self::Family(family) => Some(family),
            Self::Everything | Self::Session(_) | Self::Device(_) => None,
        }
    }
}
