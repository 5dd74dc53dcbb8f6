//! The config that a stage decides by: one stored version, parsed and put on the profile's time scale.

use std::sync::Arc;
use std::time::Duration;

use lethe_domain::campaign::Pace;
use lethe_domain::config::{Config, TenantConfig};
use lethe_domain::fingerprint::TenantKeys;
use lethe_domain::format::Canonical;
use lethe_domain::lifecycle::Why;
use lethe_domain::limits::Limits;
use lethe_domain::policy::{Action, KindPolicy, Rule, Trigger};
use lethe_domain::row::VaultRow;
use lethe_domain::token::{TenantId, TokenId, token_digest};

use crate::error::StageError;
use crate::parsed::config_of;
use crate::ports::{Control, StoredConfig};

/// A stored config version, ready to decide by.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// The version that every decision names.
    pub version: u64,
    /// The config, its durations scaled.
    pub config: Arc<Config>,
}

impl Pinned {
    /// The version in force; `None` before the first `lethe apply`.
    pub async fn current<C: Control>(control: &C, limits: &Limits) -> Result<Option<Self>, StageError> {
        control.current_config().await?.map(|stored| Self::parse(&stored, limits)).transpose()
    }

    /// The version that a run pins.
    pub async fn at<C: Control>(control: &C, version: u64, limits: &Limits) -> Result<Self, StageError> {
        match control.config(version).await? {
            Some(stored) => Self::parse(&stored, limits),
            None => Err(StageError::Config { version }),
        }
    }

    fn parse(stored: &StoredConfig, limits: &Limits) -> Result<Self, StageError> {
        let version = stored.version;
        let config = config_of(&stored.text, limits.scale).ok_or(StageError::Config { version })?;
        Ok(Self { version, config })
    }

    /// A tenant's section.
    pub fn tenant(&self, tenant: &TenantId) -> Result<&TenantConfig, StageError> {
        self.config.tenant(tenant).ok_or(StageError::Config { version: self.version })
    }

    /// The canonical id and the policy under which a scan would find a row.
    ///
    /// Guard: only what a scan would have found under this very hash and shard can be missed by it.
    pub fn scannable(&self, row: &VaultRow) -> Result<(Canonical, &KindPolicy), Why> {
        let kinds = self.config.scanned_kinds(&row.key.tenant);
        let (_, kind, format) =
            kinds.into_iter().find(|(name, ..)| *name == row.kind).ok_or(Why::NotScanned)?;
        let canonical = format.canonical(row.key.token.expose()).ok_or(Why::UnknownFormat)?;
        let shards = self.config.tenant(&row.key.tenant).ok_or(Why::UnknownKind)?.shards;
        if shards.shard_of(&token_digest(canonical.as_bytes())) != row.key.shard {
            return Err(Why::WrongShard);
        }
        Ok((canonical, kind))
    }

    /// The canonical id under which a scan of the tenant's stores would find a token, whatever kind its row is of.
    pub fn canonical(&self, tenant: &TenantId, token: &TokenId) -> Option<Canonical> {
        let formats = self.config.scanned_formats(tenant);
        formats.into_iter().find_map(|(_, format)| format.canonical(token.expose()))
    }

    /// The kind of a token of which only the id is known, where one kind alone has its format.
    pub fn kind_by_format(&self, tenant: &TenantId, token: &TokenId) -> Option<&str> {
        let kinds = self.config.scanned_kinds(tenant);
        let mut fitting =
            kinds.into_iter().filter(|(_, _, format)| format.canonical(token.expose()).is_some());
        let (kind, ..) = fitting.next()?;
        fitting.next().is_none().then_some(kind)
    }

    /// How fast a tenant's runs follow each other.
    pub fn pace(&self, tenant: &TenantId, limits: &Limits) -> Pace {
        let kinds = || self.config.scanned_kinds(tenant).into_iter().map(|(_, kind, _)| kind);
        // Nothing cools under a rule that is ignored, and no verdict waits for it.
        let rules = |kind: &KindPolicy| {
            let acting = |rule: &&Rule| rule.action != Action::Ignore;
            [Trigger::Unreferenced, Trigger::Idle]
                .map(|trigger| kind.rule(trigger).filter(acting).map(|rule| rule.cool_off))
        };
        let cool_off = kinds().flat_map(rules).flatten().max().unwrap_or(Duration::ZERO);
        let strikes =
            kinds().filter_map(|kind| kind.rule(Trigger::Unreferenced)).map(|rule| rule.strikes).max();
        let (run_spacing, slice_day) = (limits.run_spacing, limits.budget_day);
        Pace { run_spacing, cool_off, strikes: strikes.unwrap_or(1), slice_day }
    }
}

/// A tenant's keys, which `lethe apply` made.
pub async fn keys_of<C: Control>(control: &C, tenant: &TenantId) -> Result<TenantKeys, StageError> {
    control.keys(tenant).await?.ok_or_else(|| StageError::NoKeys { tenant: tenant.to_string() })
}
