//! Who is calling: for the audit, and for the check of the account that a profile may run in.

use aws_sdk_sts::Client;
use lethe_stages::error::PortError;

use crate::failure::port_error;

const DOING: &str = "read the caller's identity";

/// The principal behind the credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its ARN.
    pub arn: String,
    /// Its account.
    pub account: String,
}

/// An identity with something missing.
#[derive(Debug, thiserror::Error)]
#[error("the answer names no principal")]
struct Nobody;

/// Asks STS.
pub async fn caller(client: &Client) -> Result<Caller, PortError> {
    let answer = client.get_caller_identity().send().await.map_err(|error| port_error(DOING, &error))?;
    let caller = answer.arn.zip(answer.account).map(|(arn, account)| Caller { arn, account });
    caller.ok_or_else(|| PortError::later(DOING, Nobody))
}
