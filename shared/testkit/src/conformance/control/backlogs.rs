//! The record of a tenant's first purge.

use lethe_domain::backlog::{Backlog, BacklogApproval, Slice};
use lethe_domain::run::RunId;
use lethe_stages::ports::Control;

use super::NOW;
use crate::tokens::tenant;

pub(super) async fn suite<C: Control>(control: &C) {
    a_backlog_is_written_by_one_writer_only(control).await;
}

/// A record with something in every field.
fn backlog(of: &str) -> Backlog {
    let run = RunId { slot: NOW, ordinal: 2 };
    let by = vec!["arn:aws:iam::1:user/ada".to_owned(), "arn:aws:iam::1:user/bob".to_owned()];
    Backlog {
        approved: Some(BacklogApproval {
            run: run.clone(),
            plan_hash: "ab".repeat(32),
            by,
            at: NOW,
            n_tokens: u64::MAX,
        }),
        slices: vec![Slice { run, at: NOW, n_tokens: 7, is_done: true }],
        stopped: Some("reads of cooling tokens".to_owned()),
        finished_at: Some(NOW),
        ..Backlog::new(tenant(of))
    }
}

async fn a_backlog_is_written_by_one_writer_only<C: Control>(control: &C) {
    let first = backlog("backlog");
    assert_eq!(control.backlog(&first.tenant).await.unwrap(), None);
    let unstored = Backlog { revision: 1, ..first.clone() };
    assert!(!control.save_backlog(&unstored).await.unwrap(), "there is nothing to write to");
    assert!(control.save_backlog(&first).await.unwrap());
    assert!(!control.save_backlog(&first).await.unwrap(), "the second writer had found nothing either");
    let stored = Backlog { revision: 1, ..first.clone() };
    assert_eq!(control.backlog(&first.tenant).await.unwrap(), Some(stored.clone()));
    let next = Backlog { stopped: None, finished_at: None, approved: None, ..stored.clone() };
    assert!(control.save_backlog(&next).await.unwrap());
    assert!(!control.save_backlog(&stored).await.unwrap(), "the second writer had read the same revision");
    assert_eq!(control.backlog(&first.tenant).await.unwrap(), Some(Backlog { revision: 2, ..next }));
    assert_eq!(control.backlog(&tenant("backlog-2")).await.unwrap(), None);
}
