//! Reads what was given against the table: every fault by its field, none with a value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::time::EpochSeconds;
use crate::token::TokenId;

use super::table::{FIELDS, Form, Holds, MAX_SECONDS, REQUIRED, TOKEN, Verb, find_field, find_form};
use super::{
    COMMAND_VERSION, Command, Group, HoldTarget, IdempotencyKey, MAX_TOKENS, Order, Part, Rejected, Target,
};

/// The fields of a JSON object, with those that were given more than once: `serde_json` alone would keep the last.
pub(super) struct Given {
    fields: BTreeMap<String, Value>,
    repeated: BTreeSet<String>,
}

/// What a form's fields hold.
#[derive(Default)]
pub(super) struct Values(BTreeMap<&'static str, Held>);

enum Held {
    /// A value that says nothing beyond being there.
    Known,
    Text(String),
    Tokens(Vec<TokenId>),
    Seconds(i64),
    Flag(bool),
}

impl Given {
    /// The command that these fields make, or all that is wrong with them.
    pub(super) fn check(&self) -> Result<(&'static Form, Values), Rejected> {
        let mut faults = Vec::new();
        for field in FIELDS.iter().filter(|field| self.repeated.contains(field.name)) {
            faults.push(format!("{}: is given more than once", field.name));
        }
        let values = self.values(&mut faults);
        let form = self.fields.get("command").and_then(Value::as_str).and_then(find_form);
        match form {
            Some(form) => self.check_fields(form, &mut faults),
            None => self.check_common(&mut faults),
        }
        let too_many = self.too_many_tokens();
        match form {
            Some(form) if faults.is_empty() => match too_many {
                None => Ok((form, values)),
                Some(fault) => Err(Rejected::TooLarge(fault)),
            },
            Some(_) | None => Err(Rejected::Faults(faults.into_iter().chain(too_many).collect())),
        }
    }

    /// Every known field's value, whether or not the command takes the field.
    fn values(&self, faults: &mut Vec<String>) -> Values {
        let mut values = Values::default();
        for field in &FIELDS {
            let Some(value) = self.fields.get(field.name) else { continue };
            match field.holds.read(value) {
                Ok(held) => drop(values.0.insert(field.name, held)),
                Err(fault) => faults.push(format!("{}: {fault}", field.name)),
            }
        }
        values
    }

    fn check_fields(&self, form: &Form, faults: &mut Vec<String>) {
        let missing = form.always().chain(if let [only] = form.either { *only } else { &[] }.iter().copied());
        faults.extend(missing.filter(|name| !self.has(name)).map(|name| format!("{name}: is missing")));
        let alternatives = form.either.concat();
        let chosen = |set: &&[&str]| alternatives.iter().all(|name| self.has(name) == set.contains(name));
        if form.either.len() > 1 && !form.either.iter().any(chosen) {
            faults.push(format!("this command takes either {}", form.alternatives()));
        }
        for field in FIELDS.iter().filter(|field| self.has(field.name) && !form.takes(field.name)) {
            faults.push(format!("{}: is not a field of this command", field.name));
        }
        let known = form.fields().map(|field| field.name).collect::<Vec<_>>().join(", ");
        self.check_unknown(&format!("this command takes {known}"), faults);
    }

    fn check_common(&self, faults: &mut Vec<String>) {
        faults
            .extend(REQUIRED.iter().filter(|name| !self.has(name)).map(|name| format!("{name}: is missing")));
        self.check_unknown("no command has such", faults);
    }

    fn check_unknown(&self, hint: &str, faults: &mut Vec<String>) {
        // A field's name may be a mistyped value, so it is counted and not quoted.
        let n_unknown = self.fields.keys().filter(|name| find_field(name).is_none()).count();
        if n_unknown > 0 {
            faults.push(format!("{n_unknown} unknown field(s); {hint}"));
        }
    }

    fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    fn too_many_tokens(&self) -> Option<String> {
        let tokens = self.fields.get("tokens")?.as_array()?;
        (MAX_TOKENS < tokens.len())
            .then(|| format!("tokens: at most {MAX_TOKENS} in one command; send the rest in another"))
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(GivenVisitor)
    }
}

struct GivenVisitor;

impl<'de> Visitor<'de> for GivenVisitor {
    type Value = Given;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Given, A::Error> {
        let mut given = Given { fields: BTreeMap::new(), repeated: BTreeSet::new() };
        while let Some((name, value)) = entries.next_entry::<String, Value>()? {
            if given.fields.contains_key(&name) {
                given.repeated.insert(name.clone());
            }
            given.fields.insert(name, value);
        }
        Ok(given)
    }
}

impl Holds {
    /// What a value holds, or what is wrong with it.
    fn read(self, value: &Value) -> Result<Held, String> {
        let held = match self {
            Self::Version => (whole(value) == i64::try_from(COMMAND_VERSION).ok()).then_some(Held::Known),
            Self::Word => value.as_str().and_then(find_form).map(|_| Held::Known),
            Self::Plain(plain) => text(value, |text| plain.admits(text)),
            Self::Text(rule) => text(value, |text| rule.admits(text)),
            Self::Tokens => return self.read_tokens(value),
            Self::Seconds => whole(value).filter(|at| (0..=MAX_SECONDS).contains(at)).map(Held::Seconds),
            Self::Flag => value.as_bool().map(Held::Flag),
            Self::True => (value.as_bool() == Some(true)).then_some(Held::Known),
        };
        held.ok_or_else(|| format!("must be {}", self.rule()))
    }

    /// Too many tokens are not counted as a fault here: a command that is only too large is answered as such.
    fn read_tokens(self, value: &Value) -> Result<Held, String> {
        let Some(given) = value.as_array().filter(|given| !given.is_empty()) else {
            return Err(format!("must be {}", self.rule()));
        };
        let tokens: Vec<TokenId> = given.iter().filter_map(token).collect();
        let n_bad = given.len().saturating_sub(tokens.len());
        if n_bad > 0 {
            return Err(format!("{n_bad} of {} are not right; must be {}", given.len(), self.rule()));
        }
        if tokens.iter().collect::<BTreeSet<_>>().len() < tokens.len() {
            return Err("names the same token twice".to_owned());
        }
        Ok(Held::Tokens(tokens))
    }
}

fn token(value: &Value) -> Option<TokenId> {
    let text = value.as_str().filter(|text| TOKEN.admits(text))?;
    TokenId::new(text).ok()
}

fn text(value: &Value, admits: impl Fn(&str) -> bool) -> Option<Held> {
    value.as_str().filter(|text| admits(text)).map(|text| Held::Text(text.to_owned()))
}

/// A whole number of at most 15 digits. JSON knows one kind of number, so `1.0` is whole as well.
fn whole(value: &Value) -> Option<i64> {
    if let Some(number) = value.as_i64() {
        return Some(number);
    }
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e15)?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 1e15")]
    let number = number as i64;
    Some(number)
}

