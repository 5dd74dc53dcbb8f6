//! The commands over the fakes.

mod accepted;
mod canaries;
mod commanded;
mod explained;
mod paused;
mod regretted;
mod verified;

use std::cell::Cell;
use std::time::Duration;

use lethe_domain::audit::{AuditItem, Entry, Event, ObjectVersion, Standing, bucket_of};
use lethe_domain::candidates::{self, Candidate};
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::limits::Limits;
use lethe_domain::marks::{Mark, MarkKey, PartHeader, encode_section};
use lethe_domain::policy::Trigger;
use lethe_domain::row::RowVersion;
use lethe_domain::run::{PlanTally, Purpose, Run, RunId, Stage};
use lethe_domain::time::{EpochMillis, EpochSeconds};
use lethe_domain::token::{TenantId, TokenId};
use lethe_stages::ports::{AuditLog, Control, Done, RunRef, WorkStore};
use lethe_stages::work_keys;
use lethe_testkit::{FakeCloud, START, Sample, row, sample, tenant, token};

use super::Caller;
use super::apply::{Applied, apply, check};
use super::approve::approve;
use super::explain::{ExplainView, Ports, explain};
use super::plan::plan;
use super::run::{book, follow};
use super::status::{StatusView, status};
use crate::error::CliError;

const ADA: &str = "arn:aws:iam::000000000000:user/ada";
const LIMITS: Limits = Limits::production();

fn ada(now: EpochSeconds) -> Caller {
    Caller { actor: ADA.to_owned(), now }
}

fn keys() -> TenantKeys {
    TenantKeys { mark_key: 7, fingerprint_key: [7; 32], key_version: 1 }
}

async fn apply_text(cloud: &FakeCloud, text: &str) -> Result<Applied, CliError> {
    let ports = (&cloud.control, &cloud.audit);
    apply(("lethe.toml", text), &ada(cloud.clock.now()), ports, || Ok(keys())).await
}

/// A cloud with the sample's config in force.
async fn cloud() -> FakeCloud {
    let cloud = FakeCloud::new();
    apply_text(&cloud, &sample().text()).await.unwrap();
    cloud
}

fn run_at(stage: Stage) -> Run {
    let id = RunId { slot: START, ordinal: 1 };
    Run {
        stage,
        config: 1,
        resume_at: None,
        ..Run::booked(tenant("acme"), id, Purpose::Discovery, START, START)
    }
}

fn gated() -> Run {
    let tally = PlanTally { n_rows: 900_000, n_active: 1000, n_cool: 81, ..PlanTally::default() };
    Run {
        plan_hash: Some("aa".into()),
        evidence: Some("ee".into()),
        scan_started_at: START,
        tally,
        note: Some("too many".into()),
        ..run_at(Stage::Gated)
    }
}

#[tokio::test]
async fn the_same_file_twice_is_one_version() {
    let cloud = FakeCloud::new();
    let text = sample().text();
    let first = apply_text(&cloud, &text).await.unwrap();
    assert_eq!((first.version, first.is_new, first.new_tenants.len()), (1, true, 2));
    let again = apply_text(&cloud, &text).await.unwrap();
    assert_eq!((again.version, again.is_new, again.new_tenants.len()), (1, false, 0));
    let stored = cloud.control.current_config().await.unwrap().unwrap();
    assert_eq!((stored.version, stored.text, stored.author.as_str()), (1, text, ADA));
}

#[tokio::test]
async fn another_file_is_the_next_version_and_on_record_for_each_tenant() {
    let cloud = cloud().await;
    let text = format!("# reviewed\n{}", sample().text());
    let next = apply_text(&cloud, &text).await.unwrap();
    assert_eq!((next.version, next.is_new), (2, true));
    let changes = cloud.audit.items_of(Event::PolicyChanged);
    let named: Vec<(String, Option<u64>)> = changes.into_iter().map(|item| (item.pk, item.policy)).collect();
    let expected = [("acme#run", 1), ("acme#run", 2), ("globex#run", 1), ("globex#run", 2)];
    assert_eq!(named, expected.map(|(pk, version)| (pk.to_owned(), Some(version))));
}

