//! Commands from the queue and over the Function URL.

use lethe_domain::audit::AuditItem;
use lethe_domain::policy::Trigger;
use lethe_domain::row::Phase;
use lethe_domain::time::EpochSeconds;
use lethe_lambda::handlers;
use lethe_stages::error::PortError;
use lethe_stages::intake::Intake;
use lethe_stages::invocation::Invocation;
use lethe_stages::ports::{AuditLog, AuditPage};
use lethe_stages::settings::Mode;
use lethe_testkit::{FaultKind, LONG_AGO, START, row, token};
use serde_json::{Value, json};

use super::world::{World, event, event_with_body, sent_back};

const FIRST: &str = "059f36b4-87a3-44ab-83d2-661975830a7d";
const THIRD: &str = "8c1f3a52-5f0e-4d0c-9a3e-3b1f6f2b7c10";

struct Panicking;

impl AuditLog for Panicking {
    async fn record(&self, _item: &AuditItem) -> Result<bool, PortError> {
        panic!("over a message")
    }

    async fn page(&self, _pk: &str, _after: Option<&str>) -> Result<AuditPage, PortError> {
        Ok(AuditPage::default())
    }
}

fn world() -> World {
    let world = World::new();
    for seed in 1..=3 {
        world.cloud.vault.insert(row("acme", &token(seed)));
    }
    world
}

fn answer_of(answer: &Value) -> (u64, Value) {
    (answer["statusCode"].as_u64().unwrap(), serde_json::from_str(answer["body"].as_str().unwrap()).unwrap())
}

#[tokio::test(flavor = "current_thread")]
async fn queued_commands_do_what_they_say_and_a_bad_one_is_refused() {
    let world = world();
    assert!(sent_back(world.intake(&event("intake")).await).is_empty());
    let revoked = world.row(1);
    assert_eq!((revoked.phase(), revoked.reason), (Phase::Sentenced, Some(Trigger::Revoked)));
    assert_eq!(world.row(2).last_read_at, Some(EpochSeconds(START.0 - 60)));
    assert_eq!(world.row(3), row("acme", &token(3)).build());
    let refused = world.refused();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].0, THIRD);
    assert!(!refused[0].1.contains(token(3).expose()));
}

#[tokio::test(flavor = "current_thread")]
async fn a_command_that_panics_comes_again_and_its_neighbours_are_done() {
    let world = world();
    let back = sent_back(world.intake_with(&event("intake"), &Panicking).await);
    assert_eq!(back, [THIRD]);
    assert_eq!(world.row(1).phase(), Phase::Sentenced);
}

#[tokio::test(flavor = "current_thread")]
async fn a_command_that_fails_comes_again_alone() {
    let world = world();
    world.cloud.faults.fail_call(1, FaultKind::BeforeEffect);
    let back = sent_back(world.intake(&event("intake")).await);
    assert_eq!(back, [FIRST]);
    assert_eq!(world.row(1).phase(), Phase::Active);
    assert_eq!(world.row(2).last_read_at, Some(EpochSeconds(START.0 - 60)));
}

#[tokio::test(flavor = "current_thread")]
async fn what_there_is_no_time_for_goes_back() {
    let world = world();
    let stage = Intake {
        control: &world.cloud.control,
        audit: &world.cloud.audit,
        vault: &world.cloud.vault,
        settings: &world.settings,
    };
    let late = Invocation { now: START, should_pause: &|| true, has_come: &|_| false };
    let back = sent_back(handlers::intake(&event("intake"), &stage, late).await);
    assert_eq!(back, ["2e1424d4-f796-459a-8184-9c92662be6da", THIRD]);
    assert_eq!((world.row(1).phase(), world.row(2).last_read_at), (Phase::Sentenced, None));
}

#[tokio::test(flavor = "current_thread")]
async fn in_report_mode_only_the_read_is_stamped() {
    let mut world = world();
    world.settings.mode = Mode::Report;
    assert!(sent_back(world.intake(&event("intake")).await).is_empty());
    assert_eq!(world.row(1), row("acme", &token(1)).build());
    assert_eq!(world.row(2).last_read_at, Some(EpochSeconds(START.0 - 60)));
    let refused: Vec<String> = world.refused().into_iter().map(|(id, _)| id).collect();
    assert!(refused.contains(&FIRST.to_owned()), "{refused:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_body_that_is_no_command_is_refused_under_its_message() {
    let world = world();
    for body in ["", "{", "7", r#"{"v":2}"#] {
        assert!(sent_back(world.intake(&event_with_body("intake", body)).await).is_empty(), "{body}");
        assert!(world.refused().iter().any(|(id, _)| id == FIRST), "{body}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_request_is_answered_and_done() {
    let world = world();
    let (status, body) = answer_of(&world.intake(&event("intake-url")).await.unwrap());
    assert_eq!((status, body), (200, json!({ "result": "done", "results": [{ "result": "ended" }] })));
    assert_eq!(world.row(1).reason, Some(Trigger::Revoked));
    assert_eq!(world.row(1).cooling_since, Some(START));
}

#[tokio::test(flavor = "current_thread")]
async fn a_request_may_come_in_base64() {
    let world = world();
    let mut request = event("intake-url");
    // {"v":1,"tenant":"acme","command":"logout","subject":"nobody","everywhere":true}
    request["body"] = json!(
        "eyJ2IjoxLCJ0ZW5hbnQiOiJhY21lIiwiY29tbWFuZCI6ImxvZ291dCIsInN1YmplY3QiOiJub2JvZHkiLCJldmVyeXdoZXJlIjp0cnVlfQ=="
    );
    request["isBase64Encoded"] = json!(true);
    let (status, body) = answer_of(&world.intake(&request).await.unwrap());
    assert_eq!((status, body["ended"].as_u64()), (200, Some(0)));
}

#[tokio::test(flavor = "current_thread")]
async fn an_unknown_caller_a_wrong_place_or_a_wrong_verb_is_turned_away() {
    let world = world();
    let changed = |path: &str, value: Value| {
        let mut request = event("intake-url");
        *request.pointer_mut(path).unwrap() = value;
        request
    };
    let mut anonymous = changed("/requestContext/accountId", json!("anonymous"));
    anonymous["requestContext"]["authorizer"] = Value::Null;
    for (request, expected) in [
        (anonymous, 403),
        (changed("/rawPath", json!("/admin")), 404),
        (changed("/requestContext/http/method", json!("GET")), 405),
        (changed("/isBase64Encoded", json!(true)), 400),
        (changed("/body", json!("{}")), 400),
    ] {
        let (status, _) = answer_of(&world.intake(&request).await.unwrap());
        assert_eq!(status, expected);
    }
    assert_eq!(world.row(1), row("acme", &token(1)).build());
    assert_eq!(world.row(1).created_at, LONG_AGO.to_millis());
}

#[tokio::test(flavor = "current_thread")]
async fn a_request_that_fails_may_come_again() {
    let world = world();
    world.cloud.faults.fail_call(1, FaultKind::BeforeEffect);
    let (status, body) = answer_of(&world.intake(&event("intake-url")).await.unwrap());
    assert_eq!((status, &body["error"]), (503, &json!("try_again")));
    let broken = world.intake_with(&event_with_bad_command(), &Panicking).await.unwrap();
    assert_eq!(answer_of(&broken).0, 503);
}

fn event_with_bad_command() -> Value {
    let mut request = event("intake-url");
    request["body"] = json!("{}");
    request
}
