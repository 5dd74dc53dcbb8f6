//! `lethe verify`: the record of a tenant replayed against its vault and its archive.

use std::collections::{BTreeMap, BTreeSet};

use lethe_domain::replay::{About, Confirmed, Fault, Finding, confirm};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::ports::{Archive, AuditLog, Control, Vault};
use lethe_stages::verify::{Counted, Progress, Verify};
use serde::Serialize;

use super::{check_tenant, config_in_force};
use crate::error::CliError;

/// How many tokens or versions of one fault are named; all of them are counted.
const NAMED: usize = 1000;

/// What the command found. No token is part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct VerifyView {
    /// Whose record.
    pub(crate) tenant: TenantId,
    /// What was read.
    pub(crate) counted: Counted,
    /// How many things do not add up.
    pub(crate) n_faults: u64,
    /// How many seemed not to, and did at the other look: too recent to judge.
    pub(crate) n_too_recent: u64,
    /// The faults by class.
    pub(crate) faults: Vec<FaultView>,
}

/// One class of faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FaultView {
    /// Which.
    pub(crate) fault: Fault,
    /// What that means.
    pub(crate) meaning: &'static str,
    /// How many.
    pub(crate) n: u64,
    /// The first of them, by fingerprint or by object.
    pub(crate) named: Vec<About>,
}

/// Looks once, and where something seems wrong once more after a pause.
pub(crate) async fn verify<C: Control, A: AuditLog, V: Vault, R: Archive>(
    tenant: &TenantId,
    ports: &Verify<'_, C, A, V, R>,
    (now, tell): (impl Fn() -> EpochSeconds, &dyn Fn(Progress)),
    pause: impl AsyncFn(),
) -> Result<VerifyView, CliError> {
    check_tenant(&config_in_force(ports.control, ports.limits).await?, tenant)?;
    let first = ports.look(tenant, now(), tell).await?;
    if first.findings.is_empty() {
        return Ok(VerifyView::new(tenant, first.counted, Confirmed::default()));
    }
    pause().await;
    let second = ports.look(tenant, now(), tell).await?;
    Ok(VerifyView::new(tenant, second.counted, confirm(&first.findings, &second.findings)))
}

impl VerifyView {
    fn new(tenant: &TenantId, counted: Counted, Confirmed { findings, n_too_recent }: Confirmed) -> Self {
        let n_faults = findings.len() as u64;
        let faults = by_class(findings);
        Self { tenant: tenant.clone(), counted, n_faults, n_too_recent, faults }
    }
}

fn by_class(findings: BTreeSet<Finding>) -> Vec<FaultView> {
    let mut classes: BTreeMap<Fault, FaultView> = BTreeMap::new();
    for Finding { fault, about } in findings {
        let new = || FaultView { fault, meaning: fault.meaning(), n: 0, named: Vec::new() };
        let class = classes.entry(fault).or_insert_with(new);
        class.n = class.n.saturating_add(1);
        if class.named.len() < NAMED {
            class.named.push(about);
        }
    }
    classes.into_values().collect()
}
