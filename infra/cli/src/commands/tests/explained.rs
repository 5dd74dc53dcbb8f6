//! What is told of a token that callers have ended, cut off, held or counted.

use lethe_domain::reader::ReaderState;
use lethe_domain::subject::{SubjectKey, SubjectRow};
use lethe_domain::token::ShardCount;
use lethe_stages::ports::Vault;
use lethe_testkit::{APP, SHARDS, key};
use serde_json::json;

use super::commanded::send;
use super::*;

const SUBJECT: &str = "alice@example.test";

async fn explain_secretly(cloud: &FakeCloud, token: &TokenId) -> ExplainView {
    let view = explain_token(cloud, token).await;
    let shown = [serde_json::to_string(&view).unwrap(), crate::render::explain(&view)];
    assert!(shown.iter().all(|text| !text.contains(SUBJECT)), "no answer repeats a subject");
    view
}

async fn put_subject(cloud: &FakeCloud, row: &SubjectRow) {
    let key = SubjectKey::new(&tenant("acme"), SUBJECT, ShardCount::new(SHARDS).unwrap());
    assert!(cloud.vault.write_subject(&key, RowVersion(0), row).await.unwrap());
}

#[tokio::test]
async fn a_token_whose_subject_was_cut_off_is_not_good_though_its_row_says_active() {
    let cloud = cloud().await;
    let (old, new) = (token(1), token(2));
    let of_alice = |token: &TokenId| row("acme", token).kind("session").subject(SUBJECT);
    cloud.vault.insert(of_alice(&old));
    cloud.vault.insert(of_alice(&new).created_at(START.plus(Duration::from_secs(1))));
    put_subject(&cloud, &SubjectRow::default().cut_off(None, START.to_millis()).unwrap()).await;
    let view = explain_secretly(&cloud, &old).await;
    assert_eq!((view.standing, view.reader.state, view.reader.status), ("cut off", ReaderState::CutOff, 403));
    let shown = view.row.unwrap();
    assert_eq!((shown.is_good, shown.cut_off_at), (false, Some(START)));
    let view = explain_secretly(&cloud, &new).await;
    assert_eq!((view.standing, view.reader.status, view.row.unwrap().is_good), ("active", 200, true));
}

#[tokio::test]
async fn holds_are_shown_of_the_token_and_of_its_subject() {
    let cloud = cloud().await;
    cloud.vault.insert(row("acme", &token(1)).subject(SUBJECT).hold("case-1 case-2"));
    put_subject(&cloud, &SubjectRow::default().held("case-3").unwrap()).await;
    let shown = explain_secretly(&cloud, &token(1)).await.row.unwrap();
    assert_eq!(shown.hold.as_deref(), Some("case-1 case-2"));
    assert_eq!(shown.subject_hold.as_deref(), Some("case-3"));
    let held = row("acme", &token(2)).cooling(Trigger::Revoked, START).hold("case-1");
    cloud.vault.insert(held);
    let why = explain_secretly(&cloud, &token(2)).await.why;
    assert!(why.ends_with("revoked; it stays in the vault while a legal hold stands"), "{why}");
}

#[tokio::test]
async fn a_token_that_waits_for_a_person_says_by_whom_it_was_ended_and_what_to_type() {
    let cloud = cloud().await;
    let day = LIMITS.budget_day_of(START);
    let tokens: Vec<TokenId> = (0..11).map(token).collect();
    for token in &tokens {
        cloud.vault.insert(row("acme", token).subject(SUBJECT));
    }
    let named: Vec<&str> = tokens.iter().map(TokenId::expose).collect();
    let body = json!({
        "v": 1, "tenant": "acme", "command": "revoked", "tokens": named, "reason_text": "the key leaked",
    });
    send(&cloud, "m-1", &body).await;
    let waits = |token: &&TokenId| {
        let row = cloud.vault.row(&key("acme", token, SHARDS)).unwrap();
        row.waits_for.is_some()
    };
    let waiting: Vec<&TokenId> = tokens.iter().filter(waits).collect();
    assert_eq!(waiting.len(), 1);

    let view = explain_secretly(&cloud, waiting[0]).await;
    assert_eq!(view.next, Some(format!("lethe approve-commands acme {}", day.0)));
    assert!(view.why.contains("after a person approves the commands of the day"), "{}", view.why);
    let shown = view.row.unwrap();
    assert_eq!((shown.by.as_deref(), shown.reason_text.as_deref()), (Some(APP), Some("the key leaked")));
    assert_eq!((shown.waits_for, shown.phase), (Some(day), lethe_domain::row::Phase::Cooling));

    cloud.control.approve_budget(&tenant("acme"), day, ADA, START).await.unwrap();
    let view = explain_secretly(&cloud, waiting[0]).await;
    assert_eq!(view.next, None);
    assert!(view.why.contains("its removal is approved"), "{}", view.why);
}

