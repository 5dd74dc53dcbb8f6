//! The recorded events keep the shapes that AWS documents: Lambda's own event types read every one of them, and each
//! envelope carries what it does on AWS.

use aws_lambda_events::event::dynamodb::Event as StreamEvent;
use aws_lambda_events::event::s3::S3Event;
use aws_lambda_events::event::sqs::SqsEvent;
use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use serde_json::Value;

use super::world::event;

const QUEUED: [&str; 9] = [
    "scan",
    "scan-unreadable",
    "sweep-plan",
    "sweep-apply",
    "intake",
    "confirm-lifecycle",
    "confirm-lifecycle-marker",
    "confirm-removed",
    "confirm-test-event",
];

#[test]
fn every_event_is_used_and_read_by_lambdas_types() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let mut n_read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let name = file.strip_suffix(".json").unwrap();
        let event = event(name);
        match name {
            "scheduler" => assert_eq!(event["source"], "aws.scheduler"),
            "intake-url" => drop(serde_json::from_value::<LambdaFunctionUrlRequest>(event).unwrap()),
            "react-modify" | "archive-ttl" | "archive-removed" => {
                drop(serde_json::from_value::<StreamEvent>(event).unwrap());
            }
            queued if QUEUED.contains(&queued) => check_queued(event),
            other => panic!("{other}.json: no test reads it"),
        }
        n_read += 1;
    }
    assert_eq!(n_read, QUEUED.len() + 5);
}

fn check_queued(event: Value) {
    let batch: SqsEvent = serde_json::from_value(event).unwrap();
    for message in batch.records {
        assert!(message.message_id.is_some_and(|id| id.len() == 36));
        assert_eq!(message.event_source.as_deref(), Some("aws:sqs"));
        assert!(message.attributes.contains_key("ApproximateReceiveCount"));
    }
}

#[test]
fn s3s_notices_are_read_by_lambdas_types() {
    for name in ["confirm-lifecycle", "confirm-lifecycle-marker", "confirm-removed"] {
        let body = event(name)["Records"][0]["body"].as_str().unwrap().to_owned();
        let notice: S3Event = serde_json::from_str(&body).unwrap();
        assert!(notice.records[0].s3.object.version_id.is_some(), "{name}");
    }
}
