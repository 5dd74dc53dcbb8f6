//! Records of the vault's stream, read one by one from JSON. Lambda's own record types refuse a whole batch over one
//! record, and a row that has left the vault exists nowhere else, so nothing about a removal may be refused here.

use lethe_domain::plan::hash_of;
use lethe_domain::row::{RowFault, RowRead, StoredRow};
use lethe_domain::subject::is_subject_row;
use lethe_domain::time::EpochMillis;
use lethe_stages::stream::{Image, RecordKind, StreamRecord};
use serde::Deserialize;
use serde_json::Value;

/// Who removes rows in the name of TTL.
const TTL_PRINCIPAL: &str = "dynamodb.amazonaws.com";

/// A record that is not one of the vault's.
#[derive(Debug, PartialEq, Eq)]
pub struct Poison {
    /// Its id, the same with every delivery.
    pub id: String,
    /// What is wrong with it, without its content.
    pub why: &'static str,
}

/// A batch of the stream.
#[derive(Debug, Default)]
pub struct Batch {
    /// What could be read, in the stream's order.
    pub records: Vec<StreamRecord>,
    /// What could not.
    pub poison: Vec<Poison>,
}

/// Reads a batch; `None` when the event holds none.
pub fn read(mut event: Value) -> Option<Batch> {
    let Value::Array(records) = event.get_mut("Records")?.take() else { return None };
    let mut batch = Batch::default();
    for record in records {
        match read_record(record) {
            Ok(record) => batch.records.push(record),
            Err(poison) => batch.poison.push(poison),
        }
    }
    Some(batch)
}

fn read_record(mut record: Value) -> Result<StreamRecord, Poison> {
    let sequence = sequence_of(&record);
    let Some(kind) = kind_of(&record) else {
        return Err(Poison { id: sequence, why: "the stream record is no INSERT, MODIFY or REMOVE" });
    };
    let (at, by_ttl) = (written_at(&record), is_by_ttl(&record));
    let old = take_image(&mut record, "/dynamodb/OldImage");
    let new = take_image(&mut record, "/dynamodb/NewImage");
    let (old, new) = match (kind, old, new) {
        (RecordKind::Insert, old, Some(new)) => (old, Some(new)),
        (RecordKind::Modify, Some(old), Some(new)) => (Some(old), Some(new)),
        (RecordKind::Insert | RecordKind::Modify, _, _) => {
            return Err(Poison { id: sequence, why: "the stream record lacks an image" });
        }
        // Guard: nothing is lost. A removal without a readable image is passed on with whatever there is.
        (RecordKind::Remove, old, _) => (Some(old.unwrap_or_else(|| what_is_left(record))), None),
    };
    Ok(StreamRecord { kind, old, new, sequence, at, by_ttl })
}

fn kind_of(record: &Value) -> Option<RecordKind> {
    match record.get("eventName")?.as_str()? {
        "INSERT" => Some(RecordKind::Insert),
        "MODIFY" => Some(RecordKind::Modify),
        "REMOVE" => Some(RecordKind::Remove),
        _ => None,
    }
}

/// The sequence number, or what else names the record in every delivery.
fn sequence_of(record: &Value) -> String {
    let text = |path: &str| record.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
    let named = text("/dynamodb/SequenceNumber").or_else(|| text("/eventID"));
    named.map_or_else(|| hash_of(record.to_string().as_bytes()), ToOwned::to_owned)
}

/// Seconds since the epoch, whole on Lambda and with a fraction where other readers forward a stream; zero = unknown.
#[expect(clippy::cast_possible_truncation, reason = "a cast from float saturates, and no stream is that old")]
fn written_at(record: &Value) -> EpochMillis {
    let seconds = record.pointer("/dynamodb/ApproximateCreationDateTime").and_then(Value::as_f64);
    EpochMillis(
        seconds.filter(|seconds| *seconds > 0.0).map_or(0, |seconds| (seconds * 1000.0).round() as i64),
    )
}

/// Lambda spells the identity in lower case, the stream's own API does not.
fn is_by_ttl(record: &Value) -> bool {
    let identity = record.get("userIdentity").or_else(|| record.get("UserIdentity"));
    let principal = identity.and_then(|who| who.get("principalId").or_else(|| who.get("PrincipalId")));
    principal.and_then(Value::as_str) == Some(TTL_PRINCIPAL)
}

fn take_image(record: &mut Value, path: &str) -> Option<Image> {
    let raw = record.pointer_mut(path).filter(|image| image.is_object())?.take();
    Some(Image { row: read_row(&raw), raw })
}

fn read_row(raw: &Value) -> RowRead {
    let text = |name: &str| raw.get(name)?.get("S")?.as_str();
    if is_subject_row(text("kind"), text("sk")) {
        return RowRead::Subject;
    }
    let item = serde_dynamo::Item::deserialize(raw).ok();
    RowRead::from_stored(item.and_then(|item| serde_dynamo::from_item::<_, StoredRow>(item).ok()))
}

fn what_is_left(mut record: Value) -> Image {
    let keys = record.pointer_mut("/dynamodb/Keys").filter(|keys| keys.is_object()).map(Value::take);
    Image { row: RowRead::Unreadable(RowFault::Attributes), raw: keys.unwrap_or(record) }
}

#[cfg(test)]
mod tests;
