//! Whatever an event holds: each message is worked off once, and only what may succeed later comes back.

use std::cell::RefCell;

use futures::FutureExt;
use lethe_domain::audit::Event;
use lethe_stages::error::{PortError, StageError};
use lethe_testkit::{FakeCloud, START};
use proptest::prelude::*;

use super::*;
use crate::hostile::{any_json, injured, recorded};

const WORDS: &[&str] = &[
    "Records",
    "messageId",
    "body",
    "attributes",
    "ApproximateReceiveCount",
    "SentTimestamp",
    "SenderId",
    "eventSourceARN",
    "arn:aws:sqs:eu-central-1:000000000000:lethe-intake-issuer",
    "-9223372036854775808",
    "4294967296",
];

fn any_event() -> BoxedStrategy<Value> {
    let recorded = recorded(&[
        include_str!("../../../../tests/events/intake.json"),
        include_str!("../../../../tests/events/scan.json"),
    ]);
    prop_oneof![2 => injured(&recorded, WORDS), 1 => any_json(WORDS)].boxed()
}

/// What becomes of the message that is the nth of its batch.
fn outcome(n: usize) -> Result<(), Undone> {
    let slow = || PortError::later("read vault row", std::io::Error::other("slow"));
    match n % 3 {
        0 => Ok(()),
        1 => Err(Failure::Unreadable("not ours").into()),
        _ => Err(Failure::Stage(StageError::from(slow())).into()),
    }
}

proptest! {
    #[test]
    fn each_message_is_worked_off_once_and_comes_back_only_to_succeed_later(event in any_event()) {
        let cloud = FakeCloud::new();
        let seen = RefCell::new(Vec::new());
        let handle = async |message: &Message| {
            seen.borrow_mut().push(message.clone());
            outcome(seen.borrow().len() - 1)
        };
        let at = Invocation { now: START, should_pause: &|| false, has_come: &|_| false };
        let answer = each(&event, &cloud.audit, at, handle).now_or_never().unwrap();
        let seen = seen.into_inner();
        let Some(records) = event.get("Records").and_then(Value::as_array) else {
            prop_assert!(answer.is_err() && seen.is_empty());
            return Ok(());
        };
        prop_assert_eq!(seen.len(), records.len());
        for (message, record) in seen.iter().zip(records) {
            prop_assert_eq!(message.body.as_str(), record["body"].as_str().unwrap_or_default());
            prop_assert_eq!(message.id.as_str(), record["messageId"].as_str().unwrap_or_default());
        }
        let ids = |rest| seen.iter().enumerate().filter(move |(n, _)| n % 3 == rest).map(|(_, it)| &it.id);
        let back: Vec<Value> = ids(2).map(|id| json!({ "itemIdentifier": id })).collect();
        prop_assert_eq!(answer.unwrap(), json!({ "batchItemFailures": back }));
        let refused = cloud.audit.items_of(Event::Refused);
        let is_on_record = |id: &String| refused.iter().any(|item| item.sk == format!("refused#{id}"));
        prop_assert!(ids(1).all(is_on_record));
    }
}
