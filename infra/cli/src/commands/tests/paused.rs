//! The kill switch and the undo, by hand.

use lethe_domain::backlog::{Backlog, BacklogApproval};
use lethe_domain::pause::{LATE_USE_ALARM, Pause, Reach};
use lethe_domain::row::By;
use lethe_domain::run::ApplyTally;
use lethe_domain::undo::{Undo, UndoTally};
use lethe_stages::ports::{KillSwitch, Undos};
use lethe_testkit::FaultKind;

use super::super::pause::{Paused, Resumed, pause, resume};
use super::super::undo::{self, LeftView, UndoView};
use super::*;

const BOB: &str = "arn:aws:iam::000000000000:user/bob";

fn acme() -> Reach {
    Reach::Tenant(tenant("acme"))
}

async fn paused(cloud: &FakeCloud, reach: &Reach, how: (Option<&str>, bool)) -> Result<Paused, CliError> {
    let who = ada(cloud.clock.now());
    pause(reach, how, (&who, &LIMITS), (&cloud.control, &cloud.audit)).await
}

async fn resumed(cloud: &FakeCloud, reach: &Reach) -> Result<Resumed, CliError> {
    let who = Caller { actor: BOB.to_owned(), now: cloud.clock.now() };
    resume(reach, (&who, &LIMITS), (&cloud.control, &cloud.audit)).await
}

#[tokio::test]
async fn a_pause_stands_first_in_status_and_is_on_record_with_its_end() {
    let cloud = cloud().await;
    let set = paused(&cloud, &acme(), (Some("INC-7"), true)).await.unwrap();
    assert_eq!((set.is_new, set.pause.actor.as_str(), set.pause.freezes), (true, ADA, true));
    let tenants = status_of(&cloud, None).await.tenants;
    assert_eq!(tenants[0].pauses, std::slice::from_ref(&set.pause));
    assert_eq!(tenants[0].freeze.map(|freeze| freeze.n_shards_done), Some(0));
    assert!(tenants[1].pauses.is_empty());

    cloud.clock.advance(Duration::from_hours(1));
    let ended = resumed(&cloud, &acme()).await.unwrap();
    assert_eq!((ended.ended, ended.still), (Some(set.pause), vec![]));
    assert!(status_of(&cloud, None).await.tenants[0].pauses.is_empty());
    let said: Vec<_> = [Event::Paused, Event::Resumed]
        .map(|event| cloud.audit.items_of(event).remove(0))
        .into_iter()
        .map(|item| (item.pk, item.actor.unwrap()))
        .collect();
    assert_eq!(said, [("acme#run".to_owned(), ADA.to_owned()), ("acme#run".to_owned(), BOB.to_owned())]);
}

#[tokio::test]
async fn a_pause_of_all_and_one_of_a_tenant_end_each_by_itself() {
    let cloud = cloud().await;
    paused(&cloud, &Reach::Everybody, (None, false)).await.unwrap();
    paused(&cloud, &acme(), (None, false)).await.unwrap();
    assert_eq!(cloud.audit.items_of(Event::Paused).len(), 3, "every tenant's record has it");
    let after = resumed(&cloud, &Reach::Everybody).await.unwrap();
    assert_eq!(
        after.still.iter().map(|pause| pause.tenant.clone()).collect::<Vec<_>>(),
        [Some(tenant("acme"))]
    );
    assert!(cloud.control.pauses(&tenant("acme")).await.unwrap().is_paused());
    assert!(!cloud.control.pauses(&tenant("globex")).await.unwrap().is_paused());
    assert_eq!(resumed(&cloud, &Reach::Everybody).await.unwrap().ended, None);
}

#[tokio::test]
async fn a_second_pause_changes_nothing_but_a_freeze_takes_over() {
    let cloud = cloud().await;
    let first = paused(&cloud, &acme(), (Some("INC-7"), false)).await.unwrap();
    cloud.clock.advance(Duration::from_hours(1));
    let second = paused(&cloud, &acme(), (Some("INC-8"), false)).await.unwrap();
    assert_eq!((second.is_new, second.pause), (false, first.pause));
    assert!(paused(&cloud, &acme(), (Some("INC-8"), true)).await.unwrap().is_new);
}

