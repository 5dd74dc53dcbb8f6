//! What came of what was taken, beside its policy and its run.

use lethe_domain::regret::{Decision, Outcome, PolicyVersion, RegretCount};
use lethe_stages::ports::{Came, RegretLedger};

use super::*;

#[tokio::test]
async fn status_and_plan_tell_what_came_of_a_policy_and_a_run() {
    let (cloud, run, until) = (cloud().await, gated(), START.plus(Duration::from_hours(1)));
    cloud.control.put_run(run.clone());
    assert_eq!(status_of(&cloud, None).await.tenants[0].regret, []);
    let policy = PolicyVersion { kind: "vault".into(), trigger: Trigger::Unreferenced, config: 1 };
    for (by, outcome, n_tokens) in [
        (Some(run.id.clone()), Outcome::Taken, 40),
        (Some(run.id), Outcome::Revived, 1),
        (None, Outcome::Taken, 10),
    ] {
        let decision = Decision { policy: policy.clone(), run: by };
        let event_id = format!("{decision:?} {outcome:?}");
        let came = Came { decision, outcome, n_tokens, event_id };
        cloud.control.count_outcome(&tenant("acme"), &came, (until, until)).await.unwrap();
    }
    let view = status_of(&cloud, None).await;
    let [of_policy] = &view.tenants[0].regret[..] else { panic!("{:?}", view.tenants[0].regret) };
    assert_eq!((&of_policy.policy, of_policy.per_ten_thousand), (&policy, Some(200)));
    let of_run = Some(RegretCount { n_taken: 40, n_revived: 1, n_asked_after: 0 });
    assert_eq!(view.tenants[0].runs[0].regret, of_run);
    assert_eq!(plan(&tenant("acme"), None, &cloud.control).await.unwrap().run.regret, of_run);
    assert_eq!(view.tenants[1].regret, [], "another tenant's");
}
