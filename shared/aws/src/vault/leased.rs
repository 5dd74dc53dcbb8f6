//! Writes that are made only while a lease is ours: transactions with a check of the lease's item.

use std::mem;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use aws_sdk_dynamodb::types::{CancellationReason, ConditionCheck, TransactWriteItem, Update};
use lethe_stages::error::PortError;
use lethe_stages::ports::{Lease, LeasedOutcome, RowWrite, WriteOutcome};

use super::expression::Expression;
use super::{DynamoVault, changed, place_of};
use crate::control::lease_place;
use crate::failure::{port_error, wait_before};
use crate::item::number;
use crate::transaction::{self, Cancellation};

const DOING: &str = "write vault rows under a lease";
/// The most writes in one call; a transaction takes 100 actions.
const MAX_WRITES: usize = 50;
/// How often transactions may collide with other writers before the caller is told to come back.
const MAX_CONFLICTS: u32 = 5;

/// What one attempt came to.
enum Attempt {
    Written,
    LeaseLost,
    /// At each place of the attempt, the outcome of a write whose condition failed.
    Refused(Vec<Option<WriteOutcome>>),
    /// Another writer was at one of the rows in the same moment.
    Conflict,
}

impl DynamoVault {
    /// One transaction for all writes; those whose condition fails are taken out and the others go into another.
    pub(super) async fn write_leased(
        &self,
        lease: &Lease,
        writes: &[RowWrite],
    ) -> Result<LeasedOutcome, PortError> {
        if MAX_WRITES < writes.len() {
            return Err(PortError::never(DOING, "more writes than one call takes"));
        }
        let mut outcomes: Vec<_> = writes.iter().map(|_| WriteOutcome::Done).collect();
        let mut waiting: Vec<_> = writes.iter().zip(&mut outcomes).collect();
        let mut n_conflicts = 0;
        while !waiting.is_empty() {
            let attempted: Vec<_> = waiting.iter().map(|(write, _)| *write).collect();
            match self.attempt(lease, &attempted).await? {
                Attempt::Written => break,
                Attempt::LeaseLost => return Ok(LeasedOutcome::LeaseLost),
                Attempt::Refused(refused) => {
                    for (refused, (write, outcome)) in refused.into_iter().zip(mem::take(&mut waiting)) {
                        match refused {
                            Some(refused) => *outcome = refused,
                            None => waiting.push((write, outcome)),
                        }
                    }
                }
                Attempt::Conflict if n_conflicts < MAX_CONFLICTS => {
                    wait_before(n_conflicts).await;
                    n_conflicts += 1;
                }
                Attempt::Conflict => return Err(transaction::conflict(DOING)),
            }
        }
        Ok(LeasedOutcome::Written(outcomes))
    }

