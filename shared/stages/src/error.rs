//! The one error of the ports: what was being done, what lies behind it, and whether trying again can help.

use std::error::Error;
use std::fmt;

use crate::ports::WriteOutcome;

/// Whether an error is worth another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Later may be better: back to the queue.
    Later,
    /// It will not change: refused on record and acknowledged.
    Never,
}

/// A port's failure. Its text says what was being done (verb and object), never with a token or a body; the cause is
/// its source.
#[derive(Debug)]
pub struct PortError {
    doing: &'static str,
    retry: Retry,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl PortError {
    /// An error after which another attempt may succeed.
    pub fn later(doing: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { doing, retry: Retry::Later, source: Some(source.into()) }
    }

    /// An error that no attempt will mend.
    pub fn never(doing: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { doing, retry: Retry::Never, source: Some(source.into()) }
    }

    /// Whether another attempt may help.
    pub fn retry(&self) -> Retry {
        self.retry
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.doing)
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// A stage's failure.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The config in the control table does not parse: it was stored by a version that allowed more.
    #[error("read config version {version}: apply lethe.toml again")]
    Config {
        /// The version.
        version: u64,
    },
    /// A tenant of the config has no keys: `lethe apply` makes them.
    #[error("read keys of tenant {tenant}: apply lethe.toml again")]
    NoKeys {
        /// The tenant.
        tenant: String,
    },
    /// A source failed in a way that may pass.
    #[error("read source {source_name}")]
    Source {
        /// The source's name in the config.
        source_name: String,
        /// What went wrong.
        #[source]
        source: lethe_sources::SourceError,
    },
    /// Somebody else wrote first; deciding again will tell.
    #[error("write a row that others write at the same time")]
    Contended,
    /// A value could not be written as JSON.
    #[error("encode a stored value")]
    Encode(#[source] serde_json::Error),
    /// Bytes could not be compressed.
    #[error("compress archive frame")]
    Compress(#[source] std::io::Error),
}

/// A write that the service refuses for good (a row too large to change, say) is kept and logged: one such row must
/// not hold up all the others.
pub(crate) fn kept_if_refused(outcome: Result<WriteOutcome, PortError>) -> Result<WriteOutcome, PortError> {
    match outcome {
        Err(error) if error.retry() == Retry::Never => {
            tracing::error!(error = chain(&error), "a row's write is refused for good; the row is kept");
            Ok(WriteOutcome::Changed(None))
        }
        Ok(_) | Err(_) => outcome,
    }
}

/// An error and everything behind it, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

impl StageError {
    /// Whether another attempt may help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Port(error) => error.retry(),
            // A new `lethe apply` mends the first two; until then the queue keeps the message.
            Self::Config { .. }
            | Self::NoKeys { .. }
            | Self::Source { .. }
            | Self::Contended
            | Self::Compress(_)
            | Self::Encode(_) => Retry::Later,
        }
    }
}
