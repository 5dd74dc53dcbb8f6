use lethe_domain::audit::Event;
use lethe_domain::marks::Dangling;
use lethe_domain::policy::Trigger;
use lethe_domain::reader::{ReaderAnswer, ReaderState};
use lethe_domain::regret::{Decision, PolicyVersion, RegretCount, Regrets};
use lethe_domain::row::{Phase, RowVersion};
use lethe_domain::run::{PlanTally, Purpose, RunId, Stage};
use lethe_domain::token::{Shard, TenantId};
use lethe_domain::undo::UndoTally;
use lethe_domain::witness::{Measured, Witnesses};

use super::*;
use crate::commands::explain::HistoryEvent;
use crate::commands::regret::regret;
use crate::commands::status::Waiting;
use crate::commands::verify::{FaultView, VerifyView};

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
        notes: Vec::new(),
        regret: None,
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
    let first = Booked {
        tenant: tenant("acme"),
        run: run(Stage::Booked),
        is_new: true,
        goes_first: None,
        opens_at: None,
    };
    insta::assert_snapshot!(booked(&first), @"
    run 1800000000-02 is booked for acme
    it starts with the next tick of survey; see `lethe status acme`
    ");
    let plan_only = RunView { plan_only: true, ..run(Stage::Booked) };
    let by_day = Booked { opens_at: Some(T), ..first.clone() };
    insta::assert_snapshot!(booked(&by_day), @"
    run 1800000000-02 is booked for acme
    it starts when the tenant's window opens at 2027-01-15T08:00:00Z; see `lethe status acme`
    ");
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
        n_deferred: 0,
        n_sentence: 0,
        n_reinstate: 1,
        n_awaiting_verdict: 9,
        n_not_idle: 0,
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
        measured: Measured::default(),
        cool_per_mille: 82,
        approvals: Vec::new(),
        n_missing: 1,
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
      put off to later slices         0
      to sentence                     0
      to take back into service       1
      cooling, await a verdict run    9
      not understood, kept            1

      hash                            00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
      evidence                        abcd
      why                             it would take 988 of 12000 active tokens out of service at once; up to 600 pass without a person
      needs                           the approval of one person

    to let exactly this plan go on: lethe approve acme 1800000000-02 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
    ");
}

#[test]
fn an_approved_plan_says_by_whom() {
    let approved = Approved { by: "arn:aws:iam::000000000000:user/ada".to_owned(), at: T };
    let view = PlanView { approvals: vec![approved], n_missing: 0, next: None, ..waiting_plan() };
    let text = plan(&view);
    assert!(
        text.contains("approved                        by arn:aws:iam::000000000000:user/ada at "),
        "{text}"
    );
    assert!(!text.contains("to let exactly this plan go on") && !text.contains("needs"), "{text}");
    let text = plan(&PlanView { n_missing: 1, ..view });
    assert!(text.contains("needs                           the approval of one more person"), "{text}");
}

#[test]
fn a_plan_says_what_it_measured_of_tokens_whose_fate_is_known() {
    let kind = |name: &str, n_found, n_witnesses| (name.to_owned(), Witnesses { n_witnesses, n_found });
    let measured = Measured {
        witnesses: [kind("card", 0, 0), kind("vault", 299, 300)].into(),
        dangling: Dangling { n_tokens: 4, is_cut: false },
    };
    let text = plan(&PlanView { measured, ..waiting_plan() });
    for line in [
        "recall of card                  not measured: no token of it was read lately",
        "recall of vault                 99.66 %, at least 98.51 %: 299 of 300 tokens read lately were found",
        "held by an unknown store        1 tokens that were read and are in no source",
        "references that dangle          to 4 tokens that the vault does not have",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
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
      "notes": [],
      "hash": "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
      "evidence": "abcd",
      "tally": {
        "n_rows": 12010,
        "n_active": 12000,
        "n_referenced": 11000,
        "n_struck": 12,
        "n_cool": 988,
        "n_deferred": 0,
        "n_sentence": 0,
        "n_reinstate": 1,
        "n_awaiting_verdict": 9,
        "n_not_idle": 0,
        "n_unreadable": 1,
        "verdict_from": null
      },
      "cool_per_mille": 82,
      "approvals": [],
      "n_missing": 1,
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
        n_missing: 0,
    };
    let half = ApprovalView { n_missing: 1, ..first.clone() };
    insta::assert_snapshot!(approved(&half), @"the plan of run 1800000000-02 of acme is approved by arn:aws:iam::000000000000:user/ada; it needs one more person: lethe approve acme 1800000000-02 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    insta::assert_snapshot!(approved(&first), @"the plan of run 1800000000-02 of acme is approved by arn:aws:iam::000000000000:user/ada; it goes on with the next tick of survey");
    insta::assert_snapshot!(approved(&ApprovalView { is_new: false, ..first }), @"the plan of run 1800000000-02 of acme was approved before, by arn:aws:iam::000000000000:user/ada at 2027-01-15T08:00:00Z");
}

fn quiet_tenant() -> TenantView {
    TenantView {
        pauses: Vec::new(),
        freeze: None,
        n_late_uses: 0,
        tenant: tenant("globex"),
        kinds: vec!["session".into()],
        sources: Vec::new(),
        weak_sources: Vec::new(),
        shards: 2,
        rows: None,
        measured: Measured::default(),
        fill_percent: None,
        runs: Vec::new(),
        tokens: None,
        waits: None,
        first_purge: None,
        budget: BudgetView { limit: 10, ..BudgetView::default() },
        fan_outs: FanOutsView::default(),
        cadence: None,
        window: None,
        next_run_at: None,
        read_feed: None,
        regret: Vec::new(),
        reports_only: false,
        first_deletion: None,
        first_deletion_is_exact: true,
    }
}

fn busy_budget() -> BudgetView {
    let ada = || Some("arn:aws:iam::000000000000:user/ada".to_owned());
    let today = DayView { day: T, n_spent: 28_003, waits: true, ..DayView::default() };
    let day_before = DayView {
        day: EpochSeconds(T.0 - 86_400),
        n_spent: 30_000,
        n_approved: Some(29_000),
        approved_by: ada(),
        approved_at: Some(T),
        waits: true,
    };
    BudgetView { limit: 28_000, today, waiting: vec![day_before] }
}

fn fan_out() -> FanOutView {
    FanOutView {
        command: "account_deleted",
        reaches: "everything of a subject",
        started_at: T,
        n_parts_done: 3,
        n_parts: 8,
        n_changed: 1200,
        n_kept: 7,
        actor: "queue:issuer".into(),
        is_stuck: true,
    }
}

#[test]
fn an_approval_of_commands_says_what_it_covers() {
    let approval = CommandsApproved {
        tenant: tenant("acme"),
        day: T,
        day_ends_at: EpochSeconds(T.0 + 86_400),
        n_spent: 37,
        limit: 10,
        actor: "arn:aws:iam::000000000000:user/ada".into(),
        approved_at: EpochSeconds(T.0 + 7),
        approved_before_by: None,
        approved_before_at: None,
    };
    insta::assert_snapshot!(commands_approved(&approval), @"
    command budget of acme on the day from 2027-01-15T08:00:00Z to 2027-01-16T08:00:00Z
      spent                           37 tokens, up to 10 leave without a person as things are now
      approved now                    by arn:aws:iam::000000000000:user/ada at 2027-01-15T08:00:07Z

    each token that waits leaves the vault after its cool-off, unless it is held
    what commands end from now on is not covered; `lethe status` shows if it waits
    ");
    let later = CommandsApproved {
        approved_at: EpochSeconds(T.0 + 100_000),
        approved_before_by: Some("arn:aws:iam::000000000000:user/bob".into()),
        approved_before_at: Some(T),
        ..approval
    };
    insta::assert_snapshot!(commands_approved(&later), @"
    command budget of acme on the day from 2027-01-15T08:00:00Z to 2027-01-16T08:00:00Z
      spent                           37 tokens, up to 10 leave without a person as things are now
      approved before                 by arn:aws:iam::000000000000:user/bob at 2027-01-15T08:00:00Z
      approved now                    by arn:aws:iam::000000000000:user/ada at 2027-01-16T11:46:40Z

    each token that waits leaves the vault after its cool-off, unless it is held
    ");
}

#[test]
fn a_day_within_its_budget_is_one_line() {
    let today = DayView { day: T, n_spent: 3, ..DayView::default() };
    let view = TenantView {
        budget: BudgetView { limit: 10, today, waiting: Vec::new() },
        first_deletion: Some(crate::commands::status::Deletion { at: T, because: "of a reason".into() }),
        fan_outs: FanOutsView { n_open: 1, is_cut: false, ends_tokens: true, oldest: vec![fan_out()] },
        ..quiet_tenant()
    };
    insta::assert_snapshot!(status(&StatusView { config: 3, now: T, tenants: vec![view] }), @"
    config version 3, at 2027-01-15T08:00:00Z

    globex
      kinds                           session
      sources                         -
      shards                          2, fill not known before the first plan
      tokens                          not known before reconcile has walked the vault once
      next run                        -
      first deletion to come          not before 2027-01-15T08:00:00Z: of a reason; what the commands under way still reach may leave sooner
      command budget of today         3 tokens spent, up to 10 leave without a person
      commands under way              1
                                      account_deleted, everything of a subject, since 2027-01-15T08:00:00Z by queue:issuer: 3 of 8 parts, 1200 tokens changed, 7 left as they are - STUCK: see the log of reconcile
      runs                            none yet
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "two views, each with its whole text")]
fn status_shows_a_quiet_tenant_and_a_busy_one() {
    let busy = TenantView {
        pauses: Vec::new(),
        freeze: None,
        n_late_uses: 0,
        tenant: tenant("acme"),
        kinds: vec!["vault".into(), "session".into()],
        sources: vec!["lake".into(), "orders".into()],
        weak_sources: Vec::new(),
        shards: 8,
        rows: Some(2_900_000),
        measured: Measured::default(),
        fill_percent: Some(72),
        runs: vec![
            RunView { note: Some("it would take 988 tokens".into()), ..run(Stage::Gated) },
            RunView { run: id("1800000000-01"), purpose: Purpose::Discovery, ..run(Stage::Applied) },
        ],
        waits: Some(Waiting {
            run: id("1800000000-02"),
            hash: HASH.into(),
            approvals: vec![Approved { by: "arn:aws:iam::000000000000:user/ada".into(), at: T }],
            n_missing: 1,
        }),
        first_purge: Some(FirstPurgeView {
            n_taken: 140_000,
            n_slices: 2,
            n_deferred: 300_000,
            n_days: 3,
            approved_by: vec!["arn:aws:iam::000000000000:user/ada".into()],
            approved_at: Some(T),
            stopped: None,
        }),
        tokens: Some(2_800_000),
        budget: busy_budget(),
        fan_outs: FanOutsView { n_open: 12, is_cut: false, ends_tokens: true, oldest: vec![fan_out()] },
        cadence: Some(CadenceView { every: "30 1 * * 6 Europe/Berlin".into(), next_slot: Some(T) }),
        window: Some(WindowView { hours: "01:00-05:00 Europe/Berlin".into(), is_open: false, until: T }),
        next_run_at: Some(T),
        read_feed: None,
        regret: Vec::new(),
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
      tokens                          2800000 at reconcile's last walk
      cadence                         30 1 * * 6 Europe/Berlin, next slot 2027-01-15T08:00:00Z
      window                          01:00-05:00 Europe/Berlin, closed until 2027-01-15T08:00:00Z
      next run                        2027-01-15T08:00:00Z
      first deletion to come          not before 2027-01-15T08:00:00Z: verdict run 1800000000-03 may sentence tokens; the vault is too large to look at every row, one that was ended by a command may leave sooner
      waits for approval              run 1800000000-02: approved by arn:aws:iam::000000000000:user/ada, needs one more person; see `lethe plan acme 1800000000-02`
      first purge                     140000 tokens taken in 2 slices, 300000 left, a slice a day for 3 days; approved by arn:aws:iam::000000000000:user/ada at 2027-01-15T08:00:00Z
      command budget of today         28003 tokens spent, up to 28000 leave without a person; some WAIT to be removed: lethe approve-commands acme 1800000000
        on 2027-01-14T08:00:00Z       30000 tokens spent, 29000 of them approved by arn:aws:iam::000000000000:user/ada at 2027-01-15T08:00:00Z; some WAIT to be removed: lethe approve-commands acme 1799913600
      commands under way              12, the oldest:
                                      account_deleted, everything of a subject, since 2027-01-15T08:00:00Z by queue:issuer: 3 of 8 parts, 1200 tokens changed, 7 left as they are - STUCK: see the log of reconcile
      runs                            1800000000-02 confirm waiting for approval: it would take 988 tokens
                                      1800000000-01 discovery applied

    globex
      kinds                           session
      sources                         -
      shards                          2, fill not known before the first plan
      tokens                          not known before reconcile has walked the vault once
      next run                        -
      first deletion to come          none in sight
      command budget of today         0 tokens spent, up to 10 leave without a person
      runs                            none yet
    ");
}

#[test]
fn status_shows_what_came_of_each_policy_and_run() {
    let by = |kind: &str, trigger, config, run: Option<&str>| Decision {
        policy: PolicyVersion { kind: kind.into(), trigger, config },
        run: run.map(id),
    };
    let count = |n_taken, n_revived, n_asked_after| RegretCount { n_taken, n_revived, n_asked_after };
    let regrets = Regrets::from([
        (by("vault", Trigger::Unreferenced, 2, Some("1700000000-02")), count(3, 0, 0)),
        (by("vault", Trigger::Unreferenced, 3, Some("1800000000-02")), count(250, 2, 1)),
        (by("vault", Trigger::Idle, 3, None), count(0, 1, 0)),
        (by("", Trigger::Expired, 0, None), count(0, 0, 4)),
    ]);
    let ran = RunView { regret: Some(count(250, 2, 1)), ..run(Stage::Applied) };
    let tenant = TenantView { regret: regret(&regrets), runs: vec![ran], ..quiet_tenant() };
    let json = serde_json::to_string(&tenant.regret[1]).unwrap();
    insta::assert_snapshot!(json, @r#"{"kind":"vault","trigger":"unreferenced","config":3,"n_taken":250,"n_revived":2,"n_asked_after":1,"per_ten_thousand":120}"#);
    let view = StatusView { config: 3, now: T, tenants: vec![tenant] };
    insta::assert_snapshot!(status(&view), @"
    config version 3, at 2027-01-15T08:00:00Z

    globex
      kinds                           session
      sources                         -
      shards                          2, fill not known before the first plan
      tokens                          not known before reconcile has walked the vault once
      next run                        -
      first deletion to come          none in sight
      command budget of today         0 tokens spent, up to 10 leave without a person
      taken and regretted             vault idle, version 3: 1 came back, 0 asked for after they had left
                                      vault unreferenced, version 3: 250 taken, 2 came back, 1 asked for after they had left (1.20 %)
                                      vault unreferenced, version 2: 3 taken, 0 came back, 0 asked for after they had left (0.00 %)
                                      unknown kind expired, unknown version: 0 came back, 4 asked for after they had left
      runs                            1800000000-02 confirm applied, 250 taken, 2 came back, 1 asked for after they had left
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
      tokens                          not known before reconcile has walked the vault once
      next run                        -
      first deletion to come          none in sight
      command budget of today         0 tokens spent, up to 10 leave without a person
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

fn sentenced_row() -> RowView {
    RowView {
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
        due_at: None,
        waits_for: None,
        run: Some(id("1800000000-03")),
        policy: Some(3),
        by: None,
        reason_text: None,
        hold: None,
        subject_hold: None,
        cut_off_at: None,
    }
}

fn reader(status: u16, state: ReaderState, may_return: bool) -> ReaderAnswer {
    ReaderAnswer { status, state, valid: false, may_return }
}

#[test]
fn explain_shows_who_ended_a_token_and_what_it_waits_for() {
    let row = RowView {
        phase: Phase::Cooling,
        reason: Some(Trigger::Revoked),
        purge_at: None,
        due_at: Some(T),
        waits_for: Some(T),
        run: None,
        by: Some("queue:issuer".into()),
        reason_text: Some("the key leaked".into()),
        hold: Some("case-1 case-2".into()),
        subject_hold: Some("case-3".into()),
        cut_off_at: Some(T),
        ..sentenced_row()
    };
    let used = HistoryEvent {
        actor: Some("queue:issuer".into()),
        text: Some("used while out of service for good".into()),
        ..event(Event::Refused, Some("cooling"), Some("cooling"))
    };
    let view = ExplainView {
        tenant: tenant("acme"),
        fingerprint: "ab".repeat(16),
        standing: "cooling",
        why: "it is out of service: revoked".into(),
        reader: reader(403, ReaderState::Cooling, false),
        row: Some(row),
        references: Some(-1),
        counts: Vec::new(),
        history: vec![used],
        next: Some("lethe approve-commands acme 1800000000".into()),
    };
    insta::assert_snapshot!(explain(&view), @"
    a token of acme, cooling: it is out of service: revoked
      fingerprint                     abababababababababababababababab
      a reader answers                403, out of service
      copies told of by notices       -1, drift: more were deleted than created, and it is kept
      kind                            vault
      shard                           0005
      version                         1700000000002
      created                         2027-01-15T08:00:00Z
      last read                       -
      expires                         -
      out of service since            2027-01-15T08:00:00Z
      looked at next                  2027-01-15T08:00:00Z
      waits for the day               2027-01-15T08:00:00Z
      decided by config version       3
      by                              queue:issuer
      in their words                  the key leaked
      legal hold                      case-1 case-2
      legal hold on its subject       case-3
      its subject was cut off at      2027-01-15T08:00:00Z

    on record
      2027-01-15T08:00:00Z  refused, by queue:issuer, note: used while out of service for good

    to let what waits that day leave: lethe approve-commands acme 1800000000
    ");
}

#[test]
fn explain_shows_state_counts_and_record() {
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
        reader: reader(403, ReaderState::Sentenced, true),
        row: Some(sentenced_row()),
        references: Some(0),
        counts: vec![count("1800000000-02", Some(0), Some(2)), count("1800000000-01", Some(1), None)],
        history: vec![cooled],
        next: None,
    };
    insta::assert_snapshot!(explain(&view), @"
    a token of acme, sentenced: it is out of service: unreferenced, by run 1800000000-03
      fingerprint                     abababababababababababababababab
      a reader answers                403, out of service, to be removed; a notice that it was read brings it back
      copies told of by notices       0, a candidate that the next runs look for
      kind                            vault
      shard                           0005
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
        reader: reader(410, ReaderState::Gone, false),
        row: None,
        references: None,
        counts: Vec::new(),
        history: vec![archived, purged],
        next: None,
    };
    insta::assert_snapshot!(explain(&view), @"
    a token of acme, purged: it left the vault
      fingerprint                     abababababababababababababababab
      a reader answers                410, gone

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

#[test]
fn a_weak_source_is_named_with_its_reason_and_what_follows() {
    let weak = TenantView { weak_sources: vec!["orders".into(), "users".into()], ..quiet_tenant() };
    let text = status(&StatusView { config: 3, now: T, tenants: vec![weak] });
    let line = text.lines().find(|line| line.contains("weak sources")).unwrap();
    for words in
        ["orders, users - ", "no attribute says when", "3 strikes and a cool-off of 14d", "`changed_at`"]
    {
        assert!(line.contains(words), "{line}");
    }
    assert!(!status(&StatusView { config: 3, now: T, tenants: vec![quiet_tenant()] }).contains("weak"));
}

#[test]
fn an_acceptance_says_what_happens_next() {
    let view = |is_new| AcceptanceView {
        tenant: tenant("acme"),
        run: id("1800000000-02"),
        actor: "arn:aws:iam::1:user/ada".into(),
        accepted_at: T,
        is_new,
    };
    assert!(
        accepted(&view(true))
            .starts_with("what run 1800000000-02 of acme saw is accepted by arn:aws:iam::1:user/ada")
    );
    assert!(
        accepted(&view(false))
            .ends_with("was accepted before, by arn:aws:iam::1:user/ada at 2027-01-15T08:00:00Z")
    );
}

#[test]
fn a_pause_stands_before_everything_else() {
    let pause = |tenant: Option<&str>, freezes| PauseView {
        tenant: tenant.map(self::tenant),
        actor: "arn:ops".into(),
        since: T,
        reason: Some("INC-7".into()),
        freezes,
    };
    let freeze = Some(FreezeView { n_shards_done: 3, n_shards: 16 });
    let pauses = vec![pause(None, false), pause(Some("acme"), true)];
    let view = TenantView { pauses, freeze, n_late_uses: 7, ..quiet_tenant() };
    let text = status(&StatusView { config: 3, now: T, tenants: vec![view] });
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("PAUSED: every tenant, since {T} by arn:ops: INC-7"));
    assert_eq!(lines[4], quiet_tenant().tenant.to_string());
    assert!(lines[5].contains("PAUSED") && lines[5].ends_with("by arn:ops, frozen: INC-7"), "{text}");
    assert!(lines[6].contains("3 of 16 shards"), "{text}");
    assert!(text.contains("7 tokens that had been found unused"), "{text}");
}

#[test]
fn an_undo_says_what_came_back_what_stays_out_and_what_is_archived() {
    let view = UndoView {
        tenant: tenant("acme"),
        run: id("1800000000-02"),
        ordered_by: Some("arn:ops".into()),
        ordered_at: Some(T),
        done_at: Some(T),
        is_new: false,
        tally: UndoTally { n_reinstated: 4_990, n_ended: 3, n_gone: 7, ..UndoTally::default() },
        left: Some(LeftView { n_archived: 7, n_erased: 0, objects: [("r7/a".to_owned(), 7)].into() }),
    };
    let text = undone(&view);
    for said in ["4990", "kept: ended for another reason", "7, in 1 objects", "r7/a: 7", "break-glass"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let look = undone(&UndoView { ordered_by: None, done_at: None, ..view });
    assert!(look.starts_with("an undo of run 1800000000-02 of acme would do this"), "{look}");
}

#[test]
fn a_record_is_verified_in_a_line_or_told_by_class() {
    use lethe_domain::fingerprint::Fingerprint;
    use lethe_domain::replay::{About, Fault};
    use lethe_stages::verify::Counted;

    let counted = Counted { n_rows: 9, n_unreadable: 0, n_entries: 7, n_objects: 2, n_versions: 5 };
    let clean =
        VerifyView { tenant: tenant("acme"), counted, n_faults: 0, n_too_recent: 0, faults: Vec::new() };
    insta::assert_snapshot!(verified(&clean), @"
    acme: the record, the vault and the archive agree
      tokens in the vault             9
      entries on record               7
      objects archived into           2
      versions in the archive         5, of every tenant
    ");
    let token = About::Token { fingerprint: Fingerprint([0xab; 16]), version: RowVersion(7) };
    let object = About::Archived { key: "r7/2027-01-15/aa".into(), version: "v1".into() };
    let class =
        |fault: Fault, n, about: About| FaultView { fault, meaning: fault.meaning(), n, named: vec![about] };
    let faults = vec![class(Fault::GoneWithoutRecord, 3, token), class(Fault::PurgedButThere, 1, object)];
    let counted = Counted { n_unreadable: 1, ..counted };
    let bad = VerifyView { counted, n_faults: 4, n_too_recent: 2, faults, ..clean };
    insta::assert_snapshot!(verified(&bad), @"
    acme: 4 DO NOT ADD UP
      tokens in the vault             9
      entries on record               7
      objects archived into           2
      versions in the archive         5, of every tenant
      rows not understood             1, not judged; they may be among those that seem to be gone
      too recent to judge             2: what happened in the last minutes may not be on record yet

    gone_without_record, 3: gone from the vault, and nothing on record says that it left
      token abababababababababababababababab at version 7
      and 2 more; --json names up to 1000 of a class

    purged_but_there, 1: purged by the record, and still in the archive
      object r7/2027-01-15/aa version v1
    ");
}

#[test]
fn a_read_feed_says_up_to_when_silence_counts() {
    let shown = |feed| status::feed_text(&feed);
    let feed = FeedView { is_trusted: false, proven_until: Some(T), proven_percent: 98 };
    insta::assert_snapshot!(shown(feed.clone()), @"proven until 2027-01-15T08:00:00Z, 98 % of the last 168 hours");
    insta::assert_snapshot!(shown(FeedView { proven_until: None, ..feed.clone() }), @"NOT PROVEN, so nothing goes idle: let whoever tells of reads read a canary each hour");
    insta::assert_snapshot!(shown(FeedView { is_trusted: true, ..feed }), @"trusted by the config: silence is idleness by the clock alone");
}
