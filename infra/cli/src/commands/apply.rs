//! `lethe apply`: checks a file whole and puts it in force as the next version.

use lethe_domain::audit::{AuditItem, Event, run_partition};
use lethe_domain::config::Config;
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::plan::hash_of;
use lethe_domain::token::TenantId;
use lethe_stages::ports::{AuditLog, Control, StoredConfig};
use serde::Serialize;

use super::Caller;
use crate::error::CliError;

/// What applying a file came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Applied {
    /// The version in force.
    pub(crate) version: u64,
    /// Whether this command stored it; `false` when the same text was in force before.
    pub(crate) is_new: bool,
    /// The tenants it names.
    pub(crate) tenants: Vec<TenantId>,
    /// The tenants that got their keys.
    pub(crate) new_tenants: Vec<TenantId>,
}

/// Checks a file by itself: before any service is asked, and so without credentials.
pub(crate) fn check(file: &str, text: &str) -> Result<Config, CliError> {
    Config::parse(text).map_err(|faults| refused(file, &faults))
}

/// Puts a file in force. The tenants' keys come first, so that no config in force names a tenant without keys.
pub(crate) async fn apply<C: Control, A: AuditLog>(
    (file, text): (&str, &str),
    caller: &Caller,
    (control, audit): (&C, &A),
    make_keys: impl Fn() -> Result<TenantKeys, CliError>,
) -> Result<Applied, CliError> {
    let current = control.current_config().await?;
    let config = match &current {
        Some(current) => {
            Config::parse_successor(text, &current.text).map_err(|faults| refused(file, &faults))?
        }
        None => check(file, text)?,
    };
    let tenants: Vec<TenantId> = config.tenants.into_keys().collect();
    let mut new_tenants = Vec::new();
    for tenant in &tenants {
        if control.keys(tenant).await?.is_none() && control.create_keys(tenant, &make_keys()?).await? {
            new_tenants.push(tenant.clone());
        }
    }
    let (version, is_new) = match current {
        Some(current) if current.text == text => (current.version, false),
        other => (store(other, text, caller, control).await?, true),
    };
    for tenant in &tenants {
        audit.record(&policy_changed(tenant, version, text, caller)).await?;
    }
    Ok(Applied { version, is_new, tenants, new_tenants })
}

async fn store<C: Control>(
    current: Option<StoredConfig>,
    text: &str,
    caller: &Caller,
    control: &C,
) -> Result<u64, CliError> {
    let version = current.map_or(0, |current| current.version).saturating_add(1);
    let next =
        StoredConfig { version, text: text.to_owned(), stored_at: caller.now, author: caller.actor.clone() };
    if !control.store_config(&next).await? {
        return Err(CliError::Failed(format!(
            "somebody stored version {version} at the same moment, so yours was not stored; see `lethe status` and \
             apply again"
        )));
    }
    Ok(version)
}

/// One item a tenant and version, whoever writes it first.
fn policy_changed(tenant: &TenantId, version: u64, text: &str, caller: &Caller) -> AuditItem {
    let sk = format!("config-v{version:08}#{}", Event::PolicyChanged.as_str());
    let digest = hash_of(text.as_bytes());
    AuditItem {
        policy: Some(version),
        evidence: Some(digest),
        actor: Some(caller.actor.clone()),
        ..AuditItem::new(run_partition(tenant), sk, Event::PolicyChanged, caller.now)
    }
}

fn refused(file: &str, faults: &lethe_domain::config::Faults) -> CliError {
    let n = faults.len();
    let noun = if n == 1 { "fault" } else { "faults" };
    CliError::BadInput(format!("{}\n{n} {noun} in {file}; nothing was stored", faults.in_file(file)))
}
