//! `lethe canary`: tokens of ours that a tenant keeps in its stores, so that every run can be asked whether it still reads
//! those stores.

use lethe_domain::canary::{CANARY_KIND, Canary, live_canary};
use lethe_domain::lifecycle::Expected;
use lethe_domain::limits::Limits;
use lethe_domain::marks::MarkKey;
use lethe_domain::row::RowRead;
use lethe_domain::run::{Run, RunId};
use lethe_domain::source::{ObjectFormat, SourceConfig};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::TenantId;
use lethe_stages::pinned::{Pinned, keys_of};
use lethe_stages::ports::{Control, Vault};
use serde::Serialize;

use super::{Caller, RUNS_SEEN, check_tenant, config_in_force};
use crate::error::CliError;

/// A canary and what its tenant keeps for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CanaryView {
    /// The source.
    pub(crate) source: String,
    /// When it was planted.
    pub(crate) planted_at: EpochSeconds,
    /// By whom.
    pub(crate) planted_by: String,
    /// The last sealed run that had to look for it, and whether it saw all of it.
    pub(crate) last_look: Option<(RunId, bool)>,
    /// Where the tenant keeps it.
    pub(crate) place: String,
    /// What stands there, one line for each token format.
    pub(crate) lines: Vec<String>,
}

/// What planting or retiring came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CanaryDone {
    /// Whose canary.
    pub(crate) tenant: TenantId,
    /// Whether this command did it; `false` when it was so before.
    pub(crate) is_new: bool,
    /// The canary.
    pub(crate) canary: CanaryView,
}

/// What `lethe canary list` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CanariesView {
    /// Whose canaries.
    pub(crate) tenant: TenantId,
    /// One a source at most.
    pub(crate) canaries: Vec<CanaryView>,
    /// Sources without one.
    pub(crate) without: Vec<String>,
}

/// Plants a canary, or completes what an earlier attempt left undone. It is remembered before its rows are written, so
/// that no row is ever without somebody who knows it.
pub(crate) async fn plant<C: Control, V: Vault>(
    (tenant, source): (&TenantId, &str),
    caller: &Caller,
    limits: &Limits,
    (control, vault): (&C, &V),
) -> Result<CanaryDone, CliError> {
    let pinned = config_in_force(control, limits).await?;
    let config = source_of(&pinned, tenant, source)?;
    let section = pinned.tenant(tenant)?;
    let keys = keys_of(control, tenant).await?;
    let formats = pinned.config.scanned_formats(tenant);
    let made = live_canary(&keys, source, (&formats, section.shards), (caller.now, &caller.actor));
    let is_new = control.plant_canary(tenant, &made).await?;
    let canary = canary_of(tenant, source, control).await?.unwrap_or(made);
    for row in canary.rows(tenant) {
        // A row that is there already is an earlier attempt's.
        vault.create(&row).await?;
    }
    let canary = CanaryView::of(&canary, Some(config), None);
    Ok(CanaryDone { tenant: tenant.clone(), is_new, canary })
}

/// Lists a tenant's canaries and the sources that have none.
pub(crate) async fn list<C: Control>(
    tenant: &TenantId,
    limits: &Limits,
    control: &C,
) -> Result<CanariesView, CliError> {
    let pinned = config_in_force(control, limits).await?;
    check_tenant(&pinned, tenant)?;
    let sources = &pinned.tenant(tenant)?.sources;
    let key = MarkKey::new(keys_of(control, tenant).await?.mark_key);
    let runs = control.runs(tenant, RUNS_SEEN).await?;
    let canaries = control.canaries(tenant).await?;
    let without = sources.keys().filter(|name| canaries.iter().all(|canary| canary.source != **name));
    let view = |canary: &Canary| {
        let sealed =
            runs.iter().find(|run| run.evidence.is_some() && canary.planted_at <= run.scan_started_at);
        let last_look = sealed.map(|run| (run.id.clone(), saw(run, canary, &pinned, key)));
        CanaryView::of(canary, sources.get(&canary.source), last_look)
    };
    Ok(CanariesView {
        tenant: tenant.clone(),
        without: without.cloned().collect(),
        canaries: canaries.iter().map(view).collect(),
    })
}

