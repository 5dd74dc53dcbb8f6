//! Conditional writes and removals.

use lethe_domain::lifecycle::{Change, Decided, Expected, Then};
use lethe_domain::policy::Trigger;
use lethe_domain::row::{By, RowRead, RowVersion, State, VaultRow};
use lethe_domain::run::RunId;
use lethe_domain::time::EpochSeconds;
use lethe_stages::ports::{Control, RowWrite, Vault, WriteOutcome};
use serde_json::json;

use super::{VaultSeed, World};
use crate::item::item_of;
use crate::rows::{RowBuilder, row};
use crate::sample::DUE_SHARDS;
use crate::tokens::token;

const AT: EpochSeconds = EpochSeconds(1_800_000_500);

/// A write of a row as it was read.
pub(super) fn write_of(row: &VaultRow, change: Change) -> RowWrite {
    RowWrite { key: row.key.clone(), expected: Expected::of(row), change, due_shards: DUE_SHARDS }
}

/// What a run decides under a fence.
pub(super) fn by_run(fence: u64) -> Decided {
    Decided::by_run(3, RunId::parse("1800000000-02").unwrap(), fence)
}

fn cooled_by_run(fence: u64) -> Change {
    Change::Cool { reason: Trigger::Unreferenced, since: AT, then: Then::Wait, decided: by_run(fence) }
}

fn by_caller(reason_text: Option<&str>) -> Decided {
    let reason_text = reason_text.map(str::to_owned);
    Decided::by_caller(4, &By { actor: "arn:aws:iam::1:role/auth".to_owned(), reason_text })
}

/// One of every change that an active row may see.
fn changes_of_active() -> [Change; 8] {
    let later = EpochSeconds(AT.0 + 5);
    let cool = |then, decided| Change::Cool { reason: Trigger::Rotated, since: AT, then, decided };
    [
        cooled_by_run(7),
        cool(Then::Leave(later), Decided::by_timer(4)),
        cool(Then::LookAgain(later), by_caller(Some("ticket 7"))),
        cool(Then::Approval { day: AT, look_at: later }, by_caller(None)),
        Change::Stamp { last_read_at: AT },
        Change::Rearm { due_at: Some(AT) },
        Change::Rearm { due_at: None },
        Change::Hold { hold: "case-1".to_owned(), decided: by_caller(Some("court")) },
    ]
}

/// One of every change that a condemned row may see.
fn changes_of_cooling() -> [Change; 7] {
    let purge_at = EpochSeconds(AT.0 + 5);
    [
        Change::Sentence { purge_at, decided: by_run(7) },
        Change::Sentence { purge_at, decided: by_caller(None) },
        Change::Reinstate { due_at: Some(AT), read_at: Some(AT), decided: by_caller(Some("a mistake")) },
        Change::Reinstate { due_at: None, read_at: None, decided: by_run(7) },
        Change::Undo { due_at: Some(AT), undone_at: AT, decided: by_caller(Some("undo")) },
        Change::Hold { hold: "case-1 case-2".to_owned(), decided: by_caller(None) },
        Change::Lift { due_at: AT },
    ]
}

/// One of every change that a held row may see.
fn changes_of_held() -> [Change; 3] {
    let release = |hold: Option<&str>, purge_at, due_at| {
        let hold = hold.map(str::to_owned);
        Change::Release { hold, purge_at, due_at, released_at: AT, decided: by_caller(None) }
    };
    [release(Some("case-2"), None, None), release(None, Some(AT), None), release(None, None, Some(AT))]
}

fn stands(row: &VaultRow) -> WriteOutcome {
    WriteOutcome::Changed(Some(Box::new(RowRead::Token(Box::new(row.clone())))))
}

fn full(tenant: &str, seed: u64) -> RowBuilder {
    row(tenant, &token(seed))
        .subject("alice")
        .session("one")
        .expires_at(EpochSeconds(AT.0 + 1000))
        .read_at(EpochSeconds(AT.0 - 1000))
        .due_at(EpochSeconds(AT.0 + 1000))
}

