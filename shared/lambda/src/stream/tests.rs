//! Every shape that a record may come in.

use serde_json::json;

use super::*;

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
