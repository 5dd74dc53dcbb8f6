//! Writes under a lease.

use std::ops::Range;

use lethe_domain::lifecycle::Change;
use lethe_domain::policy::Trigger;
use lethe_domain::row::{RowRead, RowVersion, VaultRow};
use lethe_domain::run::RunId;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::Shard;
use lethe_stages::error::Retry;
use lethe_stages::ports::{Control, Lease, LeasedOutcome, RowWrite, RunRef, Vault, WriteOutcome};

use super::writes::{by_run, write_of};
use super::{VaultSeed, World};
use crate::rows::row;
use crate::tokens::{tenant, token};

const NOW: EpochSeconds = EpochSeconds(1_800_000_000);
const LATER: EpochSeconds = EpochSeconds(1_800_000_960);

fn sentenced(row: &VaultRow, fence: u64) -> RowWrite {
    write_of(row, Change::Sentence { purge_at: LATER, decided: by_run(fence) })
}

fn stands(row: &VaultRow) -> WriteOutcome {
    WriteOutcome::Changed(Some(Box::new(RowRead::Token(Box::new(row.clone())))))
}

impl<V: Vault, C: Control, S: VaultSeed> World<'_, V, C, S> {
    pub(super) async fn leased_writes(&self) {
        self.every_row_is_written_while_the_lease_is_ours().await;
        self.a_row_that_changed_does_not_hold_up_the_others().await;
        self.nothing_is_written_when_the_lease_is_lost().await;
        self.what_cannot_be_one_transaction_is_refused().await;
    }

    async fn lease(&self, of: &str, fence: u64, now: EpochSeconds) -> Lease {
        let run = RunRef { tenant: tenant(of), id: RunId::parse("1800000000-03").unwrap() };
        let until = EpochSeconds(now.0 + 960);
        self.control.take_lease((&run, Shard(0)), fence, now, until).await.unwrap().unwrap()
    }

    async fn cooling(&self, of: &str, seeds: Range<u64>) -> Vec<VaultRow> {
        let mut rows = Vec::new();
        for seed in seeds {
            rows.push(self.put(&row(of, &token(seed)).cooling(Trigger::Unreferenced, NOW)).await);
        }
        rows
    }

    async fn every_row_is_written_while_the_lease_is_ours(&self) {
        let lease = self.lease("leased", 7, NOW).await;
        let rows = self.cooling("leased", 0..50).await;
        let writes: Vec<_> = rows.iter().map(|row| sentenced(row, 7)).collect();
        let outcome = self.vault.write_under_lease(&lease, &writes).await.unwrap();
        assert_eq!(outcome, LeasedOutcome::Written(vec![WriteOutcome::Done; 50]));
        for (row, write) in rows.iter().zip(&writes) {
            assert_eq!(self.row(&row.key).await, Some(write.change.apply(row)));
        }
        let nothing = self.vault.write_under_lease(&lease, &[]).await.unwrap();
        assert_eq!(nothing, LeasedOutcome::Written(Vec::new()));
    }

    async fn a_row_that_changed_does_not_hold_up_the_others(&self) {
        let lease = self.lease("mixed", 7, NOW).await;
        let rows = self.cooling("mixed", 0..4).await;
        let mut writes: Vec<_> = rows.iter().map(|row| sentenced(row, 7)).collect();
        writes[1].expected.version = RowVersion(1);
        writes[3].key = row("mixed", &token(99)).key();
        let outcome = self.vault.write_under_lease(&lease, &writes).await.unwrap();
        let expected =
            vec![WriteOutcome::Done, stands(&rows[1]), WriteOutcome::Done, WriteOutcome::Changed(None)];
        assert_eq!(outcome, LeasedOutcome::Written(expected));
        assert_eq!(self.row(&rows[1].key).await, Some(rows[1].clone()));
        for at in [0, 2] {
            assert_eq!(self.row(&rows[at].key).await, Some(writes[at].change.apply(&rows[at])));
        }
        // The row's fence is checked inside as well.
        let fenced =
            self.put(&row("mixed", &token(50)).cooling(Trigger::Idle, NOW).decided_by("100-01", 8, 1)).await;
        let outcome = self.vault.write_under_lease(&lease, &[sentenced(&fenced, 7)]).await.unwrap();
        assert_eq!(outcome, LeasedOutcome::Written(vec![stands(&fenced)]));
    }

    async fn nothing_is_written_when_the_lease_is_lost(&self) {
        let mine = self.lease("lost", 7, NOW).await;
        let theirs = self.lease("lost", 8, EpochSeconds(NOW.0 + 2000)).await;
        let rows = self.cooling("lost", 0..2).await;
        let mut writes: Vec<_> = rows.iter().map(|row| sentenced(row, 7)).collect();
        writes[1].expected.version = RowVersion(1);
        assert_eq!(self.vault.write_under_lease(&mine, &writes).await.unwrap(), LeasedOutcome::LeaseLost);
        let never = Lease { shard: Shard(9), ..theirs };
        assert_eq!(self.vault.write_under_lease(&never, &writes).await.unwrap(), LeasedOutcome::LeaseLost);
        for row in rows {
            assert_eq!(self.row(&row.key).await, Some(row));
        }
    }

    async fn what_cannot_be_one_transaction_is_refused(&self) {
        let lease = self.lease("limits", 7, NOW).await;
        let rows = self.cooling("limits", 0..51).await;
        let writes: Vec<_> = rows.iter().map(|row| sentenced(row, 7)).collect();
        let too_many = self.vault.write_under_lease(&lease, &writes).await;
        assert_eq!(too_many.map_err(|error| error.retry()), Err(Retry::Never));
        let twice = self.vault.write_under_lease(&lease, &[writes[0].clone(), writes[0].clone()]).await;
        assert_eq!(twice.map_err(|error| error.retry()), Err(Retry::Never));
        assert_eq!(self.row(&rows[0].key).await, Some(rows[0].clone()));
    }
}