impl<V: Vault, C: Control, S: VaultSeed> World<'_, V, C, S> {
    pub(super) async fn writes(&self) {
        self.a_change_writes_its_attributes_and_no_other().await;
        self.a_row_that_changed_is_left_and_shown().await;
        self.a_hold_that_came_in_between_refuses().await;
        self.a_read_stamp_rests_on_the_version_and_the_last_read().await;
        self.a_fence_that_is_past_ours_refuses().await;
        self.a_write_without_a_fence_ignores_the_rows().await;
        self.a_write_of_no_row_makes_none().await;
        self.a_row_is_created_where_none_stands().await;
    }

    async fn a_row_is_created_where_none_stands(&self) {
        let canary = row("created", &token(1)).kind("canary");
        assert!(self.vault.create(&canary.build()).await.unwrap());
        assert_eq!(self.row(&canary.key()).await, Some(canary.build()));
        let other = row("created", &token(1)).kind("vault");
        assert!(!self.vault.create(&other.build()).await.unwrap(), "a row stands there");
        assert_eq!(self.row(&canary.key()).await, Some(canary.build()));
    }

    async fn a_change_writes_its_attributes_and_no_other(&self) {
        let active = full("changes", 1);
        let cooling = full("changes", 2)
            .cooling(Trigger::Idle, AT)
            .purge_at(AT)
            .decided_by("100-01", 1, 1)
            .by("arn:before", Some("ticket 1"))
            .waits_for(EpochSeconds(AT.0 - 500));
        let held = full("changes", 3).cooling(Trigger::Revoked, AT).hold("case-1 case-2");
        let cases = [
            changes_of_active().map(|change| (&active, change)).to_vec(),
            changes_of_cooling().map(|change| (&cooling, change)).to_vec(),
            changes_of_held().map(|change| (&held, change)).to_vec(),
        ];
        for (builder, change) in cases.into_iter().flatten() {
            let before = self.put(builder).await;
            let mut expected = item_of(&change.apply(&before), DUE_SHARDS);
            expected.insert("payload".into(), json!({ "S": "sealed" }));
            assert_eq!(
                self.vault.write(&write_of(&before, change.clone())).await.unwrap(),
                WriteOutcome::Done
            );
            assert_eq!(self.seed.item(&before.key).await, Some(expected), "{change:?}");
        }
    }

    async fn a_row_that_changed_is_left_and_shown(&self) {
        let now = self.put(&full("conditions", 1)).await;
        let other = Some(EpochSeconds(1));
        let stale = [
            VaultRow { version: RowVersion(now.version.0 - 1), ..now.clone() },
            VaultRow { state: State::Cooling, ..now.clone() },
            VaultRow { expires_at: other, ..now.clone() },
            VaultRow { expires_at: None, ..now.clone() },
            VaultRow { last_read_at: other, ..now.clone() },
            VaultRow { last_read_at: None, ..now.clone() },
            VaultRow { purge_at: other, ..now.clone() },
        ];
        for stale in stale {
            let change = Change::Rearm { due_at: Some(AT) };
            assert_eq!(self.vault.write(&write_of(&stale, change)).await.unwrap(), stands(&now), "{stale:?}");
        }
        assert_eq!(self.row(&now.key).await, Some(now.clone()));
        let again = write_of(&now, Change::Rearm { due_at: Some(AT) });
        assert_eq!(self.vault.write(&again).await.unwrap(), WriteOutcome::Done);
        let written = again.change.apply(&now);
        assert_eq!(
            self.vault.write(&again).await.unwrap(),
            stands(&written),
            "writing twice is writing once"
        );
    }

    async fn a_hold_that_came_in_between_refuses(&self) {
        let held = self.put(&full("holds", 1).hold("case-1")).await;
        // Whoever put the hold did not step the version.
        let unheld = VaultRow { hold: None, ..held.clone() };
        for change in [Change::Rearm { due_at: Some(AT) }, cooled_by_run(7)] {
            assert_eq!(self.vault.write(&write_of(&unheld, change)).await.unwrap(), stands(&held));
        }
        let removal = self.vault.remove(&held.key, &Expected::of(&unheld)).await.unwrap();
        assert_eq!(removal, stands(&held));
        // A release knows of the hold and rests on the version.
        let release = Change::Release {
            hold: None,
            purge_at: None,
            due_at: Some(AT),
            released_at: AT,
            decided: by_caller(None),
        };
        assert_eq!(self.vault.write(&write_of(&held, release)).await.unwrap(), WriteOutcome::Done);
        assert_eq!(self.row(&held.key).await.unwrap().hold, None);
    }

    async fn a_read_stamp_rests_on_the_version_and_the_last_read(&self) {
        let now = self.put(&full("stamps", 1)).await;
        let stamp = |row: &VaultRow| write_of(row, Change::Stamp { last_read_at: AT });
        let older = VaultRow { version: RowVersion(now.version.0 - 1), ..now.clone() };
        let unread = VaultRow { last_read_at: None, ..now.clone() };
        for stale in [older, unread] {
            assert_eq!(self.vault.write(&stamp(&stale)).await.unwrap(), stands(&now), "{stale:?}");
        }
        // The version says all the rest, and a role that may only stamp may name no other attribute.
        let other_end = VaultRow { expires_at: None, ..now.clone() };
        assert_eq!(self.vault.write(&stamp(&other_end)).await.unwrap(), WriteOutcome::Done);
        assert_eq!(self.row(&now.key).await, Some(Change::Stamp { last_read_at: AT }.apply(&now)));
    }

    async fn a_fence_that_is_past_ours_refuses(&self) {
        for (theirs, mine, is_admitted) in
            [(5, 4, false), (5, 5, true), (5, 6, true), (10, 9, false), (9, 10, true)]
        {
            let now = self.put(&full("fences", 1).decided_by("100-01", theirs, 1)).await;
            let outcome = self.vault.write(&write_of(&now, cooled_by_run(mine))).await.unwrap();
            let expected = if is_admitted { WriteOutcome::Done } else { stands(&now) };
            assert_eq!(outcome, expected, "{mine} after {theirs}");
        }
        let unfenced = self.put(&full("fences", 2)).await;
        let outcome = self.vault.write(&write_of(&unfenced, cooled_by_run(1))).await.unwrap();
        assert_eq!(outcome, WriteOutcome::Done);
    }

    async fn a_write_without_a_fence_ignores_the_rows(&self) {
        let now = self.put(&full("fences", 3).decided_by("100-01", 9, 1)).await;
        let change = Change::Rearm { due_at: None };
        assert_eq!(self.vault.write(&write_of(&now, change)).await.unwrap(), WriteOutcome::Done);
        assert_eq!(self.row(&now.key).await.unwrap().fence, Some(9));
    }

    async fn a_write_of_no_row_makes_none(&self) {
        let never = full("nobody", 1).build();
        for change in [Change::Rearm { due_at: None }, cooled_by_run(1)] {
            assert_eq!(
                self.vault.write(&write_of(&never, change)).await.unwrap(),
                WriteOutcome::Changed(None)
            );
        }
        assert_eq!(self.row(&never.key).await, None);
    }

    pub(super) async fn removals(&self) {
        let now = self.put(&full("removals", 1).cooling(Trigger::Revoked, AT).purge_at(AT)).await;
        let stale = VaultRow { purge_at: Some(EpochSeconds(AT.0 - 1)), ..now.clone() };
        assert_eq!(self.vault.remove(&now.key, &Expected::of(&stale)).await.unwrap(), stands(&now));
        assert_eq!(self.row(&now.key).await, Some(now.clone()));
        assert_eq!(self.vault.remove(&now.key, &Expected::of(&now)).await.unwrap(), WriteOutcome::Done);
        assert_eq!(self.row(&now.key).await, None);
        // What is gone already is told apart, so that it is not counted twice.
        assert_eq!(
            self.vault.remove(&now.key, &Expected::of(&now)).await.unwrap(),
            WriteOutcome::Changed(None)
        );
    }
}
