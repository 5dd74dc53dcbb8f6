//! Conditional writes and removals.

use lethe_domain::lifecycle::{Change, Decided, Expected};
use lethe_domain::policy::Trigger;
use lethe_domain::row::{RowRead, RowVersion, State, VaultRow};
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
    Decided { policy: 3, run: RunId::parse("1800000000-02").map(|run| (run, fence)) }
}

fn cooled_by_run(fence: u64) -> Change {
    Change::Cool { reason: Trigger::Unreferenced, since: AT, purge_at: None, decided: by_run(fence) }
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
        self.a_read_stamp_rests_on_the_version_and_the_last_read().await;
        self.a_fence_that_is_past_ours_refuses().await;
        self.a_write_without_a_fence_ignores_the_rows().await;
        self.a_write_of_no_row_makes_none().await;
    }

    async fn a_change_writes_its_attributes_and_no_other(&self) {
        let by_timer = Decided { policy: 4, run: None };
        let active = full("changes", 1);
        let cooling = full("changes", 2).cooling(Trigger::Idle, AT).purge_at(AT).decided_by("100-01", 1, 1);
        let logout = Change::Cool {
            reason: Trigger::Logout,
            since: AT,
            purge_at: Some(AT),
            decided: by_timer.clone(),
        };
        let cases = [
            (&active, cooled_by_run(7)),
            (&active, logout),
            (&cooling, Change::Sentence { purge_at: EpochSeconds(AT.0 + 5), decided: by_run(7) }),
            (&cooling, Change::Reinstate { due_at: Some(AT), read_at: Some(AT), decided: by_timer }),
            (&cooling, Change::Reinstate { due_at: None, read_at: None, decided: by_run(7) }),
            (&active, Change::Stamp { last_read_at: AT }),
            (&active, Change::Rearm { due_at: Some(AT) }),
            (&active, Change::Rearm { due_at: None }),
            (&cooling, Change::Lift { due_at: AT }),
        ];
        for (builder, change) in cases {
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