#[tokio::test]
async fn a_bad_file_names_every_fault_and_stores_nothing() {
    let cloud = FakeCloud::new();
    let text = sample().text().replace("version = 1", "version = 2\nunheard_of = 1");
    let error = apply_text(&cloud, &text).await.unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("lethe.toml:1:11 version:"), "{error}");
    assert!(error.to_string().ends_with("2 faults in lethe.toml; nothing was stored"), "{error}");
    assert_eq!(cloud.control.current_config().await.unwrap(), None);
    assert!(cloud.audit.items().is_empty());
    assert_eq!(cloud.control.keys_now(&tenant("acme")), None);
    assert!(check("lethe.toml", &text).is_err());
}

#[tokio::test]
async fn what_is_fixed_for_life_cannot_be_applied() {
    let cloud = cloud().await;
    let text = sample().shards(64).text();
    let error = apply_text(&cloud, &text).await.unwrap_err();
    assert!(error.to_string().contains("tenants.acme.shards: is fixed for life"), "{error}");
    assert_eq!(error.exit_code(), 2);
}

#[tokio::test]
async fn an_interrupted_apply_is_finished_by_the_next_one() {
    let text = sample().text();
    for kind in lethe_testkit::FaultKind::ALL {
        for n in 1.. {
            let cloud = FakeCloud::new();
            cloud.faults.fail_call(n, kind);
            let first = apply_text(&cloud, &text).await;
            if cloud.faults.fired().is_none() {
                first.unwrap();
                break;
            }
            cloud.faults.calm();
            let again = apply_text(&cloud, &text).await.unwrap();
            assert_eq!(again.version, 1, "{kind:?} {n}");
            assert!(cloud.control.keys_now(&tenant("acme")).is_some());
            assert_eq!(cloud.audit.items_of(Event::PolicyChanged).len(), 2, "{kind:?} {n}");
        }
    }
}

#[tokio::test]
async fn booking_twice_books_once() {
    let cloud = cloud().await;
    let acme = tenant("acme");
    let first = book(&acme, false, START, &LIMITS, &cloud.control).await.unwrap();
    assert!(first.is_new && first.goes_first.is_none());
    let later = EpochSeconds(START.0 + 5);
    let again = book(&acme, false, later, &LIMITS, &cloud.control).await.unwrap();
    assert!(!again.is_new);
    assert_eq!(again.run.run, first.run.run);
    let plan_only = book(&acme, true, later, &LIMITS, &cloud.control).await.unwrap();
    assert!(plan_only.is_new && plan_only.run.plan_only);
    assert_eq!(cloud.control.all_runs().len(), 2);
}

#[tokio::test]
async fn a_run_in_progress_goes_first() {
    let cloud = cloud().await;
    cloud.control.put_run(run_at(Stage::Scanning));
    let booked =
        book(&tenant("acme"), false, EpochSeconds(START.0 + 5), &LIMITS, &cloud.control).await.unwrap();
    assert_eq!(booked.goes_first.unwrap().stage, Stage::Scanning);
}

#[tokio::test]
async fn a_run_needs_a_config_a_known_tenant_and_something_to_scan() {
    let empty = FakeCloud::new();
    let error = book(&tenant("acme"), false, START, &LIMITS, &empty.control).await.unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"no config is in force yet; store one with `lethe apply lethe.toml`");
    assert_eq!(error.exit_code(), 1);
    let cloud = cloud().await;
    let error = book(&tenant("acne"), false, START, &LIMITS, &cloud.control).await.unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"config version 1 has no tenant `acne`; it has acme, globex");
    assert_eq!(error.exit_code(), 2);
    let text = "version = 1\n[kinds.session]\n[tenants.acme]\nshards = 1\nkinds = [\"session\"]\n";
    let unscanned = FakeCloud::new();
    apply_text(&unscanned, text).await.unwrap();
    let error = book(&tenant("acme"), false, START, &LIMITS, &unscanned.control).await.unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"no kind of tenant `acme` has a format, so there is nothing to scan for; see config version 1");
}

