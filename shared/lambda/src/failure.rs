//! What can go wrong with one piece of work at the edge, and what it says in the log.

use std::fmt;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use lambda_runtime::Diagnostic;
use lethe_stages::error::{Retry, StageError, chain};

/// Why a piece of work was not done.
#[derive(Debug)]
pub enum Failure {
    /// What came is not what the function takes. The text never quotes it.
    Unreadable(&'static str),
    /// The stage failed.
    Stage(StageError),
    /// There is too much to do for it already.
    Busy,
    /// Parts of a tick failed; the stage has logged each, and the next tick goes on.
    Incomplete(u64),
    /// It panicked; the panic hook has logged where.
    Panicked,
}

impl Failure {
    /// Whether another attempt may help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreadable(_) => Retry::Never,
            Self::Stage(error) => error.retry(),
            Self::Busy | Self::Incomplete(_) | Self::Panicked => Retry::Later,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(what) => f.write_str(what),
            Self::Stage(error) => f.write_str(&chain(error)),
            Self::Busy => f.write_str("too much is being worked off already"),
            Self::Incomplete(n_failed) => write!(f, "{n_failed} parts of the tick failed"),
            Self::Panicked => f.write_str("panicked"),
        }
    }
}

impl From<StageError> for Failure {
    fn from(error: StageError) -> Self {
        Self::Stage(error)
    }
}

/// Runs a stage and turns a panic into a failure, so that one poisoned message does not take its neighbours along.
///
/// A stage's future is tens of kilobytes, so it lives on the heap.
pub async fn guarded<R>(work: LocalBoxFuture<'_, Result<R, StageError>>) -> Result<R, Failure> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(outcome) => outcome.map_err(Failure::Stage),
        Err(_panic) => Err(Failure::Panicked),
    }
}

/// A failed invocation. The runtime logs its `Debug`, once, and reports it to Lambda, which then tries again.
pub struct InvocationError(Failure);

impl From<Failure> for InvocationError {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl From<StageError> for InvocationError {
    fn from(error: StageError) -> Self {
        Self(Failure::Stage(error))
    }
}

impl InvocationError {
    /// What went wrong.
    pub fn failure(&self) -> &Failure {
        &self.0
    }
}

impl fmt::Debug for InvocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<InvocationError> for Diagnostic {
    fn from(error: InvocationError) -> Self {
        let error_type = match error.0 {
            Failure::Unreadable(_) => "UnreadableEvent",
            Failure::Stage(_) => "StageError",
            Failure::Busy => "Busy",
            Failure::Incomplete(_) => "IncompleteTick",
            Failure::Panicked => "Panic",
        };
        Self { error_type: error_type.to_owned(), error_message: error.0.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use lethe_stages::error::PortError;

    use super::*;

    #[test]
    fn the_whole_chain_is_one_line() {
        let port = PortError::later("put archive object", std::io::Error::other("connection reset"));
        let error = InvocationError::from(StageError::from(port));
        assert_eq!(format!("{error:?}"), "put archive object: connection reset");
        assert_eq!(Diagnostic::from(error).error_type, "StageError");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_panic_is_tried_again() {
        let work = async { if true { panic!("tok_secret") } else { Ok(()) } };
        let failure = guarded(work.boxed_local()).await.unwrap_err();
        assert_eq!(failure.retry(), Retry::Later);
        assert_eq!(failure.to_string(), "panicked");
    }
}
