//! What Lethe tells the world: events for applications and tenants, so that they learn what was taken out of service.
//! An event names tokens by their fingerprints only.

use serde_json::{Map, Value, json};

use crate::fingerprint::Fingerprint;
use crate::time::EpochSeconds;
use crate::token::TenantId;

/// The version of the events' form.
pub const EVENT_VERSION: u64 = 1;

/// The source that every event names.
pub const EVENT_SOURCE: &str = "lethe";

/// The most fingerprints in one event: the bus takes 256 KiB.
pub const MAX_FINGERPRINTS: usize = 1000;

/// What is announced. Other events stay in the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnnouncedEvent {
    /// Tokens went out of service and can come back, where their reason allows it.
    Cooled,
    /// Tokens will leave the vault at a set time.
    Sentenced,
    /// Tokens left the vault for a locked object.
    Archived,
    /// An archived version is gone for good.
    Purged,
    /// A run was void: nothing follows from it.
    RunVoid,
    /// A plan waits for a person.
    PlanWaiting,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutEvent {
    /// What happened.
    pub event: AnnouncedEvent,
    /// Whose tokens.
    pub tenant: TenantId,
    /// The run behind it.
    pub run: Option<String>,
    /// How many tokens, or objects where it is about objects.
    pub count: u64,
    /// The tokens; the first [`MAX_FINGERPRINTS`] of them are told. See [`OutEvent::pieces`].
    pub fingerprints: Vec<Fingerprint>,
    /// The archive object that it is about.
    pub object: Option<String>,
    /// What was said about it. Never a token.
    pub reason_text: Option<String>,
    /// When.
    pub at: EpochSeconds,
}

impl AnnouncedEvent {
    /// Every event that is announced.
    pub const ALL: [Self; 6] =
        [Self::Cooled, Self::Sentenced, Self::Archived, Self::Purged, Self::RunVoid, Self::PlanWaiting];

    /// The word in the event, and its detail type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cooled => "cooled",
            Self::Sentenced => "sentenced",
            Self::Archived => "archived",
            Self::Purged => "purged",
            Self::RunVoid => "run_void",
            Self::PlanWaiting => "plan_waiting",
        }
    }
}

/// One field of an event: its name, whether it is always there, what it is, and its schema.
struct Field {
    name: &'static str,
    is_required: bool,
    about: &'static str,
    schema: fn() -> Value,
    value: fn(&OutEvent) -> Value,
}

/// Every field of an event, for the writer and for the schema.
const FIELDS: [Field; 9] = [
    Field {
        name: "v",
        is_required: true,
        about: "The version of this form.",
        schema: || json!({ "const": EVENT_VERSION }),
        value: |_| json!(EVENT_VERSION),
    },
    Field {
        name: "event",
        is_required: true,
        about: "What happened; the event's detail type says the same.",
        schema: || json!({ "enum": AnnouncedEvent::ALL.map(AnnouncedEvent::as_str) }),
        value: |event| json!(event.event.as_str()),
    },
    Field {
        name: "tenant",
        is_required: true,
        about: "Whose tokens.",
        schema: || json!({ "type": "string", "pattern": "^[a-z0-9-]{1,64}$" }),
        value: |event| json!(event.tenant.as_str()),
    },
    Field {
        name: "run",
        is_required: false,
        about: "The run behind it.",
        schema: || json!({ "type": "string" }),
        value: |event| json!(event.run),
    },
    Field {
        name: "count",
        is_required: true,
        about: "How many tokens, or objects where it is about objects.",
        schema: || json!({ "type": "integer", "minimum": 0 }),
        value: |event| json!(event.count),
    },
    Field {
        name: "fingerprints",
        is_required: true,
        about: "The tokens as the audit names them. Fewer than `count` where they are not known here.",
        schema: || {
            json!({
                "type": "array",
                "maxItems": MAX_FINGERPRINTS,
                "items": { "type": "string", "pattern": "^[0-9a-f]{32}$" },
            })
        },
        value: |event| {
            let told = event.fingerprints.iter().take(MAX_FINGERPRINTS);
            told.map(ToString::to_string).collect()
        },
    },
    Field {
        name: "object",
        is_required: false,
        about: "The archive object that it is about.",
        schema: || json!({ "type": "string" }),
        value: |event| json!(event.object),
    },
    Field {
        name: "reason_text",
        is_required: false,
        about: "What was said about it.",
        schema: || json!({ "type": "string" }),
        value: |event| json!(event.reason_text),
    },
    Field {
        name: "at",
        is_required: true,
        about: "When, in seconds since the epoch.",
        schema: || json!({ "type": "integer" }),
        value: |event| json!(event.at.0),
    },
];

