//! Report mode looks at everything and touches nothing.

use lethe_domain::row::Phase;
use lethe_domain::run::Stage;
use lethe_stages::settings::Mode;
use lethe_testkit::{row, token};

use crate::world::{HOUR, cold_store};

#[test]
fn report_mode_plans_and_writes_nothing() {
    let mut world = cold_store();
    world.settings.mode = Mode::Report;
    let expires_at = world.now();
    world.cloud.vault.insert(row("acme", &token(6)).expires_at(expires_at).due_at(expires_at));
    world.rounds(8, HOUR);
    assert_eq!(world.cloud.vault.n_writes(), 0);
    assert!(world.phases().values().all(|phase| *phase == Phase::Active));
    let runs = world.cloud.control.all_runs();
    assert!(runs.iter().all(|run| run.stage == Stage::Reported), "{runs:?}");
    assert_eq!(runs.last().unwrap().tally.n_cool, 2);
}

#[test]
fn report_mode_stamps_reads_and_refuses_every_other_command() {
    let mut world = cold_store();
    world.settings.mode = Mode::Report;
    assert_eq!(world.read("acme", &token(1)).status, 200);
    assert_eq!(world.cloud.vault.n_writes_of(&token(1)), 1);
    let answer = world.revoke("acme", &token(1));
    assert_eq!((answer.status, &answer.body["error"]), (409, &"report_mode".into()));
    assert_eq!(world.phases()[&token(1)], Phase::Active);
    let refused = world.cloud.audit.items_of(lethe_domain::audit::Event::Refused);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].reason_text.as_deref(), Some("report_mode"));
    assert_eq!(refused[0].actor.as_deref(), Some("arn:aws:iam::000000000000:user/app"));
}