#[tokio::test]
async fn a_pause_needs_no_config_and_a_tenant_that_nobody_knows_is_refused() {
    let empty = FakeCloud::new();
    assert!(paused(&empty, &Reach::Everybody, (None, false)).await.unwrap().is_new);
    assert!(resumed(&empty, &Reach::Everybody).await.unwrap().ended.is_some());
    for cloud in [empty, cloud().await] {
        let error = paused(&cloud, &Reach::Tenant(tenant("acmee")), (None, false)).await.unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}

#[tokio::test]
async fn a_reason_names_no_token() {
    let cloud = cloud().await;
    for bad in [format!("saw {} go", token(1).expose()), "two\nlines".to_owned(), "x".repeat(201)] {
        let error = paused(&cloud, &acme(), (Some(&bad), false)).await.unwrap_err();
        assert!(error.to_string().starts_with("--reason"), "{error}");
    }
    assert!(!cloud.control.pauses(&tenant("acme")).await.unwrap().is_paused());
}

#[tokio::test]
async fn a_resume_lets_the_late_use_alarm_count_anew() {
    let cloud = cloud().await;
    let (acme_, day) = (tenant("acme"), LIMITS.budget_day_of(START));
    cloud.control.count_late_uses(&acme_, day, 6, START).await.unwrap();
    assert_eq!(status_of(&cloud, None).await.tenants[0].n_late_uses, 6);
    paused(&cloud, &acme(), (None, false)).await.unwrap();
    resumed(&cloud, &acme()).await.unwrap();
    assert_eq!(cloud.control.late_uses(&acme_, day).await.unwrap(), 0);
}

/// A tenant whose first purge goes by an approval.
async fn purging() -> FakeCloud {
    let cloud = cloud().await;
    let run = RunId { slot: START, ordinal: 2 };
    let approved =
        BacklogApproval { run, plan_hash: "h".to_owned(), by: vec![ADA.to_owned()], at: START, n_tokens: 40 };
    let backlog = Backlog { approved: Some(approved), ..Backlog::new(tenant("acme")) };
    assert!(cloud.control.save_backlog(&backlog).await.unwrap());
    cloud
}

fn stopped(cloud: &FakeCloud) -> Option<String> {
    cloud.control.backlog_now(&tenant("acme")).unwrap().stopped
}

/// Only the alarm says that some of what was approved is in use; a person who pauses may have any reason.
#[tokio::test]
async fn after_the_late_use_alarm_a_first_purge_asks_again_also_when_a_freeze_took_the_alarms_place() {
    for (actor, freezes, expected) in [
        (LATE_USE_ALARM, false, Some("7 late reads")),
        (LATE_USE_ALARM, true, Some("7 late reads")),
        (ADA, true, None),
    ] {
        let cloud = purging().await;
        let by = By { actor: actor.to_owned(), reason_text: Some("7 late reads".to_owned()) };
        let stands = Pause { by, since: START, freezes: false };
        assert!(cloud.control.pause(&acme(), &stands).await.unwrap());
        if freezes {
            paused(&cloud, &acme(), (None, true)).await.unwrap();
        }
        resumed(&cloud, &acme()).await.unwrap();
        assert_eq!(stopped(&cloud).as_deref(), expected, "{actor}, {freezes}");
    }
}

#[tokio::test]
async fn late_reads_under_a_persons_pause_count_as_the_alarm_would_have() {
    for (n_reads, expected) in [(1000, None), (1001, Some("1001 of its tokens were read today"))] {
        let cloud = purging().await;
        paused(&cloud, &acme(), (None, false)).await.unwrap();
        cloud
            .control
            .count_late_uses(&tenant("acme"), LIMITS.budget_day_of(START), n_reads, START)
            .await
            .unwrap();
        resumed(&cloud, &acme()).await.unwrap();
        assert_eq!(stopped(&cloud).as_deref(), expected, "{n_reads}");
    }
}

#[tokio::test]
async fn a_pause_or_its_end_that_was_interrupted_is_made_whole_by_the_next_attempt() {
    for kind in FaultKind::ALL {
        for n in 1.. {
            let cloud = cloud().await;
            cloud.faults.fail_call(n, kind);
            let set = paused(&cloud, &acme(), (None, false)).await;
            let ended = if set.is_ok() { resumed(&cloud, &acme()).await.map(|_| ()) } else { Ok(()) };
            if cloud.faults.fired().is_none() {
                break;
            }
            cloud.faults.calm();
            if set.is_err() {
                paused(&cloud, &acme(), (None, false)).await.unwrap();
            }
            if set.is_err() || ended.is_err() {
                resumed(&cloud, &acme()).await.unwrap();
            }
            assert!(!cloud.control.pauses(&tenant("acme")).await.unwrap().is_paused());
            let counts = [Event::Paused, Event::Resumed].map(|event| cloud.audit.items_of(event).len());
            assert_eq!(counts, [1, 1], "call {n}, {kind:?}");
        }
    }
}

/// An item about one token; what comes later in its life lies later.
fn about(seed: u64, event: Event, to: Standing) -> AuditItem {
    let fingerprint = keys().fingerprint(&token(seed));
    let entry = Entry { fingerprint, version: RowVersion(7), from: Standing::Active, to, reason: None };
    let at = if event == Event::Archived { START.plus(Duration::from_hours(1)) } else { START };
    let (place, sequence) = ((&tenant("acme"), bucket_of(&fingerprint)), seed.to_string());
    AuditItem::of_tokens(place, event, (at.to_millis(), &sequence), vec![entry], at)
}

/// A run that took two tokens out of service: one is cooling, the other is archived.
async fn cloud_with_a_run() -> (FakeCloud, RunRef) {
    let cloud = cloud().await;
    let applied = ApplyTally { n_cooled: 2, ..ApplyTally::default() };
    let run = Run { scan_started_at: START, progressed_at: START, applied, ..run_at(Stage::Applied) };
    cloud.control.create_run(&run).await.unwrap();
    let cooling = row("acme", &token(1)).cooling(Trigger::Unreferenced, START);
    cloud.vault.insert(cooling);
    for seed in [1, 2] {
        let cooled = about(seed, Event::Cooled, Standing::Cooling);
        let cooled = AuditItem { run: Some(run.id.to_string()), ..cooled };
        assert!(cloud.audit.record(&cooled).await.unwrap());
    }
    let object = ObjectVersion { key: "r7/2027-01-15/aa".to_owned(), version: "v1".to_owned() };
    let archived = AuditItem { object: Some(object), ..about(2, Event::Archived, Standing::Archived) };
    assert!(cloud.audit.record(&archived).await.unwrap());
    let run = RunRef::from(&run);
    (cloud, run)
}

async fn ordered(cloud: &FakeCloud, run: &RunRef) -> Result<UndoView, CliError> {
    let who = ada(cloud.clock.now());
    let ports = (&cloud.control, &cloud.audit);
    undo::order((&run.tenant, &run.id), Some("INC-7"), (&who, &LIMITS), ports).await
}

#[tokio::test]
async fn a_look_counts_what_an_undo_would_do_and_names_what_is_archived() {
    let (cloud, run) = cloud_with_a_run().await;
    let FakeCloud { control, audit, vault, work, .. } = &cloud;
    let (who, ports) = (ada(START), undo::Ports { control, audit, vault, work });
    let view = undo::look((&run.tenant, &run.id), (&who, &LIMITS), &ports).await.unwrap();
    assert_eq!(view.tally, UndoTally { n_reinstated: 1, ..UndoTally::default() });
    let objects = [("r7/2027-01-15/aa".to_owned(), 1)].into();
    assert_eq!(view.left, Some(LeftView { n_archived: 1, n_erased: 0, objects }));
    assert_eq!(cloud.control.undo(&run).await.unwrap(), None, "nothing was ordered");
    assert_eq!(cloud.vault.n_writes(), 0);
}

#[tokio::test]
async fn an_order_is_given_once_on_record_with_its_actor_and_followed_to_its_end() {
    let (cloud, run) = cloud_with_a_run().await;
    assert!(ordered(&cloud, &run).await.unwrap().is_new);
    assert!(!ordered(&cloud, &run).await.unwrap().is_new);
    let [item] = &cloud.audit.items_of(Event::Undone)[..] else { panic!("one item") };
    assert_eq!(item.actor.as_deref(), Some(ADA));
    let waits = Cell::new(0);
    // Reconcile, as far as this test is concerned.
    let step = async || {
        waits.set(waits.get() + 1);
        let stands = cloud.control.undo(&run).await.unwrap().unwrap();
        let tally = UndoTally { n_reinstated: waits.get(), ..UndoTally::default() };
        let done_at = (waits.get() == 3).then_some(START);
        assert!(cloud.control.update_undo(&Undo { tally, done_at, ..stands }).await.unwrap());
    };
    let mut shown = Vec::new();
    let show = |view: &UndoView| shown.push(view.tally.n_reinstated);
    let done = undo::follow(&run, (&cloud.control, &cloud.audit), step, show).await.unwrap();
    assert_eq!(shown, [0, 1, 2]);
    assert_eq!((done.tally.n_reinstated, done.left.map(|left| left.n_archived)), (3, Some(1)));
}

#[tokio::test]
async fn a_run_that_wrote_nothing_is_not_undone() {
    let cloud = cloud().await;
    for stage in [Stage::Booked, Stage::Reported] {
        cloud.control.put_run(run_at(stage));
        let error = ordered(&cloud, &RunRef::from(&run_at(stage))).await.unwrap_err();
        assert!(error.to_string().contains("nothing to undo"), "{error}");
    }
}