impl Values {
    /// The command; `None` when a field is missing, which a checked form never lacks.
    pub(super) fn into_command(mut self, form: &Form) -> Option<Command> {
        let key = match self.text("idempotency_key") {
            None => None,
            Some(key) => Some(IdempotencyKey::new(key)?),
        };
        let (tenant, reason_text) = (self.text("tenant")?, self.text("reason_text"));
        let order = match form.verb {
            Verb::End(trigger) => Order::End {
                trigger,
                at: self.seconds(),
                erase_now: self.flag("erase_now"),
                target: self.target()?,
            },
            Verb::Read => Order::Read { tokens: self.tokens()?, at: self.seconds() },
            Verb::Created => Order::Created { tokens: self.tokens()?, event_id: self.text("event_id")? },
            Verb::Deleted => Order::Deleted { tokens: self.tokens()?, event_id: self.text("event_id")? },
            Verb::Hold => Order::Hold { target: self.hold_target()?, hold_id: self.text("hold_id")? },
            Verb::Release => Order::Release { target: self.hold_target()?, hold_id: self.text("hold_id")? },
            Verb::Reinstate => Order::Reinstate { tokens: self.tokens()? },
        };
        Some(Command { tenant, key, reason_text, order })
    }

    fn target(&mut self) -> Option<Target> {
        let Some(subject) = self.text("subject") else { return self.tokens().map(Target::Tokens) };
        let part = if let Some(session) = self.text("session") {
            Part::Session(session)
        } else if let Some(device) = self.text("device") {
            Part::Device(device)
        } else if let Some(family) = self.text("family") {
            Part::Family(family)
        } else {
            Part::Everything
        };
        Some(Target::Group(Group { subject, part }))
    }

    fn hold_target(&mut self) -> Option<HoldTarget> {
        match self.text("subject") {
            Some(subject) => Some(HoldTarget::Subject(subject)),
            None => self.tokens().map(HoldTarget::Tokens),
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.0.remove(name)? {
            Held::Text(text) => Some(text),
            Held::Known | Held::Tokens(_) | Held::Seconds(_) | Held::Flag(_) => None,
        }
    }

    fn tokens(&mut self) -> Option<Vec<TokenId>> {
        match self.0.remove("tokens")? {
            Held::Tokens(tokens) => Some(tokens),
            Held::Known | Held::Text(_) | Held::Seconds(_) | Held::Flag(_) => None,
        }
    }

    fn seconds(&mut self) -> Option<EpochSeconds> {
        match self.0.remove("at")? {
            Held::Seconds(at) => Some(EpochSeconds(at)),
            Held::Known | Held::Text(_) | Held::Tokens(_) | Held::Flag(_) => None,
        }
    }

    fn flag(&mut self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Held::Flag(true)))
    }
}
