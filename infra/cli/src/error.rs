//! The ways a command ends badly, which are its exit codes.

use std::error::Error;

use lethe_stages::error::{PortError, StageError};
use thiserror::Error;

/// Why a command did not do what it was asked.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    /// The input is wrong, or asks for what cannot be: the text says what to do.
    #[error("{0}")]
    BadInput(String),
    /// What was asked for is fine, but does not stand or go right now: the text says what to do.
    #[error("{0}")]
    Failed(String),
    /// What was checked does not hold; the answer says what.
    #[error("{0}")]
    Wrong(String),
    /// A call to a service failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Reading what a stage needs failed.
    #[error(transparent)]
    Stage(#[from] StageError),
}

impl CliError {
    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::BadInput(_) => 2,
            Self::Failed(_) | Self::Port(_) | Self::Stage(_) => 1,
            Self::Wrong(_) => 3,
        }
    }

    /// The whole chain in lines, and for a service what to look at.
    pub(crate) fn explained(&self, stack: &str) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let line = error.to_string();
            if !text.ends_with(&line) {
                text.push_str("\n  because: ");
                text.push_str(&line);
            }
            cause = error.source();
        }
        match self {
            Self::Port(_) | Self::Stage(_) => {
                let hint = format!(
                    "\n  check that the stack `{stack}` is deployed in this account and region (--stack, AWS_PROFILE, \
                     AWS_REGION) and that you may read its tables"
                );
                text.push_str(&hint);
            }
            Self::BadInput(_) | Self::Failed(_) | Self::Wrong(_) => {}
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_is_told_from_a_failure() {
        assert_eq!(CliError::BadInput(String::new()).exit_code(), 2);
        assert_eq!(CliError::Failed(String::new()).exit_code(), 1);
        assert_eq!(CliError::Wrong(String::new()).exit_code(), 3);
        assert_eq!(CliError::Port(PortError::later("read run", "timed out")).exit_code(), 1);
    }

    #[test]
    fn a_failure_shows_its_whole_chain_and_where_to_look() {
        let error = CliError::Port(PortError::never("read control table", "ResourceNotFoundException"));
        insta::assert_snapshot!(error.explained("lethe"), @"
        read control table
          because: ResourceNotFoundException
          check that the stack `lethe` is deployed in this account and region (--stack, AWS_PROFILE, AWS_REGION) and that you may read its tables
        ");
    }
}
