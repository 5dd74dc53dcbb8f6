//! What a transaction that was cancelled says: one reason an action, in order.

use aws_sdk_dynamodb::types::CancellationReason;
use lethe_stages::error::PortError;

/// Why a transaction was not carried out.
#[derive(Debug, thiserror::Error)]
#[error("transaction cancelled: {0}")]
struct Cancelled(String);

/// What a cancellation comes to.
#[derive(Debug)]
pub(crate) enum Cancellation {
    /// The condition of some action failed; whether it did, action by action.
    Refused(Vec<bool>),
    /// Another writer was at one of the items in the same moment.
    Conflict,
    /// Something else.
    Failed(PortError),
}

/// Reads a cancellation.
pub(crate) fn judge(doing: &'static str, reasons: &[CancellationReason]) -> Cancellation {
    const REFUSED: &str = "ConditionalCheckFailed";
    let codes: Vec<_> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
    if codes.contains(&REFUSED) {
        return Cancellation::Refused(codes.into_iter().map(|code| code == REFUSED).collect());
    }
    // Conflicts, throttling and too small a throughput pass; the rest is wrong with the request itself.
    match codes.into_iter().find(|code| *code != "None") {
        Some("TransactionConflict") => Cancellation::Conflict,
        Some(code @ ("ThrottlingError" | "ProvisionedThroughputExceeded")) => later(doing, code),
        Some(code) => Cancellation::Failed(PortError::never(doing, Cancelled(code.to_owned()))),
        None => later(doing, "no reason given"),
    }
}

/// The error of a transaction that met other writers.
pub(crate) fn conflict(doing: &'static str) -> PortError {
    PortError::later(doing, Cancelled("TransactionConflict".to_owned()))
}

fn later(doing: &'static str, code: &str) -> Cancellation {
    Cancellation::Failed(PortError::later(doing, Cancelled(code.to_owned())))
}

#[cfg(test)]
mod tests {
    use lethe_stages::error::Retry;

    use super::*;

    fn judged(codes: &[&str]) -> Cancellation {
        let reasons: Vec<_> =
            codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect();
        judge("write", &reasons)
    }

    #[test]
    fn what_failed_its_condition_is_told_from_the_others() {
        let judged = judged(&["None", "ConditionalCheckFailed", "TransactionConflict"]);
        assert!(matches!(judged, Cancellation::Refused(refused) if refused == [false, true, false]));
    }

    #[test]
    fn conflicts_pass_and_a_wrong_request_does_not() {
        assert!(matches!(judged(&["None", "TransactionConflict"]), Cancellation::Conflict));
        let retry = |codes: &[&str]| match judged(codes) {
            Cancellation::Failed(error) => Some(error.retry()),
            Cancellation::Refused(_) | Cancellation::Conflict => None,
        };
        assert_eq!(retry(&["None", "ThrottlingError"]), Some(Retry::Later));
        assert_eq!(retry(&["None", "ValidationError"]), Some(Retry::Never));
        assert_eq!(retry(&[]), Some(Retry::Later));
    }
}
