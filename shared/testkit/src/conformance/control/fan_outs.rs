//! Fan-outs.

use lethe_domain::command::{Group, Part};
use lethe_domain::fan_out::{Deed, FanOut, IndexKey, Position};
use lethe_domain::policy::Trigger;
use lethe_domain::row::By;
use lethe_domain::time::{EpochMillis, EpochSeconds};
use lethe_stages::ports::Control;

use super::NOW;
use crate::tokens::tenant;

pub(super) async fn suite<C: Control>(control: &C) {
    a_fan_out_is_created_once(control).await;
    a_fan_out_is_written_by_one_writer_only(control).await;
    a_fan_out_that_is_done_is_forgotten(control).await;
    a_tenants_fan_outs_come_in_order_and_bounded(control).await;
}

/// A fan-out with something in every field.
fn fan_out(of: &str, id: &str) -> FanOut {
    let after = IndexKey { owner_sk: "s#tok_a".to_owned(), pk: format!("{of}#0001"), sk: "tok_a".to_owned() };
    FanOut {
        tenant: tenant(of),
        id: id.to_owned(),
        group: Group { subject: "alice \u{00e9}\"".to_owned(), part: Part::Session("s".to_owned()) },
        deed: Deed::End { trigger: Trigger::Logout, erase_now: false },
        issued_until: Some(EpochMillis(1_800_000_000_123)),
        by: By { actor: "arn:aws:iam::1:role/auth".to_owned(), reason_text: Some("ticket 7".to_owned()) },
        policy: 3,
        key: Some("key-1".to_owned()),
        started_at: NOW,
        resume_at: EpochSeconds(NOW.0 + 900),
        is_marked: true,
        was_held: true,
        position: Position { bucket: 3, after: Some(after) },
        n_changed: 12,
        n_kept: 3,
        n_waiting: 0,
        revision: 0,
    }
}

async fn ids<C: Control>(control: &C, of: &str, limit: u32) -> Vec<String> {
    control.fan_outs(&tenant(of), limit).await.unwrap().into_iter().map(|fan_out| fan_out.id).collect()
}

async fn a_fan_out_is_created_once<C: Control>(control: &C) {
    let whole = fan_out("fan-create", "a");
    assert_eq!(control.fan_out(&whole.tenant, "a").await.unwrap(), None);
    assert!(control.create_fan_out(&whole).await.unwrap());
    let other = FanOut { position: Position::default(), n_changed: 0, ..whole.clone() };
    assert!(!control.create_fan_out(&other).await.unwrap());
    assert_eq!(control.fan_out(&whole.tenant, "a").await.unwrap(), Some(whole.clone()));
    assert_eq!(control.fan_out(&whole.tenant, "b").await.unwrap(), None);
    assert_eq!(control.fan_out(&tenant("fan-create-2"), "a").await.unwrap(), None);
    let hold = FanOut {
        id: "b".to_owned(),
        group: Group { part: Part::Everything, ..whole.group.clone() },
        deed: Deed::Hold { hold_id: "case-1".to_owned() },
        issued_until: None,
        key: None,
        position: Position::default(),
        ..whole
    };
    assert!(control.create_fan_out(&hold).await.unwrap());
    assert_eq!(control.fan_out(&hold.tenant, "b").await.unwrap(), Some(hold));
}

async fn a_fan_out_is_written_by_one_writer_only<C: Control>(control: &C) {
    let read = fan_out("fan-update", "a");
    assert!(!control.update_fan_out(&read).await.unwrap(), "there is nothing to write to");
    assert_eq!(control.fan_out(&read.tenant, "a").await.unwrap(), None);
    assert!(control.create_fan_out(&read).await.unwrap());
    let mine = FanOut { n_changed: 13, position: Position { bucket: 4, after: None }, ..read.clone() };
    assert!(control.update_fan_out(&mine).await.unwrap());
    assert!(!control.update_fan_out(&read).await.unwrap(), "the second writer had read the same revision");
    let stepped = FanOut { revision: read.revision + 1, ..mine };
    assert_eq!(control.fan_out(&read.tenant, "a").await.unwrap(), Some(stepped.clone()));
    assert!(control.update_fan_out(&stepped).await.unwrap());
}

async fn a_fan_out_that_is_done_is_forgotten<C: Control>(control: &C) {
    let (done, other) = (fan_out("fan-remove", "a"), fan_out("fan-remove", "b"));
    assert!(control.create_fan_out(&done).await.unwrap());
    assert!(control.create_fan_out(&other).await.unwrap());
    for _ in 0..2 {
        control.remove_fan_out(&done.tenant, "a").await.unwrap();
        assert_eq!(control.fan_out(&done.tenant, "a").await.unwrap(), None);
    }
    assert!(!control.update_fan_out(&done).await.unwrap(), "who works on it still does not bring it back");
    assert_eq!(ids(control, "fan-remove", 10).await, ["b"]);
}

async fn a_tenants_fan_outs_come_in_order_and_bounded<C: Control>(control: &C) {
    for id in ["b", "~a", "a", "c"] {
        assert!(control.create_fan_out(&fan_out("fan-list", id)).await.unwrap());
    }
    assert!(control.create_fan_out(&fan_out("fan-list-2", "d")).await.unwrap());
    assert_eq!(ids(control, "fan-list", 10).await, ["a", "b", "c", "~a"]);
    assert_eq!(ids(control, "fan-list", 2).await, ["a", "b"]);
    assert!(ids(control, "fan-list-3", 10).await.is_empty());
}
