//! The functions that read the vault's stream. A batch that fails comes again, whole or from its first record that is
//! not done: a record given up here would be gone, so a failure that no attempt can mend is an error all the same,
//! until Lambda puts the batch into the bucket of failed records.

use futures::FutureExt;
use lethe_stages::archive::Archiver;
use lethe_stages::error::StageError;
use lethe_stages::invocation::Invocation;
use lethe_stages::ports::{Archive, AuditLog, Control, Vault};
use lethe_stages::react::React;
use lethe_stages::refuse::refuse;
use lethe_stages::stream::StreamRecord;
use serde::Serialize;
use serde_json::{Value, json};

use super::run;
use crate::failure::{Failure, InvocationError};
use crate::metrics::Measured;
use crate::stream::{self, Batch};

/// Puts a batch of changes on record.
pub async fn react<C: Control, A: AuditLog, V: Vault>(
    event: Value,
    stage: &React<'_, C, A, V>,
    at: Invocation<'_>,
) -> Result<Value, InvocationError> {
    let records = readable(event, stage.audit, at).await?;
    let outcome = run("react", stage.batch(&records, at.now).boxed_local()).await;
    answer(outcome, &records)
}

/// Puts a batch of removed rows into the archive.
pub async fn archive<C: Control, A: AuditLog, R: Archive>(
    event: Value,
    stage: &Archiver<'_, C, A, R>,
    at: Invocation<'_>,
) -> Result<Value, InvocationError> {
    let records = readable(event, stage.audit, at).await?;
    let outcome = run("archive", stage.batch(&records, at.now).boxed_local()).await;
    answer(outcome, &records)
}

/// The records of an event that can be read; the others are refused on record, each alone.
async fn readable<A: AuditLog>(
    event: Value,
    audit: &A,
    at: Invocation<'_>,
) -> Result<Vec<StreamRecord>, InvocationError> {
    let Some(Batch { records, poison }) = stream::read(event) else {
        return Err(Failure::Unreadable("the event holds no stream records").into());
    };
    for record in poison {
        tracing::error!(record_id = record.id, error = record.why, "stream record refused");
        refuse(audit, None, &record.id, record.why, at.now).await?;
    }
    Ok(records)
}

fn answer<R: Serialize + Measured>(
    outcome: Result<R, Failure>,
    records: &[StreamRecord],
) -> Result<Value, InvocationError> {
    let failure = match outcome {
        Ok(_report) => return Ok(json!({ "batchItemFailures": [] })),
        Err(failure) => failure,
    };
    let Some(first_undone) = first_undone(&failure, records) else { return Err(failure.into()) };
    tracing::warn!(error = failure.to_string(), "the rest of the batch goes back");
    Ok(json!({ "batchItemFailures": [{ "itemIdentifier": first_undone }] }))
}

/// The sequence number from which the stream goes on, where a part of the batch is done. An empty or unknown one
/// would be taken for the whole batch's failure, which is what an error says, too.
fn first_undone<'a>(failure: &Failure, records: &'a [StreamRecord]) -> Option<&'a str> {
    match failure {
        Failure::Stage(StageError::Partial { done, .. }) => {
            records.get(*done).map(|record| record.sequence.as_str())
        }
        Failure::Stage(_) | Failure::Unreadable(_) | Failure::Panicked => None,
    }
}

#[cfg(test)]
mod tests {
    use lethe_domain::time::EpochMillis;
    use lethe_stages::archive::ArchiveReport;
    use lethe_stages::stream::RecordKind;

    use super::*;

    fn records() -> Vec<StreamRecord> {
        let record = |sequence: &str| StreamRecord {
            kind: RecordKind::Remove,
            old: None,
            new: None,
            sequence: sequence.to_owned(),
            at: EpochMillis(0),
            by_ttl: false,
        };
        ["100", "200"].map(record).into()
    }

    fn outcome(error: StageError) -> Result<ArchiveReport, Failure> {
        Err(Failure::Stage(error))
    }

    #[test]
    fn a_batch_that_is_done_in_part_goes_on_from_its_first_undone_record() {
        let error = StageError::Partial { done: 1, source: Box::new(StageError::Contended) };
        let answer = answer(outcome(error), &records()).unwrap();
        assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "200" }] }));
    }

    #[test]
    fn a_batch_without_a_done_part_is_an_error() {
        let beyond = StageError::Partial { done: 2, source: Box::new(StageError::Contended) };
        for error in [StageError::Contended, beyond] {
            answer(outcome(error), &records()).unwrap_err();
        }
    }
}
