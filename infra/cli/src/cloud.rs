//! The connection to a deployed stack: who calls, where it is, and the ports over its tables and buckets.

use lethe_aws::client::{dynamodb, s3, shared_config, sts};
use lethe_aws::{DynamoAudit, DynamoControl, DynamoVault, LockMode, S3Archive, S3Work, Timeouts, identity};

use crate::args::{Global, Profile};
use crate::commands::Caller;
use crate::error::CliError;
use crate::input;
use crate::stack::Stack;

/// The account of every local cloud.
const LOCAL_ACCOUNT: &str = "000000000000";

/// A stack that commands work on.
pub(crate) struct Cloud {
    /// Who asks, and when.
    pub(crate) caller: Caller,
    /// Config, runs, approvals.
    pub(crate) control: DynamoControl,
    /// The record.
    pub(crate) audit: DynamoAudit,
    /// The tokens' rows.
    pub(crate) vault: DynamoVault,
    /// Candidates and counts.
    pub(crate) work: S3Work,
    /// The locked bucket, whose versions commands list.
    pub(crate) archive: S3Archive,
}

impl Cloud {
    /// Finds credentials, account and region the way the SDK does, and names the stack's resources after them.
    pub(crate) async fn connect(global: &Global) -> Result<Self, CliError> {
        let config = shared_config().await;
        let timeouts = match global.profile {
            Profile::Production => Timeouts::PRODUCTION,
            Profile::Local => Timeouts::LOCAL,
        };
        let Some(region) = config.region() else {
            return Err(CliError::BadInput(
                "no region is set; set AWS_REGION, or one in your AWS profile".to_owned(),
            ));
        };
        let caller = identity::caller(&sts(&config, &timeouts)).await?;
        check_profile(global.profile, &caller.account)?;
        let stack = Stack { name: global.stack.clone(), account: caller.account, region: region.to_string() };
        let tables = dynamodb(&config, &timeouts);
        let buckets = s3(&config, &timeouts);
        Ok(Self {
            caller: Caller { actor: caller.arn, now: input::now() },
            control: DynamoControl::new(tables.clone(), stack.control_table()),
            audit: DynamoAudit::new(tables.clone(), stack.audit_table()),
            vault: DynamoVault::new(tables, stack.vault_table(), stack.control_table()),
            work: S3Work::new(buckets.clone(), stack.work_bucket()),
            // Commands write nothing there, so how a version would be locked is never asked for.
            archive: S3Archive::new(buckets, stack.archive_bucket(), LockMode::Governance),
        })
    }
}

/// Guard: scaled times shown for a real account would promise deletions days too early.
fn check_profile(profile: Profile, account: &str) -> Result<(), CliError> {
    if profile == Profile::Local && account != LOCAL_ACCOUNT {
        return Err(CliError::BadInput(
            "the local profile is for a local cloud, and these credentials are a real account's; leave out \
             --profile local and LETHE_PROFILE"
                .to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_profile_is_refused_outside_a_local_cloud() {
        assert!(check_profile(Profile::Production, "123456789012").is_ok());
        assert!(check_profile(Profile::Local, LOCAL_ACCOUNT).is_ok());
        assert_eq!(check_profile(Profile::Local, "123456789012").unwrap_err().exit_code(), 2);
    }
}
