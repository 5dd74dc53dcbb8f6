//! The operator's one file, `lethe.toml`: read whole, with every fault in one report, or not at all.

mod calendar;
mod callers;
mod duration;
mod fault;
mod fixed;
pub mod floors;
mod formats;
mod gate;
mod kinds;
mod overrides;
mod rails;
mod recall;
mod report;
mod rules;
mod section;
mod sources;
mod tenants;
mod weak;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use toml::de::DeTable;

pub use duration::{parse_duration, show_duration};
pub use fault::{Fault, Faults};
pub use gate::GateRails;
pub use recall::RecallRails;

use crate::cadence::Cadence;
use crate::format::TokenFormat;
use crate::policy::KindPolicy;
use crate::read_feed::FeedPolicy;
use crate::source::SourceConfig;
use crate::time::{EpochSeconds, TimeScale};
use crate::token::{ShardCount, TenantId};
use crate::window::{Opening, Window};
use fixed::Fixed;
use floors::{DUE_SHARDS, FILE_MAX_BYTES};
use report::Report;
use section::Section;

/// The one version of the file that this build reads.
const FILE_VERSION: u64 = 1;
/// The partitions of the `due` index where the file says nothing.
const DEFAULT_DUE_SHARDS: u64 = 16;

/// A whole, valid config.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What tokens look like, by name. No two overlap.
    pub formats: BTreeMap<String, TokenFormat>,
    /// What happens to the tokens of a kind, by name; each has a rule for every trigger.
    pub kinds: BTreeMap<String, KindPolicy>,
    /// Whose tokens there are.
    pub tenants: BTreeMap<TenantId, TenantConfig>,
    /// How much may happen without a person.
    pub rails: Rails,
    /// Into how many partitions the `due` index is cut; fixed for life.
    pub due_shards: u16,
}

/// What the config says about one tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantConfig {
    /// Into how many shards its rows are cut; fixed for life.
    pub shards: ShardCount,
    /// How often a campaign starts.
    pub cadence: Cadence,
    /// When its runs may work; `None` means at any time.
    pub window: Option<Window>,
    /// The kinds of its tokens, in the file's order. A row of another kind is kept.
    pub kinds: Vec<String>,
    /// The policies of those of its kinds that it has changed; each is whole.
    pub overrides: BTreeMap<String, KindPolicy>,
    /// Who may send commands about its tokens; nobody else may.
    pub callers: Vec<CallerClass>,
    /// When silence about its tokens is idleness.
    pub reads: FeedPolicy,
    /// Its registered data stores, by name.
    pub sources: BTreeMap<String, SourceConfig>,
}

/// Some who may send the same commands about a tenant's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerClass {
    /// How the file calls them.
    pub name: String,
    /// IAM roles and users, by ARN or unique id.
    pub principals: Vec<String>,
    /// The class of the queue that they may send to. Without principals everybody who may send to it is meant.
    pub queue: Option<String>,
    /// The words of the commands that they may send.
    pub may: BTreeSet<String>,
}

/// How much may happen without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rails {
    /// The share of a tenant's tokens, in percent, that a plan may cool without an approval.
    pub ratio_percent: u8,
    /// The number of tokens that a plan may cool without an approval, whatever their share.
    pub ratio_floor: u64,
    /// What the gate asks of a plan.
    pub gate: GateRails,
    /// The drain between the end of a scan and the plan: how long a writer may take from reading a token to storing it.
    pub in_flight_max: Duration,
    /// The share of a tenant's tokens, in percent, that commands may remove in a day without an approval.
    pub command_percent: u8,
    /// The number of tokens that commands may remove in a day without an approval, whatever their share.
    pub command_floor: u64,
    /// The share, in percent, of what a source held in the last good run that it must still hold.
    pub shrink_percent: u8,
    /// What a run must see of tokens whose fate is known.
    pub recall: RecallRails,
    /// The share of the cooling tokens that may be read in a day before the tenant is paused, in percent.
    pub late_use_percent: u8,
    /// The number of cooling tokens that may always be read in a day.
    pub late_use_floor: u64,
}

impl TenantConfig {
    /// Whether its runs may work at a moment.
    pub fn opening(&self, now: EpochSeconds) -> Opening {
        self.window.as_ref().map_or(Opening::ALWAYS, |window| window.at(now))
    }

    /// The sources in which a scan cannot find what changed while it went on.
    pub fn weak_sources(&self) -> Vec<&str> {
        let weak = self.sources.iter().filter(|(_, source)| !source.is_strong());
        weak.map(|(name, _)| name.as_str()).collect()
    }
}

