//! What callers' commands leave for an operator to see and to approve: the real intake ends the tokens.

use lethe_domain::source::UnitLimits;
use lethe_stages::intake::{Caller as Sent, Intake, Sender};
use lethe_stages::invocation::Invocation;
use lethe_stages::settings::{Mode, PLAN_ROWS, Settings};
use lethe_testkit::{APP, FaultKind};
use serde_json::{Value, json};

use super::super::approve_commands::{CommandsApproved, approve_commands};
use super::super::budget::BudgetView;
use super::super::fan_outs::FanOutsView;
use super::*;

const BOB: &str = "arn:aws:iam::000000000000:user/bob";
const HOUR: Duration = Duration::from_hours(1);

/// Sends a command as the application does.
pub(super) async fn send(cloud: &FakeCloud, id: &str, body: &Value) {
    let units = UnitLimits::PRODUCTION;
    let settings = Settings { limits: LIMITS, units, mode: Mode::Act, scan: true, plan_rows: PLAN_ROWS };
    let FakeCloud { control, audit, vault, .. } = cloud;
    let intake = Intake { control, audit, vault, settings: &settings };
    let sent =
        Sent { id: id.to_owned(), sender: Sender::Principal(APP.to_owned()), sent_at: cloud.clock.millis() };
    let invocation = Invocation { now: cloud.clock.now(), should_pause: &|| false, has_come: &|_| false };
    let answer = intake.command(&body.to_string(), &sent, invocation).await.unwrap();
    assert!(matches!(answer.status, 200 | 202), "{answer:?}");
}

/// Revokes the tokens with these numbers, which the vault gets first.
async fn revoke(cloud: &FakeCloud, seeds: std::ops::Range<u64>) {
    let tokens: Vec<TokenId> = seeds.clone().map(token).collect();
    for token in &tokens {
        cloud.vault.insert(row("acme", token));
    }
    let named: Vec<&str> = tokens.iter().map(TokenId::expose).collect();
    let body = json!({ "v": 1, "tenant": "acme", "command": "revoked", "tokens": named });
    send(cloud, &format!("m-{}", seeds.start), &body).await;
}

async fn budget_of(cloud: &FakeCloud) -> BudgetView {
    status_of(cloud, Some(&tenant("acme"))).await.tenants.remove(0).budget
}

async fn approve_day(
    cloud: &FakeCloud,
    day: EpochSeconds,
    actor: &str,
) -> Result<CommandsApproved, CliError> {
    let caller = Caller { actor: actor.to_owned(), now: cloud.clock.now() };
    let ports = (&cloud.control, &cloud.audit);
    approve_commands((&tenant("acme"), day), &caller, &LIMITS, ports).await
}

fn day() -> EpochSeconds {
    LIMITS.budget_day_of(START)
}

#[tokio::test]
async fn nothing_spent_is_a_budget_untouched() {
    let cloud = cloud().await;
    let acme = status_of(&cloud, Some(&tenant("acme"))).await.tenants.remove(0);
    assert_eq!((acme.tokens, acme.budget.limit, acme.budget.today.n_spent), (None, 10, 0));
    assert_eq!((acme.budget.today.day, acme.budget.today.waits), (day(), false));
    assert!(acme.budget.waiting.is_empty());
    assert_eq!(acme.fan_outs, FanOutsView::default());
    cloud.control.save_token_count(&tenant("acme"), 5_000).await.unwrap();
    assert_eq!(budget_of(&cloud).await.limit, 50);
}

#[tokio::test]
async fn up_to_the_budget_nothing_waits_and_beyond_it_the_day_does() {
    let cloud = cloud().await;
    revoke(&cloud, 0..10).await;
    let today = budget_of(&cloud).await.today;
    assert_eq!((today.n_spent, today.waits), (10, false));
    revoke(&cloud, 10..12).await;
    let today = budget_of(&cloud).await.today;
    assert_eq!((today.n_spent, today.waits), (12, true));
    // What waits is not forgotten when the tenant has grown and twelve would pass today.
    cloud.control.save_token_count(&tenant("acme"), 5_000).await.unwrap();
    assert!(budget_of(&cloud).await.today.waits);
}

#[tokio::test]
async fn an_earlier_day_is_shown_while_it_waits_and_no_longer() {
    let cloud = cloud().await;
    revoke(&cloud, 0..12).await;
    cloud.clock.advance(30 * 24 * HOUR);
    revoke(&cloud, 20..23).await;
    let budget = budget_of(&cloud).await;
    assert_eq!((budget.today.n_spent, budget.today.waits), (3, false));
    assert_eq!(budget.waiting.iter().map(|day| (day.day, day.n_spent)).collect::<Vec<_>>(), [(day(), 12)]);
    approve_day(&cloud, day(), ADA).await.unwrap();
    assert!(budget_of(&cloud).await.waiting.is_empty());
}

#[tokio::test]
async fn an_approval_is_for_what_waits_and_each_is_on_record_with_its_actor() {
    let cloud = cloud().await;
    revoke(&cloud, 0..12).await;
    let first = approve_day(&cloud, day(), ADA).await.unwrap();
    assert_eq!((first.n_spent, first.limit, first.approved_before_by), (12, 10, None));
    let today = budget_of(&cloud).await.today;
    assert_eq!((today.n_approved, today.approved_by.as_deref(), today.waits), (Some(12), Some(ADA), false));

    cloud.clock.advance(HOUR);
    revoke(&cloud, 20..21).await;
    assert!(budget_of(&cloud).await.today.waits, "what came later waits again");
    let second = approve_day(&cloud, day(), BOB).await.unwrap();
    assert_eq!(second.approved_before_by.as_deref(), Some(ADA));
    let today = budget_of(&cloud).await.today;
    assert_eq!((today.n_approved, today.waits), (Some(13), false));

    let items = cloud.audit.items_of(Event::Approved);
    let said: Vec<(&str, Option<&str>)> =
        items.iter().map(|item| (item.sk.as_str(), item.actor.as_deref())).collect();
    assert_eq!(
        said,
        [
            ("commands#001799971200#approved", Some(ADA)),
            ("commands#001799971200#approved#001800003600", Some(BOB)),
        ]
    );
}

