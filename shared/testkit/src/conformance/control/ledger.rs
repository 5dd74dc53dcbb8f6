//! The ledger of notices.

use futures::future::join_all;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::Shard;
use lethe_stages::error::Retry;
use lethe_stages::ports::{Control, Counted, Reference, ShardRef};

use super::NOW;
use crate::tokens::tenant;

const UNTIL: EpochSeconds = EpochSeconds(NOW.0 + 14 * 86_400);

pub(super) async fn suite<C: Control>(control: &C) {
    a_notice_counts_once(control).await;
    a_count_may_fall_below_zero(control).await;
    tokens_are_counted_apart(control).await;
    a_notice_that_arrives_many_times_at_once_counts_once(control).await;
}

fn hash(of: &str) -> String {
    of.repeat(64)
}

fn reference(of: &str, token: &str, event_id: &str) -> Reference {
    let at = ShardRef { tenant: tenant(of), shard: Shard(0x1f) };
    Reference { at, token_hash: hash(token), event_id: event_id.to_owned() }
}

fn counted(is_new: bool, count: i64) -> Counted {
    Counted { is_new, count }
}

async fn a_notice_counts_once<C: Control>(control: &C) {
    let notice = |event_id: &str| reference("ledger", "a", event_id);
    let at = notice("e-1").at;
    assert_eq!(control.references(&at, &hash("a")).await.unwrap(), None);
    let count =
        async |event_id: &str, delta| control.count_reference(&notice(event_id), delta, UNTIL).await.unwrap();
    assert_eq!(count("e-1", 1).await, counted(true, 1));
    assert_eq!(count("e-1", 1).await, counted(false, 1));
    assert_eq!(count("e-2", 1).await, counted(true, 2));
    assert_eq!(count("e-1", -1).await, counted(false, 2), "the id alone says which notice it is");
    assert_eq!(count("e-3", -1).await, counted(true, 1));
    assert_eq!(control.references(&at, &hash("a")).await.unwrap(), Some(1));
}

async fn a_count_may_fall_below_zero<C: Control>(control: &C) {
    for (event_id, count) in [("e-1", -1), ("e-2", -2)] {
        let notice = reference("drift", "a", event_id);
        assert_eq!(control.count_reference(&notice, -1, UNTIL).await.unwrap(), counted(true, count));
        assert_eq!(control.references(&notice.at, &hash("a")).await.unwrap(), Some(count));
    }
    let back = reference("drift", "a", "e-3");
    assert_eq!(control.count_reference(&back, 2, UNTIL).await.unwrap(), counted(true, 0));
    assert_eq!(control.references(&back.at, &hash("a")).await.unwrap(), Some(0), "told of, and not unknown");
}

async fn tokens_are_counted_apart<C: Control>(control: &C) {
    let one = reference("apart", "a", "e-1");
    let mut elsewhere = one.clone();
    elsewhere.at.shard = Shard(0x1e);
    for notice in [one, reference("apart", "b", "e-1"), reference("apart-2", "a", "e-1"), elsewhere] {
        let first = control.count_reference(&notice, 1, UNTIL).await.unwrap();
        assert_eq!(first, counted(true, 1), "{notice:?}");
    }
}

async fn a_notice_that_arrives_many_times_at_once_counts_once<C: Control>(control: &C) {
    let notice = reference("ledger-race", "a", "e-1");
    let answers = join_all((0..5).map(|_| control.count_reference(&notice, 1, UNTIL))).await;
    let n_new = answers.iter().flatten().filter(|answer| answer.is_new).count();
    assert!(n_new <= 1, "{answers:?}");
    for error in answers.into_iter().filter_map(Result::err) {
        assert_eq!(error.retry(), Retry::Later, "{error:?}");
    }
    // Whoever was told to come again does.
    let last = control.count_reference(&notice, 1, UNTIL).await.unwrap();
    assert_eq!(last, counted(n_new == 0, 1));
}