impl OutEvent {
    /// The event's detail type.
    pub fn detail_type(&self) -> &'static str {
        self.event.as_str()
    }

    /// The event's detail.
    pub fn to_json(&self) -> String {
        let fields = FIELDS.iter().map(|field| (field.name.to_owned(), (field.value)(self)));
        Value::Object(fields.filter(|(_, value)| !value.is_null()).collect()).to_string()
    }

    /// The same as events that each tell all of their fingerprints. Each piece of a divided event counts its own.
    pub fn pieces(mut self) -> Vec<Self> {
        if self.fingerprints.len() <= MAX_FINGERPRINTS {
            return vec![self];
        }
        let all = std::mem::take(&mut self.fingerprints);
        let pieces = all.chunks(MAX_FINGERPRINTS).map(|fingerprints| Self {
            count: u64::try_from(fingerprints.len()).unwrap_or(u64::MAX),
            fingerprints: fingerprints.to_vec(),
            ..self.clone()
        });
        pieces.collect()
    }

    /// The published schema of the event's detail (draft 2020-12).
    pub fn schema() -> Value {
        let required: Vec<&str> =
            FIELDS.iter().filter(|field| field.is_required).map(|field| field.name).collect();
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "urn:lethe:event:1",
            "title": "Lethe: events, version 1",
            "description": format!(
                "The detail of an event on the bus, source `{EVENT_SOURCE}`, detail type as `event`."
            ),
            "type": "object",
            "properties": FIELDS.iter().map(Field::property).collect::<Map<_, _>>(),
            "required": required,
            "additionalProperties": false,
        })
    }
}

impl Field {
    fn property(&self) -> (String, Value) {
        let mut schema = (self.schema)();
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_owned(), json!(self.about));
        }
        (self.name.to_owned(), schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n_fingerprints: u32) -> OutEvent {
        let fingerprint = |number: u32| {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            Fingerprint(bytes)
        };
        OutEvent {
            event: AnnouncedEvent::Cooled,
            tenant: TenantId::new("acme").unwrap(),
            run: None,
            count: u64::from(n_fingerprints),
            fingerprints: (0..n_fingerprints).map(fingerprint).collect(),
            object: None,
            reason_text: None,
            at: EpochSeconds(1_760_000_000),
        }
    }

    #[test]
    fn the_wire_form_does_not_drift() {
        let event = OutEvent { run: Some("1760000000-02".to_owned()), ..event(1) };
        insta::assert_snapshot!(event.to_json(), @r#"{"at":1760000000,"count":1,"event":"cooled","fingerprints":["00000000000000000000000000000000"],"run":"1760000000-02","tenant":"acme","v":1}"#);
    }

    #[test]
    fn the_checked_in_schema_is_the_generated_one() {
        let checked_in: Value = serde_json::from_str(include_str!("../schema/event.v1.json")).unwrap();
        assert_eq!(checked_in, OutEvent::schema(), "renew it: cargo run -p lethe-domain --example schema");
    }

    #[test]
    fn every_event_fits_the_schema() {
        let validator = jsonschema::draft202012::new(&OutEvent::schema()).unwrap();
        for (name, n_fingerprints) in AnnouncedEvent::ALL.into_iter().zip([0, 1, 2, 999, 1000, 1001]) {
            let plain = OutEvent { event: name, ..event(n_fingerprints) };
            let full = OutEvent {
                run: Some("1760000000-02".to_owned()),
                object: Some("r7/2026-05-04/ab".to_owned()),
                reason_text: Some("ticket 4711".to_owned()),
                ..plain.clone()
            };
            for event in [plain, full] {
                assert_eq!(event.detail_type(), name.as_str());
                let detail = serde_json::from_str(&event.to_json()).unwrap();
                validator.validate(&detail).unwrap();
            }
        }
    }

    #[test]
    fn a_large_event_is_divided_and_loses_no_fingerprint() {
        for (n, sizes) in [(0, vec![0]), (1000, vec![1000]), (1001, vec![1000, 1]), (2000, vec![1000, 1000])]
        {
            let whole = event(n);
            let pieces = whole.clone().pieces();
            let found: Vec<usize> = pieces.iter().map(|piece| piece.fingerprints.len()).collect();
            assert_eq!(found, sizes);
            assert_eq!(pieces.iter().map(|piece| piece.count).sum::<u64>(), whole.count);
            let told: Vec<Fingerprint> = pieces.into_iter().flat_map(|piece| piece.fingerprints).collect();
            assert_eq!(told, whole.fingerprints);
        }
    }
}