#[tokio::test]
async fn an_approval_from_before_the_end_is_not_for_this_token() {
    let cloud = cloud().await;
    let day = LIMITS.budget_day_of(START);
    let ended = row("acme", &token(1)).cooling(Trigger::Revoked, START).waits_for(day).due_at(START);
    cloud.vault.insert(ended);
    cloud.control.spend(&tenant("acme"), day, 20, START).await.unwrap();
    cloud.control.approve_budget(&tenant("acme"), day, ADA, EpochSeconds(START.0 - 1)).await.unwrap();
    assert!(explain_secretly(&cloud, &token(1)).await.next.is_some());
}

#[tokio::test]
async fn the_ledgers_count_is_shown_where_notices_told_of_the_token() {
    let cloud = cloud().await;
    cloud.vault.insert(row("acme", &token(1)));
    assert_eq!(explain_secretly(&cloud, &token(1)).await.references, None);
    for (command, event_id, expected) in [("created", "e-1", 1), ("created", "e-2", 2), ("deleted", "e-3", 1)]
    {
        let named = [token(1).expose().to_owned()];
        let body =
            json!({ "v": 1, "tenant": "acme", "command": command, "tokens": named, "event_id": event_id });
        send(&cloud, event_id, &body).await;
        assert_eq!(explain_secretly(&cloud, &token(1)).await.references, Some(expected));
    }
}

#[tokio::test]
async fn every_use_of_a_token_that_is_out_of_service_is_part_of_its_record() {
    let cloud = cloud().await;
    cloud.set_page_size(1);
    let since = EpochSeconds(START.0 - 60);
    let ended = row("acme", &token(1)).kind("session").cooling(Trigger::Revoked, since).purge_at(START);
    cloud.vault.insert(ended);
    let body = json!({ "v": 1, "tenant": "acme", "command": "read", "tokens": [token(1).expose()] });
    for id in ["m-1", "m-2"] {
        send(&cloud, id, &body).await;
    }
    let view = explain_secretly(&cloud, &token(1)).await;
    let events: Vec<(Event, Option<&str>)> =
        view.history.iter().map(|event| (event.event, event.actor.as_deref())).collect();
    assert_eq!(events, [(Event::Refused, Some(APP)), (Event::Refused, Some(APP))]);
    assert_eq!((view.standing, view.reader.status), ("sentenced", 410));
}

#[tokio::test]
async fn a_token_that_has_left_is_gone_to_a_reader_and_one_that_never_was_is_unknown() {
    let cloud = cloud().await;
    record_cooled(&cloud, &tenant("acme"), &token(1), START).await;
    assert_eq!(explain_secretly(&cloud, &token(1)).await.reader.status, 410);
    assert_eq!(explain_secretly(&cloud, &token(3)).await.reader.status, 404);
}

#[tokio::test]
async fn a_run_that_wrote_the_row_before_did_not_end_it() {
    let cloud = cloud().await;
    let ended = row("acme", &token(1)).cooling(Trigger::Revoked, START).decided_by("100-02", 1, 1);
    cloud.vault.insert(ended.by(APP, None));
    let why = explain_secretly(&cloud, &token(1)).await.why;
    assert!(!why.contains("by run"), "{why}");
}
