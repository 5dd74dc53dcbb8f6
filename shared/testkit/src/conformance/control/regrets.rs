//! What is regretted: an event counts once, and tenants are apart.

use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::policy::Trigger;
use lethe_domain::regret::{Decision, Outcome, PolicyVersion, RegretCount, Regrets};
use lethe_domain::run::RunId;
use lethe_domain::time::EpochSeconds;
use lethe_stages::ports::{Came, Control};

use super::NOW;
use crate::tokens::tenant;

const SEEN_UNTIL: EpochSeconds = EpochSeconds(NOW.0 + 2 * 86_400);
const KEPT_UNTIL: EpochSeconds = EpochSeconds(NOW.0 + 400 * 86_400);

pub(super) async fn suite<C: Control>(control: &C) {
    an_event_counts_once(control).await;
    what_was_asked_is_remembered_for_its_time(control).await;
}

fn by(kind: &str, trigger: Trigger, config: u64, run: Option<&str>) -> Decision {
    let policy = PolicyVersion { kind: kind.to_owned(), trigger, config };
    Decision { policy, run: run.map(|run| RunId::parse(run).unwrap()) }
}

async fn an_event_counts_once<C: Control>(control: &C) {
    let (of, other) = (tenant("regrets"), tenant("regrets-2"));
    assert_eq!(control.regrets(&of).await.unwrap(), Regrets::new());
    let until = (SEEN_UNTIL, KEPT_UNTIL);
    let by_clock = by("vault", Trigger::Idle, 3, None);
    let by_run = by("vault", Trigger::Unreferenced, 12, Some("1800000000-02"));
    let unknown = by("", Trigger::Expired, 0, None);
    for (decision, outcome, n_tokens, event_id, is_new) in [
        (&by_clock, Outcome::Taken, 20, "e-1", true),
        (&by_clock, Outcome::Taken, 20, "e-1", false),
        (&by_clock, Outcome::Taken, 5, "e-2", true),
        (&by_clock, Outcome::Revived, 2, "e-3", true),
        (&by_run, Outcome::Revived, 1, "e-4", true),
        (&by_run, Outcome::AskedAfter, 1, "e-5", true),
        (&unknown, Outcome::AskedAfter, 1, "e-6", true),
    ] {
        let (decision, event_id) = (decision.clone(), event_id.to_owned());
        let came = Came { decision, outcome, n_tokens, event_id };
        assert_eq!(control.count_outcome(&of, &came, until).await.unwrap(), is_new, "{came:?}");
    }
    let (decision, event_id) = (by_clock.clone(), "e-1".to_owned());
    let came = Came { decision, outcome: Outcome::Taken, n_tokens: 1, event_id };
    assert!(control.count_outcome(&other, &came, until).await.unwrap(), "another tenant's event");
    let count = |n_taken, n_revived, n_asked_after| RegretCount { n_taken, n_revived, n_asked_after };
    let expected = [(by_clock.clone(), count(25, 2, 0)), (by_run, count(0, 1, 1)), (unknown, count(0, 0, 1))];
    assert_eq!(control.regrets(&of).await.unwrap(), expected.into());
    assert_eq!(control.regrets(&other).await.unwrap(), [(by_clock, count(1, 0, 0))].into());
}

async fn what_was_asked_is_remembered_for_its_time<C: Control>(control: &C) {
    let (of, other, token) = (tenant("regrets-5"), tenant("regrets-6"), Fingerprint([7; 16]));
    assert!(!control.was_asked(&of, &token, NOW).await.unwrap());
    control.note_asked(&of, &token, SEEN_UNTIL).await.unwrap();
    let before = EpochSeconds(SEEN_UNTIL.0 - 1);
    assert!(control.was_asked(&of, &token, before).await.unwrap());
    assert!(!control.was_asked(&of, &token, SEEN_UNTIL).await.unwrap(), "whether or not it was removed");
    assert!(!control.was_asked(&other, &token, before).await.unwrap());
    control.note_asked(&of, &token, KEPT_UNTIL).await.unwrap();
    assert!(control.was_asked(&of, &token, SEEN_UNTIL).await.unwrap(), "it was asked again");
}