/// Takes a canary away. Its rows go first: while one is left, somebody knows it.
pub(crate) async fn retire<C: Control, V: Vault>(
    (tenant, source): (&TenantId, &str),
    limits: &Limits,
    (control, vault): (&C, &V),
) -> Result<CanaryDone, CliError> {
    let pinned = config_in_force(control, limits).await?;
    check_tenant(&pinned, tenant)?;
    let Some(canary) = canary_of(tenant, source, control).await? else {
        return Err(CliError::BadInput(format!(
            "source `{source}` of tenant `{tenant}` has no canary; `lethe canary list {tenant}` shows those that stand"
        )));
    };
    for row in canary.rows(tenant) {
        if let Some(RowRead::Token(stands)) = vault.get(&row.key).await?
            && stands.kind == CANARY_KIND
        {
            vault.remove(&row.key, &Expected::of(&stands)).await?;
        }
    }
    let is_new = control.retire_canary(tenant, &canary).await?;
    let config = pinned.tenant(tenant)?.sources.get(source);
    Ok(CanaryDone { tenant: tenant.clone(), is_new, canary: CanaryView::of(&canary, config, None) })
}

async fn canary_of<C: Control>(
    tenant: &TenantId,
    source: &str,
    control: &C,
) -> Result<Option<Canary>, CliError> {
    let canaries = control.canaries(tenant).await?;
    Ok(canaries.into_iter().find(|canary| canary.source == source))
}

fn source_of<'c>(pinned: &'c Pinned, tenant: &TenantId, source: &str) -> Result<&'c SourceConfig, CliError> {
    check_tenant(pinned, tenant)?;
    let sources = &pinned.tenant(tenant)?.sources;
    sources.get(source).ok_or_else(|| {
        let known: Vec<&str> = sources.keys().map(String::as_str).collect();
        CliError::BadInput(format!("tenant `{tenant}` has no source `{source}`; it has {}", known.join(", ")))
    })
}

/// Whether a run saw every token of a canary.
fn saw(run: &Run, canary: &Canary, pinned: &Pinned, key: MarkKey) -> bool {
    canary.tokens.iter().all(|canary| {
        let canonical = pinned.canonical(&run.tenant, &canary.token);
        canonical.is_some_and(|canonical| run.canaries_seen.contains(&key.hash(canonical.as_bytes())))
    })
}

impl CanaryView {
    fn of(canary: &Canary, source: Option<&SourceConfig>, last_look: Option<(RunId, bool)>) -> Self {
        let tokens = canary.tokens.iter().map(|canary| canary.token.expose());
        Self {
            source: canary.source.clone(),
            planted_at: canary.planted_at,
            planted_by: canary.planted_by.clone(),
            last_look,
            place: source
                .map_or_else(|| "nowhere: the config has no such source any more".to_owned(), place_of),
            lines: tokens.map(|token| line_of(source, token)).collect(),
        }
    }
}

/// Where a tenant keeps the canary of a source.
fn place_of(source: &SourceConfig) -> String {
    match source {
        SourceConfig::DynamoDb { table, .. } => {
            format!("an item of table {table}, under a key of the tenant's own that it never removes")
        }
        SourceConfig::S3 { bucket, prefix, format: ObjectFormat::DynamodbExport, .. } => {
            format!("an item of the table whose exports lie under s3://{bucket}/{prefix}")
        }
        SourceConfig::S3 { bucket, prefix, .. } => {
            format!(
                "a line of an object under s3://{bucket}/{prefix}, written as the tenant writes its other lines"
            )
        }
    }
}

/// What the tenant writes there. Which attribute or column it is makes no difference to a scan.
fn line_of(source: Option<&SourceConfig>, token: &str) -> String {
    let Some(source) = source else { return token.to_owned() };
    match source {
        SourceConfig::DynamoDb { .. } => format!(r#"{{"lethe_canary":{{"S":"{token}"}}}}"#),
        SourceConfig::S3 { format, .. } => match format {
            ObjectFormat::Csv => format!("lethe_canary,{token}"),
            ObjectFormat::Jsonl => format!(r#"{{"lethe_canary":"{token}"}}"#),
            ObjectFormat::Text => format!("lethe_canary {token}"),
            ObjectFormat::DynamodbExport => format!(r#"{{"Item":{{"lethe_canary":{{"S":"{token}"}}}}}}"#),
        },
    }
}
