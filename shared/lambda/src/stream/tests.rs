//! Every shape that a record may come in.

use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::*;
use crate::hostile::{any_json, injured, recorded};

/// What may be said of a record that is none; no word of it is a record's.
const REASONS: [&str; 2] =
    ["the stream record is no INSERT, MODIFY or REMOVE", "the stream record lacks an image"];

const WORDS: &[&str] = &[
    "Records",
    "eventName",
    "INSERT",
    "MODIFY",
    "REMOVE",
    "eventID",
    "dynamodb",
    "SequenceNumber",
    "ApproximateCreationDateTime",
    "OldImage",
    "NewImage",
    "Keys",
    "userIdentity",
    "principalId",
    "S",
    "N",
    "BOOL",
    "NULL",
    "pk",
    "sk",
];

fn row(token: &str) -> Value {
    json!({
        "pk": { "S": "acme#0001" }, "sk": { "S": token }, "kind": { "S": "vault" }, "state": { "S": "active" },
        "isValid": { "BOOL": true }, "version": { "N": "7" }, "created_at": { "N": "1800000000000" },
        "payload": { "B": "AAEC" },
    })
}

fn remove(change: &Value) -> Value {
    json!({ "eventID": "e-1", "eventName": "REMOVE", "dynamodb": change })
}

fn one(record: Value) -> StreamRecord {
    read_record(record).unwrap()
}

#[test]
fn a_removal_is_read_with_its_whole_image() {
    let record = one(remove(&json!({
        "ApproximateCreationDateTime": 1_800_000_100, "SequenceNumber": "100", "SizeBytes": 99,
        "Keys": {}, "OldImage": row("tok_a"),
    })));
    assert_eq!(
        (record.kind, record.sequence.as_str(), record.at.0),
        (RecordKind::Remove, "100", 1_800_000_100_000)
    );
    let image = record.old.unwrap();
    assert_eq!(image.token().unwrap().key.token.expose(), "tok_a");
    assert_eq!(image.raw, row("tok_a"));
    assert!(record.new.is_none());
    assert!(!record.by_ttl);
}

#[test]
fn ttl_is_known_by_its_identity_in_both_spellings() {
    for identity in [
        json!({ "type": "Service", "principalId": "dynamodb.amazonaws.com" }),
        json!({ "Type": "Service", "PrincipalId": "dynamodb.amazonaws.com" }),
    ] {
        let mut record = remove(&json!({ "OldImage": row("tok_a") }));
        record["userIdentity"] = identity;
        assert!(one(record).by_ttl);
    }
    let mut other = remove(&json!({ "OldImage": row("tok_a") }));
    other["userIdentity"] = json!({ "type": "Service", "principalId": "somebody.else" });
    assert!(!one(other).by_ttl);
}

#[test]
fn times_may_have_a_fraction_or_be_missing() {
    let at =
        |time: Value| one(remove(&json!({ "ApproximateCreationDateTime": time, "OldImage": row("t") }))).at.0;
    assert_eq!(at(json!(1_800_000_100.25)), 1_800_000_100_250);
    assert_eq!(at(json!(1.8e9)), 1_800_000_000_000);
    assert_eq!(at(Value::Null), 0);
    assert_eq!(at(json!(-5)), 0);
}

#[test]
fn a_removed_row_that_does_not_parse_is_passed_on_raw() {
    for image in
        [json!({ "pk": { "S": "acme#0001" } }), json!({ "pk": 7 }), json!({ "pk": { "X": "?" } }), json!({})]
    {
        let old = one(remove(&json!({ "OldImage": image }))).old.unwrap();
        assert!(matches!(old.row, RowRead::Unreadable(_)), "{image}");
        assert_eq!(old.raw, image);
    }
}

