use lethe_domain::audit::Event;
use lethe_domain::policy::Trigger;
use lethe_domain::row::{Phase, RowVersion};
use lethe_domain::run::{PlanTally, Purpose, RunId, Stage};
use lethe_domain::token::{Shard, TenantId};

use super::*;
use crate::commands::explain::HistoryEvent;
use crate::commands::status::Waiting;

const T: EpochSeconds = EpochSeconds(1_800_000_000);
const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

fn id(text: &str) -> RunId {
    RunId::parse(text).unwrap()
}

fn run(stage: Stage) -> RunView {
    RunView {
        run: id("1800000000-02"),
        purpose: Purpose::Confirm,
        stage,
        plan_only: false,
        config: 3,
        booked_at: T,
        scan_started_at: Some(T),
        resume_at: None,
        note: None,
    }
}

#[test]
fn nothing_changed_is_said_so() {
    let again = Applied { version: 3, is_new: false, tenants: vec![tenant("acme")], new_tenants: Vec::new() };
    insta::assert_snapshot!(applied(&again), @"already version 3: the file is the config in force");
}

#[test]
fn a_new_version_names_its_tenants() {
    let tenants = vec![tenant("acme"), tenant("globex")];
    let new = Applied { version: 4, is_new: true, tenants, new_tenants: vec![tenant("globex")] };
    insta::assert_snapshot!(applied(&new), @"
    version 4 is in force, for acme, globex
    keys made for globex
    ");
}

#[test]
fn a_booked_run_says_when_it_starts() {
    let first = Booked { tenant: tenant("acme"), run: run(Stage::Booked), is_new: true, goes_first: None };
    insta::assert_snapshot!(booked(&first), @"
    run 1800000000-02 is booked for acme
    it starts with the next tick of survey; see `lethe status acme`
    ");
    let plan_only = RunView { plan_only: true, ..run(Stage::Booked) };
    let behind = Booked { run: plan_only, is_new: false, goes_first: Some(run(Stage::Scanning)), ..first };
    insta::assert_snapshot!(booked(&behind), @"
    run 1800000000-02 is already booked for acme, to make its plan and stop
    run 1800000000-02 is scanning and goes first
    it starts with the next tick of survey; see `lethe status acme`
    ");
}

#[test]
fn progress_counts_what_can_be_counted() {
    let scanning = Progress { run: run(Stage::Scanning), counted: Some((3, 12)) };
    insta::assert_snapshot!(progress(&scanning), @"1800000000-02 scanning 3 of 12");
    let draining = RunView { resume_at: Some(T), ..run(Stage::Draining) };
    insta::assert_snapshot!(progress(&Progress { run: draining, counted: None }), @"1800000000-02 draining, goes on from 2027-01-15T08:00:00Z");
    let void = RunView { note: Some("source lake cannot be listed".into()), ..run(Stage::Void) };
    insta::assert_snapshot!(progress(&Progress { run: void, counted: None }), @"1800000000-02 void: source lake cannot be listed");
}

fn waiting_plan() -> PlanView {
    let tally = PlanTally {
        n_rows: 12_010,
        n_active: 12_000,
        n_referenced: 11_000,
        n_struck: 12,
        n_cool: 988,
        n_sentence: 0,
        n_reinstate: 1,
        n_awaiting_verdict: 9,
        n_unreadable: 1,
        verdict_from: None,
    };
    let note =
        "it would take 988 of 12000 active tokens out of service at once; up to 600 pass without a person";
    PlanView {
        tenant: tenant("acme"),
        run: RunView { note: Some(note.into()), ..run(Stage::Gated) },
        hash: HASH.into(),
        evidence: Some("abcd".into()),
        tally,
        cool_per_mille: 82,
        approved_by: None,
        approved_at: None,
        next: Some(format!("lethe approve acme 1800000000-02 {HASH}")),
    }
}

#[test]
fn a_waiting_plan_says_why_and_what_to_type() {
    insta::assert_snapshot!(plan(&waiting_plan()), @"
    plan of confirm run 1800000000-02 of acme, waiting for approval
      config version                  3
      scan began                      2027-01-15T08:00:00Z

      rows read                       12010
      active                          12000
      found in a store                11000
      missed, strikes do not suffice  12
      to take out of service          988 (8.2 % of the active)
      to sentence                     0
      to take back into service       1
      cooling, await a verdict run    9
      not understood, kept            1

      hash                            00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
      evidence                        abcd
      why                             it would take 988 of 12000 active tokens out of service at once; up to 600 pass without a person

    to let exactly this plan go on: lethe approve acme 1800000000-02 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
    ");
}

#[test]
fn an_approved_plan_says_by_whom() {
    let actor = Some("arn:aws:iam::000000000000:user/ada".to_owned());
    let view = PlanView { approved_by: actor, approved_at: Some(T), next: None, ..waiting_plan() };
    let text = plan(&view);
    assert!(
        text.contains("approved                        by arn:aws:iam::000000000000:user/ada at "),
        "{text}"
    );
    assert!(!text.contains("to let exactly this plan go on"), "{text}");
}

#[test]
fn a_plan_in_json_keeps_its_names() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&waiting_plan()).unwrap(), @r#"
    {
      "tenant": "acme",
      "run": "1800000000-02",
      "purpose": "confirm",
      "stage": "gated",
      "plan_only": false,
      "config": 3,
      "booked_at": 1800000000,
      "scan_started_at": 1800000000,
      "resume_at": null,
      "note": "it would take 988 of 12000 active tokens out of service at once; up to 600 pass without a person",
      "hash": "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
      "evidence": "abcd",
      "tally": {
        "n_rows": 12010,
        "n_active": 12000,
        "n_referenced": 11000,
        "n_struck": 12,
        "n_cool": 988,
        "n_sentence": 0,
        "n_reinstate": 1,
        "n_awaiting_verdict": 9,
        "n_unreadable": 1,
        "verdict_from": null
      },
      "cool_per_mille": 82,
      "approved_by": null,
      "approved_at": null,
      "next": "lethe approve acme 1800000000-02 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
    }
    "#);
}

#[test]
fn an_approval_says_what_follows() {
    let first = ApprovalView {
        tenant: tenant("acme"),
        run: id("1800000000-02"),
        hash: HASH.into(),
        actor: "arn:aws:iam::000000000000:user/ada".into(),
        approved_at: T,
        is_new: true,
    };
    insta::assert_snapshot!(approved(&first), @"the plan of run 1800000000-02 of acme is approved by arn:aws:iam::000000000000:user/ada; it goes on with the next tick of survey");
    insta::assert_snapshot!(approved(&ApprovalView { is_new: false, ..first }), @"the plan of run 1800000000-02 of acme was approved before, by arn:aws:iam::000000000000:user/ada at 2027-01-15T08:00:00Z");
}

fn quiet_tenant() -> TenantView {
    TenantView {
        tenant: tenant("globex"),
        kinds: vec!["session".into()],
        sources: Vec::new(),
        shards: 2,
        rows: None,
        fill_percent: None,
        runs: Vec::new(),
        waits: None,
        next_run_at: None,
        reports_only: false,
        first_deletion: None,
        first_deletion_is_exact: true,
    }
}

#[test]
fn status_shows_a_quiet_tenant_and_a_busy_one() {
    let busy = TenantView {
        tenant: tenant("acme"),
        kinds: vec!["vault".into(), "session".into()],
        sources: vec!["lake".into(), "orders".into()],
        shards: 8,
        rows: Some(2_900_000),
        fill_percent: Some(72),
        runs: vec![
            RunView { note: Some("it would take 988 tokens".into()), ..run(Stage::Gated) },
            RunView { run: id("1800000000-01"), purpose: Purpose::Discovery, ..run(Stage::Applied) },
        ],
        waits: Some(Waiting { run: id("1800000000-02"), hash: HASH.into(), approved_by: None }),
        next_run_at: Some(T),
        reports_only: false,
        first_deletion: Some(crate::commands::status::Deletion {
            at: T,
            because: "verdict run 1800000000-03 may sentence tokens".into(),
        }),
        first_deletion_is_exact: false,
    };
    let view = StatusView { config: 3, now: T, tenants: vec![busy, quiet_tenant()] };
    insta::assert_snapshot!(status(&view), @"
    config version 3, at 2027-01-15T08:00:00Z

    acme
      kinds                           vault, session
      sources                         lake, orders
      shards                          8, 2900000 rows, 72 % full - TOO FULL: the count is fixed for life, so plan to move to a tenant with more shards
      next run                        2027-01-15T08:00:00Z
      first deletion to come          not before 2027-01-15T08:00:00Z: verdict run 1800000000-03 may sentence tokens; the vault is too large to look at every row, one that was ended by a command may leave sooner
      waits for approval              run 1800000000-02: see `lethe plan acme 1800000000-02`
      runs                            1800000000-02 confirm waiting for approval: it would take 988 tokens
                                      1800000000-01 discovery applied

    globex
      kinds                           session
      sources                         -
      shards                          2, fill not known before the first plan
      next run                        -
      first deletion to come          none in sight
      runs                            none yet
    ");
}

#[test]
fn status_names_the_report_mode() {
    let view = StatusView {
        config: 1,
        now: T,
        tenants: vec![TenantView {
            reports_only: true,
            runs: vec![RunView { plan_only: true, resume_at: Some(T), ..run(Stage::Reported) }],
            ..quiet_tenant()
        }],
    };
    insta::assert_snapshot!(status(&view), @"
    config version 1, at 2027-01-15T08:00:00Z

    globex
      kinds                           session
      sources                         -
      shards                          2, fill not known before the first plan
      next run                        -
      first deletion to come          none in sight
      mode                            runs end as reports: nothing leaves service until the stack's Mode is act
      runs                            1800000000-02 confirm reported, plan only, goes on from 2027-01-15T08:00:00Z
    ");
}

fn event(event: Event, from: Option<&'static str>, to: Option<&'static str>) -> HistoryEvent {
    HistoryEvent {
        at: T,
        event,
        from,
        to,
        reason: None,
        version: None,
        run: None,
        policy: None,
        evidence: None,
        actor: None,
        text: None,
        object: None,
        object_version: None,
        retain_until: None,
    }
}

#[test]
fn explain_shows_state_counts_and_record() {
    let row = RowView {
        kind: "vault".into(),
        shard: Shard(5),
        phase: Phase::Sentenced,
        is_good: false,
        version: RowVersion(1_700_000_000_002),
        created_at: T,
        last_read_at: None,
        expires_at: None,
        reason: Some(Trigger::Unreferenced),
        cooling_since: Some(T),
        purge_at: Some(T),
        run: Some(id("1800000000-03")),
        policy: Some(3),
        hold: None,
    };
    let count =
        |run: &str, references, strikes| CountView { run: id(run), scan_started_at: T, references, strikes };
    let cooled = HistoryEvent {
        reason: Some(Trigger::Unreferenced),
        run: Some("1800000000-02".into()),
        policy: Some(3),
        ..event(Event::Cooled, Some("active"), Some("cooling"))
    };
    let view = ExplainView {
        tenant: tenant("acme"),
        fingerprint: "ab".repeat(16),
        standing: "sentenced",
        why: "it is out of service: unreferenced, by run 1800000000-03".into(),
        row: Some(row),
        counts: vec![count("1800000000-02", Some(0), Some(2)), count("1800000000-01", Some(1), None)],
        history: vec![cooled],
    };
    insta::assert_snapshot!(explain(&view), @"
    a token of acme, sentenced: it is out of service: unreferenced, by run 1800000000-03
      fingerprint                     abababababababababababababababab
      kind                            vault
      shard                           0005
      good to a reader                no
      version                         1700000000002
      created                         2027-01-15T08:00:00Z
      last read                       -
      expires                         -
      out of service since            2027-01-15T08:00:00Z
      leaves the vault from           2027-01-15T08:00:00Z
      decided by config version       3

    found by the last sealed runs
      run 1800000000-02 (scan began 2027-01-15T08:00:00Z): 0 references, strike 2
      run 1800000000-01 (scan began 2027-01-15T08:00:00Z): 1 reference

    on record
      2027-01-15T08:00:00Z  cooled, active to cooling, because unreferenced, run 1800000000-02, config version 3
    ");
}

#[test]
fn explain_shows_what_became_of_a_token_that_is_gone() {
    let object = |of: HistoryEvent| HistoryEvent {
        object: Some("r30/2027-01-15/ab.ndjson.zst".into()),
        object_version: Some("v1".into()),
        ..of
    };
    let archived = HistoryEvent {
        retain_until: Some(T),
        ..object(event(Event::Archived, Some("sentenced"), Some("archived")))
    };
    let purged = object(event(Event::Purged, None, Some("purged")));
    let view = ExplainView {
        tenant: tenant("acme"),
        fingerprint: "ab".repeat(16),
        standing: "purged",
        why: "it left the vault".into(),
        row: None,
        counts: Vec::new(),
        history: vec![archived, purged],
    };
    insta::assert_snapshot!(explain(&view), @"
    a token of acme, purged: it left the vault
      fingerprint                     abababababababababababababababab

    on record
      2027-01-15T08:00:00Z  archived, sentenced to archived, object r30/2027-01-15/ab.ndjson.zst, version v1, locked until 2027-01-15T08:00:00Z
      2027-01-15T08:00:00Z  purged, object r30/2027-01-15/ab.ndjson.zst, version v1
    ");
    let unknown = ExplainView { standing: "unknown", history: Vec::new(), ..view };
    assert!(explain(&unknown).ends_with("on record\n  nothing"));
}

#[test]
fn shares_show_tenths_of_a_percent() {
    assert_eq!((percent(0), percent(5), percent(1000)), ("0.0 %".into(), "0.5 %".into(), "100.0 %".into()));
}