#[tokio::test]
async fn an_approval_that_was_interrupted_is_given_by_the_next_attempt() {
    for kind in FaultKind::ALL {
        for n in 1.. {
            let cloud = cloud().await;
            revoke(&cloud, 0..12).await;
            cloud.faults.fail_call(n, kind);
            let first = approve_day(&cloud, day(), ADA).await;
            if cloud.faults.fired().is_none() {
                first.unwrap();
                break;
            }
            cloud.faults.calm();
            cloud.clock.advance(HOUR);
            approve_day(&cloud, day(), BOB).await.unwrap();
            let today = budget_of(&cloud).await.today;
            assert_eq!((today.approved_by.as_deref(), today.waits), (Some(BOB), false), "{kind:?} {n}");
            let actors: Vec<_> =
                cloud.audit.items_of(Event::Approved).into_iter().filter_map(|item| item.actor).collect();
            assert!(actors.contains(&BOB.to_owned()), "{kind:?} {n}");
        }
    }
}

#[tokio::test]
async fn an_attempt_that_only_reached_the_record_approves_nothing() {
    let cloud = cloud().await;
    revoke(&cloud, 0..12).await;
    approve_day(&cloud, day(), ADA).await.unwrap();
    cloud.clock.advance(HOUR);
    revoke(&cloud, 20..21).await;
    cloud.faults.fail_call(6, FaultKind::BeforeEffect);
    assert!(approve_day(&cloud, day(), BOB).await.is_err());
    assert_eq!(cloud.faults.fired(), Some("control.approve_budget"));
    assert_eq!(cloud.audit.items_of(Event::Approved).len(), 2);
    let today = budget_of(&cloud).await.today;
    assert_eq!((today.approved_by.as_deref(), today.waits), (Some(ADA), true));
}

#[tokio::test]
async fn a_day_or_tenant_that_is_not_there_is_told_apart() {
    let cloud = cloud().await;
    revoke(&cloud, 0..12).await;
    let day_after = day().plus(24 * HOUR);
    let error = approve_day(&cloud, day_after, ADA).await.unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"no command of tenant `acme` has been accounted for on a day 1800057600; `lethe status acme` shows the days that wait");
    assert_eq!(error.exit_code(), 2);
    let ports = (&cloud.control, &cloud.audit);
    let error = approve_commands((&tenant("acne"), day()), &ada(START), &LIMITS, ports).await.unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"config version 1 has no tenant `acne`; it has acme, globex");
    assert!(cloud.audit.items_of(Event::Approved).is_empty());
}

#[tokio::test]
async fn open_commands_are_shown_without_their_second_looks() {
    let cloud = cloud().await;
    for seed in 0..300 {
        cloud.vault.insert(row("acme", &token(seed)).kind("session").subject("alice").session("s-1"));
    }
    let logout =
        json!({ "v": 1, "tenant": "acme", "command": "logout", "subject": "alice", "everywhere": true });
    send(&cloud, "m-1", &logout).await;
    cloud.clock.advance(HOUR);
    let hold = json!({ "v": 1, "tenant": "acme", "command": "hold", "hold_id": "case-1", "subject": "bob" });
    send(&cloud, "m-2", &hold).await;
    let view = status_of(&cloud, Some(&tenant("acme"))).await;
    let fan_outs = &view.tenants[0].fan_outs;
    assert!(cloud.control.all_fan_outs().iter().any(lethe_domain::fan_out::FanOut::is_second_look));
    assert_eq!((fan_outs.n_open, fan_outs.is_cut, fan_outs.ends_tokens), (1, false, true));
    let open = &fan_outs.oldest[0];
    assert_eq!((open.command, open.reaches, open.actor.as_str()), ("logout", "everything of a subject", APP));
    assert_eq!((open.started_at, open.is_stuck), (START, false));
    assert!(200 <= open.n_changed && open.n_parts_done < open.n_parts, "{open:?}");
    let json = serde_json::to_string(&view).unwrap();
    for secret in ["alice", "s-1", "bob"] {
        assert!(!json.contains(secret) && !crate::render::status(&view).contains(secret));
    }
    cloud.clock.advance(24 * HOUR);
    assert!(status_of(&cloud, None).await.tenants[0].fan_outs.oldest[0].is_stuck);
}

#[tokio::test]
async fn what_waits_for_a_person_or_a_hold_is_no_deletion_to_come() {
    let due = START.plus(HOUR);
    let ended = || row("acme", &token(1)).kind("refresh").cooling(Trigger::Rotated, START).due_at(due);
    let first = async |row: lethe_testkit::RowBuilder| {
        let cloud = cloud().await;
        cloud.vault.insert(row);
        status_of(&cloud, Some(&tenant("acme"))).await.tenants.remove(0).first_deletion.unwrap()
    };
    assert_eq!(
        first(ended().family("f-1")).await,
        crate::commands::status::Deletion {
            at: due,
            because: "a token has ended and is looked at again: rotated".into()
        }
    );
    assert!(first(ended().waits_for(day())).await.because.contains("campaign"));
    assert!(first(ended().hold("case-1")).await.because.contains("campaign"));
}