#[test]
fn a_removal_without_an_image_is_passed_on_with_what_is_left() {
    let keys = json!({ "pk": { "S": "acme#0001" }, "sk": { "S": "tok_a" } });
    assert_eq!(one(remove(&json!({ "Keys": keys }))).old.unwrap().raw, keys);
    let bare = json!({ "eventName": "REMOVE" });
    let left = one(bare.clone());
    assert_eq!(left.old.unwrap().raw, bare);
    assert_eq!(left.sequence.len(), 64);
    assert_eq!(one(remove(&json!("?"))).sequence, "e-1");
}

#[test]
fn a_poisoned_record_fails_alone() {
    let modify = |change: Value| json!({ "eventID": "e-2", "eventName": "MODIFY", "dynamodb": change });
    let event = json!({ "Records": [
        json!(7),
        json!({ "eventID": "e-0", "eventName": "DANCE" }),
        modify(json!({ "SequenceNumber": "1", "NewImage": row("tok_a") })),
        modify(json!({ "SequenceNumber": "2", "OldImage": row("tok_a"), "NewImage": "?" })),
        modify(json!({ "SequenceNumber": "3", "OldImage": row("tok_a"), "NewImage": row("tok_a") })),
    ] });
    let batch = read(event).unwrap();
    let ids: Vec<_> = batch.poison.iter().map(|poison| poison.id.as_str()).collect();
    assert_eq!(ids[1..], ["e-0", "1", "2"]);
    assert_eq!(batch.records.iter().map(|record| record.sequence.as_str()).collect::<Vec<_>>(), ["3"]);
}

#[test]
fn what_holds_no_records_is_no_batch() {
    assert!(read(json!({})).is_none());
    assert!(read(json!({ "Records": {} })).is_none());
    assert!(read(json!(null)).is_none());
}

fn any_batch() -> BoxedStrategy<Value> {
    let recorded = recorded(&[
        include_str!("../../../../tests/events/react-modify.json"),
        include_str!("../../../../tests/events/archive-removed.json"),
        include_str!("../../../../tests/events/archive-ttl.json"),
    ]);
    let framed =
        proptest::collection::vec(any_json(WORDS), 0..4).prop_map(|records| json!({ "Records": records }));
    prop_oneof![4 => injured(&recorded, WORDS), 1 => any_json(WORDS), 1 => framed].boxed()
}

/// An attribute: right for some name, and for others of a wrong type or out of its bounds.
fn any_attribute() -> BoxedStrategy<Value> {
    let texts = select(vec![
        "acme#0001",
        "acme#00Ab",
        "acme#1",
        "#0001",
        "tok_a",
        "subject#alice",
        "subject",
        "vault",
        "active",
        "cooling",
        "Active",
        "revoked",
        "unreferenced",
        "1800000000-02",
        "1800000000-2",
        "+1800000000-02",
        "case-1 case-2",
        "",
    ]);
    let numbers = select(vec![
        "0",
        "7",
        "007",
        "+7",
        "-7",
        "1800000000",
        "1800000000000",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "1.5",
        "1e3",
        "NaN",
        "",
    ]);
    prop_oneof![
        4 => texts.prop_map(|text| json!({ "S": text })),
        4 => numbers.prop_map(|number| json!({ "N": number })),
        2 => any::<bool>().prop_map(|is| json!({ "BOOL": is })),
        1 => Just(json!({ "NULL": true })),
        1 => any_json(WORDS),
    ]
    .boxed()
}

/// A row of which some attributes are others.
fn any_row() -> BoxedStrategy<Value> {
    let names = select(vec![
        "pk",
        "sk",
        "kind",
        "state",
        "isValid",
        "version",
        "created_at",
        "expires_at",
        "last_read_at",
        "purge_at",
        "due_at",
        "reason",
        "cooling_since",
        "run",
        "fence",
        "policy",
        "hold",
        "actor",
        "reason_text",
        "waits_for",
        "subject",
        "session",
        "device",
        "family",
        "client",
        "due_pk",
    ]);
    btree_map(names, any_attribute(), 0..6)
        .prop_map(|attributes| {
            let mut row = row("tok_a");
            row.as_object_mut()
                .unwrap()
                .extend(attributes.into_iter().map(|(name, it)| (name.to_owned(), it)));
            row
        })
        .boxed()
}