    async fn attempt(&self, lease: &Lease, writes: &[&RowWrite]) -> Result<Attempt, PortError> {
        let mut actions = vec![self.check_of(lease)?];
        for write in writes {
            actions.push(self.action_of(write)?);
        }
        let answer = self.client.transact_write_items().set_transact_items(Some(actions)).send().await;
        let Err(error) = answer else { return Ok(Attempt::Written) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                judge(cancelled.cancellation_reasons())
            }
            Some(_) | None => Err(port_error(DOING, &error)),
        }
    }

    fn check_of(&self, lease: &Lease) -> Result<TransactWriteItem, PortError> {
        let check = ConditionCheck::builder()
            .table_name(&self.control_table)
            .set_key(Some(lease_place(&lease.run, lease.shard)))
            .condition_expression("#fence = :fence")
            .expression_attribute_names("#fence", "fence")
            .expression_attribute_values(":fence", number(lease.fence));
        let check = check.build().map_err(|error| PortError::never(DOING, error))?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    fn action_of(&self, write: &RowWrite) -> Result<TransactWriteItem, PortError> {
        let expression = Expression::of_write(write);
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(place_of(&write.key)))
            .update_expression(expression.update)
            .condition_expression(expression.condition)
            .set_expression_attribute_names(Some(expression.names))
            .set_expression_attribute_values(Some(expression.values))
            .return_values_on_condition_check_failure(AllOld);
        let update = update.build().map_err(|error| PortError::never(DOING, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// Reads a cancellation: the lease's reason is the first.
fn judge(reasons: &[CancellationReason]) -> Result<Attempt, PortError> {
    match transaction::judge(DOING, reasons) {
        Cancellation::Refused(refused) if refused.first() == Some(&true) => Ok(Attempt::LeaseLost),
        Cancellation::Refused(refused) => {
            let rows = reasons.iter().zip(refused).skip(1);
            Ok(Attempt::Refused(
                rows.map(|(row, refused)| refused.then(|| changed(row.item().cloned()))).collect(),
            ))
        }
        Cancellation::Conflict => Ok(Attempt::Conflict),
        Cancellation::Failed(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use lethe_domain::lifecycle::{Change, Expected};
    use lethe_domain::row::{RowVersion, State};
    use lethe_domain::run::{ApplyTally, RunId};
    use lethe_domain::time::EpochSeconds;
    use lethe_domain::token::{RowKey, Shard, TenantId};
    use lethe_stages::ports::RunRef;

    use super::*;
    use crate::client::{Timeouts, dynamodb};
    use crate::script::Script;

    fn reasons(codes: &[&str]) -> Vec<CancellationReason> {
        codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect()
    }

    #[test]
    fn a_failed_lease_check_goes_before_everything() {
        let judged = judge(&reasons(&["ConditionalCheckFailed", "ConditionalCheckFailed"]));
        assert!(matches!(judged, Ok(Attempt::LeaseLost)));
    }

    #[test]
    fn rows_whose_condition_failed_are_told_from_the_others() {
        let judged = judge(&reasons(&["None", "None", "ConditionalCheckFailed", "TransactionConflict"])).ok();
        let Some(Attempt::Refused(refused)) = judged else { panic!("no refusal") };
        assert_eq!(refused, [None, Some(WriteOutcome::Changed(None)), None]);
    }

    async fn write_two(script: &Script) -> Result<LeasedOutcome, PortError> {
        let client = dynamodb(&script.config(), &Timeouts::PRODUCTION);
        let vault = DynamoVault::new(client, "vault".to_owned(), "control".to_owned());
        let run = RunRef { tenant: TenantId::new("acme").unwrap(), id: RunId::parse("100-03").unwrap() };
        let until = EpochSeconds(100);
        let applied = ApplyTally::default();
        let lease = Lease { run, shard: Shard(1), fence: 7, until, n_entries_done: 0, applied };
        let write = |token: &str| RowWrite {
            key: RowKey::parse("acme#0001", token).unwrap(),
            expected: Expected {
                version: RowVersion(1),
                state: State::Cooling,
                expires_at: None,
                last_read_at: None,
                purge_at: None,
                is_held: false,
            },
            change: Change::Lift { due_at: until },
            due_shards: 16,
        };
        vault.write_leased(&lease, &[write("tok_a"), write("tok_b")]).await
    }

    fn cancelled(codes: [&str; 3]) -> String {
        let reasons = codes.map(|code| format!(r#"{{"Code":"{code}"}}"#)).join(",");
        format!(
            r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":[{reasons}]}}"#
        )
    }

    #[tokio::test]
    async fn a_refused_row_is_taken_out_and_a_conflict_is_tried_again() {
        let script = Script::default();
        script
            .answer(400, &cancelled(["None", "None", "TransactionConflict"]))
            .answer(400, &cancelled(["None", "ConditionalCheckFailed", "None"]))
            .answer(200, "{}");
        let outcome = write_two(&script).await.unwrap();
        assert_eq!(outcome, LeasedOutcome::Written(vec![WriteOutcome::Changed(None), WriteOutcome::Done]));
        let asked = script.asked();
        assert!(asked[1].contains("tok_a") && asked[1].contains("tok_b"), "the conflict's round is whole");
        assert!(
            !asked[2].contains("tok_a") && asked[2].contains("tok_b"),
            "the last round leaves the refused out"
        );
        assert!(asked[2].contains("lease#acme#100-03"), "every round checks the lease");
    }

    #[tokio::test]
    async fn a_lease_that_is_lost_between_rounds_ends_the_writing() {
        let script = Script::default();
        script
            .answer(400, &cancelled(["None", "ConditionalCheckFailed", "None"]))
            .answer(400, &cancelled(["ConditionalCheckFailed", "None", "None"]));
        assert_eq!(write_two(&script).await.unwrap(), LeasedOutcome::LeaseLost);
    }
}
