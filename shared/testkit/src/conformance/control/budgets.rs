//! What a day's commands have ended.

use std::collections::BTreeSet;

use futures::future::join_all;
use lethe_domain::time::EpochSeconds;
use lethe_stages::ports::{BudgetDay, Control};

use super::NOW;
use crate::tokens::tenant;

const UNTIL: EpochSeconds = EpochSeconds(NOW.0 + 90 * 86_400);
const NEXT_DAY: EpochSeconds = EpochSeconds(NOW.0 + 86_400);

pub(super) async fn suite<C: Control>(control: &C) {
    a_days_account_sums_up(control).await;
    spends_at_once_all_count(control).await;
    only_a_day_with_an_account_is_approved(control).await;
    what_went_idle_sums_up_apart_from_commands(control).await;
}

fn spent(n_spent: u64) -> BudgetDay {
    BudgetDay { n_spent, ..BudgetDay::default() }
}

async fn a_days_account_sums_up<C: Control>(control: &C) {
    let of = tenant("budgets");
    assert_eq!(control.budget(&of, NOW).await.unwrap(), None);
    assert_eq!(control.spend(&of, NOW, 3, UNTIL).await.unwrap(), 3);
    assert_eq!(control.spend(&of, NOW, 40, UNTIL).await.unwrap(), 43);
    assert_eq!(control.spend(&of, NEXT_DAY, 1, UNTIL).await.unwrap(), 1);
    assert_eq!(control.spend(&tenant("budgets-2"), NOW, 2, UNTIL).await.unwrap(), 2);
    assert_eq!(control.budget(&of, NOW).await.unwrap(), Some(spent(43)));
    assert_eq!(control.budget(&of, NEXT_DAY).await.unwrap(), Some(spent(1)));
}

async fn spends_at_once_all_count<C: Control>(control: &C) {
    let of = tenant("spends");
    let sums = join_all((1..=8).map(|n_tokens| control.spend(&of, NOW, n_tokens, UNTIL))).await;
    let sums: BTreeSet<_> = sums.into_iter().map(|sum| sum.unwrap()).collect();
    assert_eq!((sums.len(), sums.last()), (8, Some(&36)), "each saw a sum of its own: {sums:?}");
    assert_eq!(control.budget(&of, NOW).await.unwrap(), Some(spent(36)));
}

async fn only_a_day_with_an_account_is_approved<C: Control>(control: &C) {
    let of = tenant("approved");
    assert!(!control.approve_budget(&of, NOW, "arn:ops", NOW).await.unwrap());
    assert_eq!(control.budget(&of, NOW).await.unwrap(), None);
    control.spend(&of, NOW, 5, UNTIL).await.unwrap();
    for (actor, at) in [("arn:ops", NEXT_DAY), ("arn:lead", EpochSeconds(NEXT_DAY.0 + 1))] {
        assert!(control.approve_budget(&of, NOW, actor, at).await.unwrap());
        let approved = BudgetDay { approved_at: Some(at), approved_by: Some(actor.to_owned()), ..spent(5) };
        assert_eq!(control.budget(&of, NOW).await.unwrap(), Some(approved));
    }
    assert_eq!(control.spend(&of, NOW, 1, UNTIL).await.unwrap(), 6);
    let still = control.budget(&of, NOW).await.unwrap().unwrap();
    assert_eq!(still.approved_by.as_deref(), Some("arn:lead"), "later spending leaves the approval");
    assert!(!control.approve_budget(&of, NEXT_DAY, "arn:ops", NOW).await.unwrap());
}

async fn what_went_idle_sums_up_apart_from_commands<C: Control>(control: &C) {
    let of = tenant("idle");
    assert_eq!(control.count_idle(&of, NOW, 3, UNTIL).await.unwrap(), 3);
    assert_eq!(control.count_idle(&of, NOW, 40, UNTIL).await.unwrap(), 43);
    assert_eq!(control.count_idle(&of, NEXT_DAY, 1, UNTIL).await.unwrap(), 1);
    assert_eq!(control.count_idle(&tenant("idle-2"), NOW, 2, UNTIL).await.unwrap(), 2);
    assert_eq!(control.budget(&of, NOW).await.unwrap(), None);
}