#[tokio::test]
async fn following_tells_what_is_new_until_the_run_waits() {
    let cloud = cloud().await;
    let run = Run { n_units: 4, ..run_at(Stage::Scanning) };
    cloud.control.put_run(run.clone());
    let run_ref = RunRef::from(&run);
    let step = Cell::new(0);
    let pause = async || {
        step.set(step.get() + 1);
        match step.get() {
            1 => cloud.control.add_done(&run_ref, Done::Scan, 3).await.unwrap(),
            2 => {}
            3 => cloud.control.put_run(run_at(Stage::Planning)),
            _ => cloud.control.put_run(gated()),
        }
    };
    let mut lines = Vec::new();
    let ended =
        follow(&run_ref, &cloud.control, pause, |progress| lines.push(crate::render::progress(progress)))
            .await
            .unwrap();
    assert_eq!(ended.stage, Stage::Gated);
    insta::assert_snapshot!(lines.join("\n"), @"
    1800000000-01 scanning 0 of 4
    1800000000-01 scanning 1 of 4
    1800000000-01 planning 0 of 2
    1800000000-01 waiting for approval: too many
    ");
}

#[tokio::test]
async fn a_plan_is_that_of_the_run_that_waits() {
    let cloud = cloud().await;
    cloud.control.put_run(gated());
    let later = RunId { slot: EpochSeconds(START.0 + 9), ordinal: 1 };
    cloud.control.put_run(Run { id: later.clone(), plan_hash: Some("bb".into()), ..run_at(Stage::Applied) });
    let view = plan(&tenant("acme"), None, &cloud.control).await.unwrap();
    assert_eq!((view.hash.as_str(), view.cool_per_mille), ("aa", 81));
    assert_eq!(view.next, Some(format!("lethe approve acme {}-01 aa", START.0)));
    let other = plan(&tenant("acme"), Some(&later), &cloud.control).await.unwrap();
    assert_eq!((other.hash.as_str(), other.next), ("bb", None));
}

#[tokio::test]
async fn a_plan_that_is_not_there_is_told_apart() {
    let cloud = cloud().await;
    let acme = tenant("acme");
    let none = plan(&acme, None, &cloud.control).await.unwrap_err();
    insta::assert_snapshot!(none.to_string(), @"no run of tenant `acme` has a plan yet; `lethe status acme` shows its runs");
    let unknown = plan(&acme, Some(&RunId { slot: EpochSeconds(1), ordinal: 1 }), &cloud.control).await;
    insta::assert_snapshot!(unknown.unwrap_err().to_string(), @"tenant `acme` has no run 1-01; `lethe status acme` lists its runs");
    cloud.control.put_run(run_at(Stage::Void).voided("source lake cannot be listed", START));
    let void = plan(&acme, Some(&RunId { slot: START, ordinal: 1 }), &cloud.control).await.unwrap_err();
    assert!(void.to_string().ends_with("has no plan: it is void (source lake cannot be listed)"), "{void}");
    assert_eq!(void.exit_code(), 2);
}

async fn approve_gated(cloud: &FakeCloud, hash: &str) -> Result<super::approve::ApprovalView, CliError> {
    let ports = (&cloud.control, &cloud.audit);
    approve((&tenant("acme"), &gated().id), hash, &ada(START), ports).await
}

#[tokio::test]
async fn an_approval_is_stored_once_and_on_record_with_its_actor() {
    let cloud = cloud().await;
    cloud.control.put_run(gated());
    assert!(approve_gated(&cloud, "aa").await.unwrap().is_new);
    assert!(!approve_gated(&cloud, "aa").await.unwrap().is_new);
    let stored = cloud.control.approvals(&RunRef::from(&gated())).await.unwrap();
    let stored: Vec<_> = stored.iter().map(|yes| (yes.hash.as_str(), yes.actor.as_str())).collect();
    assert_eq!(stored, [("aa", ADA)]);
    let items = cloud.audit.items_of(Event::Approved);
    assert_eq!(items.iter().map(|item| item.actor.as_deref()).collect::<Vec<_>>(), [Some(ADA)]);
}

#[tokio::test]
async fn another_plan_or_another_state_cannot_be_approved() {
    let cloud = cloud().await;
    assert_eq!(approve_gated(&cloud, "aa").await.unwrap_err().exit_code(), 2);
    cloud.control.put_run(gated());
    let wrong = approve_gated(&cloud, "ab").await.unwrap_err();
    insta::assert_snapshot!(wrong.to_string(), @"this is not the hash of the plan of run 1800000000-01; a changed plan needs a new approval, look at it as it is now: lethe plan acme 1800000000-01");
    cloud.control.put_run(Run { stage: Stage::Applied, ..gated() });
    let late = approve_gated(&cloud, "aa").await.unwrap_err();
    insta::assert_snapshot!(late.to_string(), @"run 1800000000-01 does not wait for an approval: it is applied");
    assert_eq!((wrong.exit_code(), late.exit_code()), (2, 2));
    assert_eq!(cloud.control.approvals(&RunRef::from(&gated())).await.unwrap(), []);
}

async fn approve_as(cloud: &FakeCloud, actor: &str) -> Result<super::approve::ApprovalView, CliError> {
    let caller = Caller { actor: actor.to_owned(), now: START };
    let ports = (&cloud.control, &cloud.audit);
    approve((&tenant("acme"), &gated().id), "aa", &caller, ports).await
}

#[tokio::test]
async fn two_persons_are_two_who_did_not_write_the_config() {
    const OPS: &str = "arn:aws:sts::000000000000:assumed-role/ops";
    let cloud = cloud().await;
    cloud.control.put_run(Run { n_persons: 2, ..gated() });
    let author = approve_as(&cloud, ADA).await.unwrap_err();
    insta::assert_snapshot!(author.to_string(), @"arn:aws:iam::000000000000:user/ada stored config version 1, which this plan follows, and the plan needs 2 persons who did not; ask somebody else to approve it");
    let first = approve_as(&cloud, &format!("{OPS}/one")).await.unwrap();
    assert_eq!((first.is_new, first.n_missing), (true, 1));
    let again = approve_as(&cloud, &format!("{OPS}/two")).await.unwrap_err();
    insta::assert_snapshot!(again.to_string(), @"arn:aws:sts::000000000000:assumed-role/ops approved this plan at 2027-01-15T08:00:00Z already, and it needs 1 more; all sessions of one role are one person, so ask somebody with a user or a role of their own");
    assert_eq!((author.exit_code(), again.exit_code()), (2, 2));
    let half = plan(&tenant("acme"), None, &cloud.control).await.unwrap();
    assert_eq!((half.approvals.len(), half.n_missing, half.next.is_some()), (1, 1, true));
    let second = approve_as(&cloud, "arn:aws:iam::000000000000:user/bob").await.unwrap();
    assert_eq!((second.is_new, second.n_missing), (true, 0));
    let whole = plan(&tenant("acme"), None, &cloud.control).await.unwrap();
    assert_eq!((whole.approvals.len(), whole.n_missing, whole.next), (2, 0, None));
    let actors = cloud.audit.items_of(Event::Approved).into_iter().filter_map(|item| item.actor);
    let actors: std::collections::BTreeSet<String> = actors.collect();
    assert_eq!(actors, ["arn:aws:iam::000000000000:user/bob".to_owned(), format!("{OPS}/one")].into());
}

async fn status_of(cloud: &FakeCloud, only: Option<&TenantId>) -> StatusView {
    let ports = (&cloud.control, &cloud.audit, &cloud.vault);
    status(only, cloud.clock.now(), &LIMITS, ports).await.unwrap()
}

#[tokio::test]
async fn status_of_a_new_stack_tells_the_first_deletion_to_come() {
    let cloud = cloud().await;
    let view = status_of(&cloud, None).await;
    assert_eq!(view.tenants.len(), 2);
    let acme = &view.tenants[0];
    assert_eq!(acme.next_run_at, Some(START));
    let first = acme.first_deletion.clone().unwrap();
    let (spacing, cool_off, notice) = (4, 7 * 24, 24);
    assert_eq!(first.at, START.plus(Duration::from_hours(spacing + cool_off + notice)));
    assert!(acme.runs.is_empty() && acme.waits.is_none() && !acme.reports_only);
    assert_eq!(status_of(&cloud, Some(&tenant("globex"))).await.tenants.len(), 1);
}

#[tokio::test]
async fn status_shows_the_next_slot_and_the_window() {
    let cloud = FakeCloud::new();
    let nights = sample().cadence("30 1 * * 6 Europe/Berlin").window("01:00-05:00 Europe/Berlin");
    apply_text(&cloud, &nights.text()).await.unwrap();
    // It is Friday, 09:00 in Berlin. The firing of last Saturday is due, and waits for tonight.
    let acme = status_of(&cloud, Some(&tenant("acme"))).await.tenants.remove(0);
    let (opens, fires) =
        (START.plus(Duration::from_hours(16)), START.plus(Duration::from_mins(16 * 60 + 30)));
    assert_eq!(acme.cadence.unwrap().next_slot, Some(fires));
    let window = acme.window.unwrap();
    assert_eq!(
        (window.hours.as_str(), window.is_open, window.until),
        ("01:00-05:00 Europe/Berlin", false, opens)
    );
    assert_eq!(acme.next_run_at, Some(opens));
    let booked = book(&tenant("acme"), false, START, &LIMITS, &cloud.control).await.unwrap();
    assert_eq!(booked.opens_at, Some(opens));
    cloud.clock.set(opens);
    let acme = status_of(&cloud, Some(&tenant("acme"))).await.tenants.remove(0);
    let window = acme.window.unwrap();
    assert_eq!((window.is_open, window.until), (true, opens.plus(Duration::from_hours(4))));
    assert_eq!(acme.next_run_at, Some(opens));
}

#[tokio::test]
async fn status_shows_what_waits_and_how_full_the_shards_are() {
    let cloud = cloud().await;
    cloud.control.put_run(gated());
    let view = status_of(&cloud, Some(&tenant("acme"))).await;
    let acme = &view.tenants[0];
    assert_eq!(acme.waits.as_ref().map(|waits| waits.hash.as_str()), Some("aa"));
    assert_eq!((acme.rows, acme.fill_percent), (Some(900_000), Some(90)));
    assert_eq!(acme.next_run_at, None);
}

#[tokio::test]
async fn status_sees_a_token_that_ends_sooner_than_any_run() {
    let cloud = cloud().await;
    let ends = START.plus(Duration::from_hours(2));
    cloud.vault.insert(row("acme", &token(1)).expires_at(ends).due_at(ends));
    let view = status_of(&cloud, None).await;
    let first = |at: usize| view.tenants[at].first_deletion.clone().unwrap();
    assert_eq!(first(0).at, ends.plus(Duration::from_hours(24)));
    assert!(first(0).because.contains("expires"), "{:?}", first(0));
    assert!(first(1).because.contains("campaign"), "{:?}", first(1));
}

#[tokio::test]
async fn status_sees_a_row_that_has_its_date_already() {
    let cloud = cloud().await;
    let leaves = START.plus(Duration::from_hours(1));
    cloud.vault.insert(row("acme", &token(1)).cooling(Trigger::Revoked, START).purge_at(leaves));
    let acme = status_of(&cloud, None).await.tenants.remove(0);
    let first = acme.first_deletion.unwrap();
    assert_eq!((first.at, first.because.as_str()), (leaves, "a token is sentenced: revoked"));
    assert!(acme.first_deletion_is_exact);
}

#[tokio::test]
async fn status_does_not_walk_a_large_vault_to_its_end() {
    let cloud = cloud().await;
    cloud.set_page_size(1);
    for seed in 0..200 {
        cloud.vault.insert(row("acme", &token(seed)).cooling(Trigger::Revoked, START).purge_at(START));
    }
    cloud.faults.calm();
    let view = status_of(&cloud, Some(&tenant("acme"))).await;
    assert!(!view.tenants[0].first_deletion_is_exact);
    assert_eq!(cloud.faults.n_calls_of("vault.overdue"), 64);
}

#[tokio::test]
async fn a_report_says_what_acting_would_lead_to() {
    let cloud = cloud().await;
    cloud.control.put_run(run_at(Stage::Reported));
    let view = status_of(&cloud, Some(&tenant("acme"))).await;
    assert!(view.tenants[0].reports_only);
    let first = view.tenants[0].first_deletion.clone().unwrap();
    assert!(first.because.contains("the next campaign"), "{first:?}");
    cloud.control.put_run(Run { plan_only: true, ..run_at(Stage::Reported) });
    let view = status_of(&cloud, Some(&tenant("acme"))).await;
    assert!(!view.tenants[0].reports_only);
}

async fn explain_token(cloud: &FakeCloud, token: &TokenId) -> ExplainView {
    let ports =
        Ports { control: &cloud.control, audit: &cloud.audit, vault: &cloud.vault, work: &cloud.work };
    let view = explain(&tenant("acme"), token.expose(), (cloud.clock.now(), &LIMITS), &ports).await.unwrap();
    let json = serde_json::to_string(&view).unwrap();
    assert!(!json.contains(token.expose()), "no answer repeats a token");
    assert!(!crate::render::explain(&view).contains(token.expose()), "no answer repeats a token");
    view
}

#[tokio::test]
async fn an_unknown_token_is_explained_as_unknown() {
    let cloud = cloud().await;
    let view = explain_token(&cloud, &token(1)).await;
    assert_eq!((view.standing, view.history.len(), view.row), ("unknown", 0, None));
}

#[tokio::test]
async fn a_token_is_explained_with_its_counts_and_its_record() {
    let cloud = cloud().await;
    cloud.set_page_size(1);
    let (acme, subject) = (tenant("acme"), token(1));
    let since = EpochSeconds(START.0 - 60);
    let builder = row("acme", &subject).cooling(Trigger::Unreferenced, since).decided_by("100-02", 1, 1);
    let built = builder.build();
    cloud.vault.insert(builder);
    let run = Run { evidence: Some("ee".into()), scan_started_at: since, ..run_at(Stage::Applied) };
    cloud.control.put_run(run.clone());
    let run_ref = RunRef::from(&run);
    let hash = MarkKey::new(keys().mark_key).hash(subject.expose().as_bytes());
    let counts = encode_section(&PartHeader::default(), built.key.shard, &[]).unwrap();
    cloud.work.put_new(&work_keys::counts(&run_ref, built.key.shard, 0), counts).await.unwrap();
    let found = Run { id: RunId { slot: EpochSeconds(100), ordinal: 1 }, ..run.clone() };
    cloud.control.put_run(found.clone());
    let counts = encode_section(&PartHeader::default(), built.key.shard, &[Mark { hash, count: 3 }]).unwrap();
    let key = work_keys::counts(&RunRef::from(&found), built.key.shard, 1);
    cloud.work.put_new(&key, counts).await.unwrap();
    let first_part = encode_section(&PartHeader::default(), built.key.shard, &[]).unwrap();
    let key = work_keys::counts(&RunRef::from(&found), built.key.shard, 0);
    cloud.work.put_new(&key, first_part).await.unwrap();
    let candidate = Candidate { strikes: 2, first_scan_at: since };
    let list = candidates::encode(&[(hash.0, candidate)]);
    cloud.work.put_new(&work_keys::candidates(&run_ref, built.key.shard), list).await.unwrap();
    record_cooled(&cloud, &acme, &subject, since).await;

    let view = explain_token(&cloud, &subject).await;
    assert_eq!(view.standing, "cooling");
    assert_eq!(view.row.as_ref().map(|row| row.is_good), Some(false));
    assert_eq!(
        view.counts.iter().map(|count| (count.references, count.strikes)).collect::<Vec<_>>(),
        [(Some(0), Some(2)), (Some(3), None)]
    );
    let events: Vec<(Event, EpochSeconds)> =
        view.history.iter().map(|event| (event.event, event.at)).collect();
    assert_eq!(events, [(Event::Cooled, since)]);
}

/// Puts a cooling on record, among other tokens' events.
async fn record_cooled(cloud: &FakeCloud, acme: &TenantId, subject: &TokenId, at: EpochSeconds) {
    let entry_of = |token: &TokenId| Entry {
        fingerprint: keys().fingerprint(token),
        version: RowVersion(2),
        from: Standing::Active,
        to: Standing::Cooling,
        reason: Some(Trigger::Unreferenced),
    };
    let bucket = bucket_of(&keys().fingerprint(subject));
    for (sequence, token) in [("1", subject.clone()), ("2", token(2)), ("3", subject.clone())] {
        let place = (at.to_millis(), sequence);
        let item = AuditItem::of_tokens((acme, bucket), Event::Cooled, place, vec![entry_of(&token)], at);
        cloud.audit.record(&item).await.unwrap();
    }
}

#[tokio::test]
async fn a_token_that_is_gone_is_followed_to_its_purge() {
    let cloud = cloud().await;
    let (acme, subject) = (tenant("acme"), token(1));
    let fingerprint = keys().fingerprint(&subject);
    let object = ObjectVersion { key: "r7/2027-01-15/ab.ndjson.zst".into(), version: "v1".into() };
    let other = ObjectVersion { version: "v2".into(), ..object.clone() };
    let entry = Entry {
        fingerprint,
        version: RowVersion(5),
        from: Standing::Sentenced,
        to: Standing::Archived,
        reason: Some(Trigger::Unreferenced),
    };
    let place = (EpochMillis(START.0 * 1000), "1");
    let archived =
        AuditItem::of_tokens((&acme, bucket_of(&fingerprint)), Event::Archived, place, vec![entry], START);
    let archived = AuditItem { object: Some(object.clone()), retain_until: Some(START), ..archived };
    let later = EpochSeconds(START.0 + 60);
    for item in [
        archived,
        AuditItem::of_object(&object, Event::Archived, START),
        AuditItem::of_object(&other, Event::Purged, START),
    ] {
        cloud.audit.record(&item).await.unwrap();
    }
    assert_eq!(explain_token(&cloud, &subject).await.standing, "archived");
    cloud.audit.record(&AuditItem::of_object(&object, Event::Purged, later)).await.unwrap();
    let view = explain_token(&cloud, &subject).await;
    assert_eq!(view.standing, "purged");
    let events: Vec<Event> = view.history.iter().map(|event| event.event).collect();
    assert_eq!(events, [Event::Archived, Event::Purged]);
}

#[tokio::test]
async fn a_bearer_token_is_found_under_its_hash() {
    let cloud = cloud().await;
    let stored = TokenId::new(hex::encode(lethe_domain::token::token_digest(b"a bearer token"))).unwrap();
    cloud.vault.insert(row("acme", &stored).kind("session"));
    let typed = TokenId::new("a bearer token").unwrap();
    let view = explain_token(&cloud, &typed).await;
    assert_eq!((view.standing, view.fingerprint), ("active", keys().fingerprint(&stored).to_string()));
}