impl Config {
    /// Reads a file. The durations are the file's; [`Config::scaled`] puts them on a local profile's scale.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        Self::read(Report::default(), text, None)
    }

    /// Reads a text that stood when it was stored. What takes long is not checked again: the gaps of crons.
    pub fn parse_stored(text: &str) -> Result<Self, Faults> {
        Self::read(Report::of_stored(), text, None)
    }

    /// Reads a file that follows the text `current`: what is fixed for life must be as it was. Of `current` only that
    /// is looked at, so that a text which an earlier version allowed can still be followed.
    pub fn parse_successor(text: &str, current: &str) -> Result<Self, Faults> {
        Self::read(Report::default(), text, Some(&Fixed::of(current)))
    }

    fn read(mut report: Report, text: &str, current: Option<&Fixed>) -> Result<Self, Faults> {
        let config = read_file(&mut report, text, current);
        match (report.finish(text), config) {
            (None, Some(config)) => Ok(config),
            (Some(faults), _) => Err(faults),
            (None, None) => Err(unexplained()),
        }
    }

    /// The same config with every duration on this scale. Times of the day stay what they are: crons and windows.
    #[must_use]
    pub fn scaled(mut self, scale: TimeScale) -> Self {
        for kind in self.kinds.values_mut() {
            kind.scale(scale);
        }
        for tenant in self.tenants.values_mut() {
            tenant.cadence = tenant.cadence.clone().scaled(scale);
            for kind in tenant.overrides.values_mut() {
                kind.scale(scale);
            }
        }
        self.rails.in_flight_max = scale.apply(self.rails.in_flight_max);
        self.rails.recall = self.rails.recall.scaled(scale);
        self.rails.gate = self.rails.gate.scaled(scale);
        self
    }

    /// What the config says about a tenant.
    pub fn tenant(&self, tenant: &TenantId) -> Option<&TenantConfig> {
        self.tenants.get(tenant)
    }

    /// The policy of a kind that this tenant has: its own where it has changed it. `None` means that nothing may
    /// happen to the row.
    pub fn known_kind(&self, tenant: &TenantId, kind: &str) -> Option<&KindPolicy> {
        let tenant = self.tenant(tenant)?;
        let listed = tenant.kinds.iter().any(|name| name == kind);
        if listed { self.policy_of(tenant, kind) } else { None }
    }

    /// The kinds of a tenant that its stores are scanned for, with their formats.
    pub fn scanned_kinds(&self, tenant: &TenantId) -> Vec<(&str, &KindPolicy, &TokenFormat)> {
        let Some(tenant) = self.tenant(tenant) else { return Vec::new() };
        let kinds = tenant.kinds.iter().filter_map(|name| {
            let policy = self.policy_of(tenant, name)?;
            Some((name.as_str(), policy, self.formats.get(policy.format.as_ref()?)?))
        });
        kinds.collect()
    }

    fn policy_of<'a>(&'a self, tenant: &'a TenantConfig, kind: &str) -> Option<&'a KindPolicy> {
        tenant.overrides.get(kind).or_else(|| self.kinds.get(kind))
    }

    /// The longest time after which any of a tenant's tokens is idle; `None` where none ever is.
    pub fn longest_idle(&self, tenant: &TenantId) -> Option<Duration> {
        let tenant = self.tenant(tenant)?;
        tenant.kinds.iter().filter_map(|kind| self.policy_of(tenant, kind)?.idle_after).max()
    }

    /// The formats that a tenant's stores are scanned for, each once, by name.
    pub fn scanned_formats(&self, tenant: &TenantId) -> Vec<(&str, &TokenFormat)> {
        let formats: BTreeMap<&str, &TokenFormat> = self
            .scanned_kinds(tenant)
            .into_iter()
            .filter_map(|(_, policy, format)| Some((policy.format.as_deref()?, format)))
            .collect();
        formats.into_iter().collect()
    }

    /// Whether there is anything to scan for.
    pub fn is_scanned(&self, tenant: &TenantId) -> bool {
        !self.scanned_kinds(tenant).is_empty()
    }
}

fn read_file(report: &mut Report, text: &str, current: Option<&Fixed>) -> Option<Config> {
    if FILE_MAX_BYTES < text.len() {
        let problem = format!(
            "the file has {} bytes; shorten it to {FILE_MAX_BYTES}, it is stored as one item",
            text.len()
        );
        report.syntax(0, problem);
        return None;
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        report.syntax(at, format!("is not TOML: {}; correct the line", error.message()));
    }
    let root = Section::root(document.get_ref());
    root.check_keys(report, &["version", "due_shards", "formats", "kinds", "cleanup", "tenants", "rails"]);
    check_version(report, &root);
    let due_shards = root.number(report, "due_shards", DEFAULT_DUE_SHARDS, &DUE_SHARDS);
    let formats = formats::read_formats(report, &root);
    let kinds = kinds::read_kinds(report, &root, &formats);
    let mut tenants = tenants::read_tenants(report, &root, &kinds);
    let rails = rails::read_rails(report, &root);
    if let Some(rails) = &rails {
        tenants::check_windows(report, &root, &tenants, rails);
    }
    if let Some(current) = current {
        current.check(report, &root);
    }
    let kinds = all_whole(kinds)?.into_iter().map(|(name, kind)| (name, kinds::settled(kind))).collect();
    for tenant in tenants.values_mut() {
        weak::raise_for_weak_sources(tenant, &kinds);
    }
    Some(Config {
        formats: all_whole(formats)?,
        kinds,
        tenants,
        rails: rails?,
        due_shards: u16::try_from(due_shards?).ok()?,
    })
}

fn all_whole<T>(read: BTreeMap<String, Option<T>>) -> Option<BTreeMap<String, T>> {
    read.into_iter().map(|(name, value)| Some((name, value?))).collect()
}

fn check_version(report: &mut Report, root: &Section<'_>) {
    let Some(entry) = root.entry("version") else {
        root.missing(report, "version", format!("is missing; begin the file with version = {FILE_VERSION}"));
        return;
    };
    let version = root.whole_number(report, "version", entry);
    if let Some(version) = version.filter(|version| *version != FILE_VERSION) {
        let problem =
            format!("{version} is not a version that this lethe reads; use version = {FILE_VERSION}");
        root.fault(report, "version", problem);
    }
}

/// Every value that does not stand has reported why; this answers should one ever not have.
fn unexplained() -> Faults {
    let problem =
        "the file does not stand, but no fault was found; report this as a defect of lethe".to_owned();
    Faults::one(Fault { line: 1, column: 1, path: String::new(), problem })
}

#[cfg(test)]
mod tests;