/// No record is lost; each that is read is what was stored, and of each other nothing is said but its id and a reason.
fn is_faithful(event: &Value) -> Result<(), TestCaseError> {
    let Some(Batch { records, poison }) = read(event.clone()) else {
        prop_assert!(!event.get("Records").is_some_and(Value::is_array));
        return Ok(());
    };
    let (mut records, mut poison) = (records.iter(), poison.iter());
    for stored in event["Records"].as_array().unwrap() {
        match read_record(stored.clone()) {
            Ok(record) => {
                prop_assert_eq!(records.next(), Some(&record));
                is_what_was_stored(&record, stored)?;
            }
            Err(refused) => {
                // Guard: a row that has left the vault exists nowhere else.
                prop_assert_ne!(&stored["eventName"], "REMOVE");
                prop_assert_eq!(poison.next(), Some(&refused));
                prop_assert!(REASONS.contains(&refused.why));
                is_its_id(&refused.id, stored)?;
            }
        }
    }
    prop_assert!(records.next().is_none() && poison.next().is_none());
    Ok(())
}

fn is_what_was_stored(record: &StreamRecord, stored: &Value) -> Result<(), TestCaseError> {
    is_its_id(&record.sequence, stored)?;
    prop_assert!(0 <= record.at.0);
    let images = &stored["dynamodb"];
    if let Some(new) = &record.new {
        prop_assert_eq!(&new.raw, &images["NewImage"]);
    }
    if let Some(old) = &record.old {
        let left = [&images["OldImage"], &images["Keys"]].into_iter().find(|image| image.is_object());
        let mut bare = stored.clone();
        if let Some(new) = bare.pointer_mut("/dynamodb/NewImage").filter(|image| image.is_object()) {
            *new = Value::Null;
        }
        prop_assert_eq!(&old.raw, left.unwrap_or(&bare));
    }
    for image in [&record.old, &record.new].into_iter().flatten() {
        reads_back(image)?;
    }
    Ok(())
}

/// What a row is parsed to is written as it was stored, attribute by attribute.
fn reads_back(image: &Image) -> Result<(), TestCaseError> {
    let Some(row) = image.token() else { return Ok(()) };
    let item = serde_dynamo::Item::deserialize(&image.raw).unwrap();
    let stored: StoredRow = serde_dynamo::from_item(item).unwrap();
    // What somebody said is kept with who said it.
    let reason_text = stored.reason_text.clone().filter(|_| stored.actor.is_some());
    prop_assert_eq!(StoredRow::from(row), StoredRow { reason_text, ..stored });
    prop_assert_eq!(&RowRead::from_stored(Some(StoredRow::from(row))), &image.row);
    Ok(())
}

fn is_its_id(id: &str, stored: &Value) -> Result<(), TestCaseError> {
    let given = [&stored["dynamodb"]["SequenceNumber"], &stored["eventID"]];
    let is_hash = id.len() == 64 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    prop_assert!(given.iter().any(|given| given.as_str() == Some(id)) || is_hash, "{id}");
    prop_assert!(!id.is_empty());
    Ok(())
}

proptest! {
    #[test]
    fn of_any_batch_no_record_is_lost_and_none_is_quoted(event in any_batch()) {
        is_faithful(&event)?;
    }

    #[test]
    fn any_row_is_read_as_it_was_stored_or_not_at_all(old in any_row(), new in any_row()) {
        let change = json!({ "SequenceNumber": "1", "OldImage": old, "NewImage": new });
        for kind in ["INSERT", "MODIFY", "REMOVE"] {
            is_faithful(&json!({ "Records": [{ "eventName": kind, "dynamodb": change }] }))?;
        }
    }
}
