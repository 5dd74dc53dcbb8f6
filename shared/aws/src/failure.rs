//! What became of a failed call: a code that can be shown, and whether trying again may help.

use std::error::Error;
use std::time::Duration;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use lethe_stages::error::{PortError, Retry};

use crate::skew::ClockSkew;

/// Refusals with a 4xx status that are about the moment and not about the request.
const PASSING_CODES: [&str; 18] = [
    "ConditionalRequestConflict",
    "ExpiredToken",
    "ExpiredTokenException",
    "KMS.ThrottlingException",
    "LimitExceededException",
    "OperationAborted",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Refusals that an operator mends: a permission or a resource that is missing. Work that meets them is tried again,
/// and ends among the dead letters with an alarm; given up, it would be gone.
const MENDABLE_CODES: [&str; 9] = [
    "AccessDenied",
    "AccessDeniedException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "KMS.DisabledException",
    "KMSAccessDeniedException",
    "NoSuchBucket",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
    "UnrecognizedClientException",
];

/// A failed call as far as it may be shown: services quote keys in their messages, so the message is left out.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{code} (request {request})")]
pub(crate) struct Failure {
    /// The service's code, or what went wrong on the way.
    pub(crate) code: String,
    /// The service's id of the request.
    pub(crate) request: String,
}

/// What a failed call says, and whether to try again.
pub(crate) fn failure<E>(error: &SdkError<E, HttpResponse>) -> (Failure, Retry)
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(skew) = skew_of(error) {
        let (code, request) = (format!("ClockSkew: {} s", skew.seconds), "unknown".to_owned());
        return (Failure { code, request }, Retry::Later);
    }
    let (code, retry) = match error {
        SdkError::ConstructionFailure(_) => ("ConstructionFailure".to_owned(), Retry::Never),
        SdkError::TimeoutError(_) => ("Timeout".to_owned(), Retry::Later),
        SdkError::DispatchFailure(_) => ("DispatchFailure".to_owned(), Retry::Later),
        SdkError::ResponseError(_) => ("UnreadableResponse".to_owned(), Retry::Later),
        SdkError::ServiceError(refused) => {
            let status = refused.raw().status().as_u16();
            let code = refused.err().code().map_or_else(|| format!("Http{status}"), str::to_owned);
            let passes = status == 429 || status >= 500 || PASSING_CODES.contains(&code.as_str());
            (code, if passes { Retry::Later } else { Retry::Never })
        }
        // The SDK may add kinds of failure; what is not known to be final is tried again.
        _ => ("Unknown".to_owned(), Retry::Later),
    };
    let request = error.request_id().unwrap_or("unknown").to_owned();
    (Failure { code, request }, retry)
}

/// Whether it failed because the service's clock shows another time.
fn skew_of<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> Option<&ClockSkew> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(skew) = error.downcast_ref() {
            return Some(skew);
        }
        cause = error.source();
    }
    None
}

/// A failed call as a port's error.
pub(crate) fn port_error<E>(doing: &'static str, error: &SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (failure, retry) = failure(error);
    match retry {
        Retry::Never if MENDABLE_CODES.contains(&failure.code.as_str()) => PortError::later(doing, failure),
        Retry::Later => PortError::later(doing, failure),
        Retry::Never => PortError::never(doing, failure),
    }
}

/// The status of a refusal; `None` where there was no answer.
pub(crate) fn status_of<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Waits before another round of what a service left undone. The rounds are few and the wait is bounded.
pub(crate) async fn wait_before(round: u32) {
    const FIRST_MILLIS: u64 = 50;
    const LONGEST_DOUBLING: u32 = 5;
    let millis = FIRST_MILLIS.saturating_mul(1 << round.min(LONGEST_DOUBLING));
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::http::HttpResponse;
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

    use super::*;

    fn refused(code: &str, status: u16) -> SdkError<UpdateItemError, HttpResponse> {
        let metadata = ErrorMetadata::builder().code(code).message("the key tok_secret is wrong").build();
        let response = HttpResponse::new(status.try_into().unwrap(), "tok_secret".into());
        SdkError::service_error(UpdateItemError::generic(metadata), response)
    }

    #[test]
    fn refusals_of_the_moment_are_tried_later_and_others_never() {
        for (code, status) in [("ThrottlingException", 400), ("InternalServerError", 500), ("SlowDown", 503)]
        {
            assert_eq!(port_error("write", &refused(code, status)).retry(), Retry::Later, "{code}");
        }
        for code in ["AccessDeniedException", "ResourceNotFoundException"] {
            assert_eq!(port_error("write", &refused(code, 400)).retry(), Retry::Later, "{code}");
        }
        assert_eq!(port_error("write", &refused("ValidationException", 400)).retry(), Retry::Never);
        let timeout: SdkError<UpdateItemError, HttpResponse> = SdkError::timeout_error("late");
        assert_eq!(port_error("write", &timeout).retry(), Retry::Later);
    }

    #[test]
    fn no_error_quotes_the_services_message() {
        let error = port_error("write vault row", &refused("ValidationException", 400));
        let shown = format!("{error} {:?} {}", error, error.source().unwrap());
        assert!(!shown.contains("tok_secret"), "{shown}");
        assert!(shown.contains("ValidationException (request unknown)"), "{shown}");
    }
}
