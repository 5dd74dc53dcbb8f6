//! Reads `[tenants.*]` with their sources, overrides and callers.

use std::collections::BTreeMap;

use super::calendar::{read_cadence, read_window};
use super::callers::read_callers;
use super::floors::FEED_PERCENT;
use super::overrides::read_overrides;
use super::report::Report;
use super::section::{Section, suggest};
use super::sources::{check_sources_differ, read_source};
use super::{Rails, TenantConfig, calendar};
use crate::policy::KindPolicy;
use crate::read_feed::FeedPolicy;
use crate::source::SourceConfig;
use crate::token::{ShardCount, TenantId};

/// How much of the usual volume an hour of the read feed must have, in percent.
const FEED_PERCENT_DEFAULT: u8 = 50;

/// Reads `[tenants.*]`.
pub(super) fn read_tenants(
    report: &mut Report,
    root: &Section<'_>,
    kinds: &BTreeMap<String, Option<KindPolicy>>,
) -> BTreeMap<TenantId, TenantConfig> {
    // Guard: a file cut short must not pass for the wish to look after nobody.
    let sections = root.table(report, "tenants").map(|tenants| tenants.tables(report)).unwrap_or_default();
    if sections.is_empty() {
        root.missing(report, "tenants", "no tenant is defined, so nothing would happen; add [tenants.NAME]");
    }
    let mut tenants = BTreeMap::new();
    for section in &sections {
        let id = TenantId::new(section.name);
        if let Err(error) = &id {
            report.fault(section.at, &section.path, format!("{error}; rename it"));
        }
        if let (Some(tenant), Ok(id)) = (read_tenant(report, section, kinds), id) {
            tenants.insert(id, tenant);
        }
    }
    tenants
}

fn read_tenant(
    report: &mut Report,
    section: &Section<'_>,
    known: &BTreeMap<String, Option<KindPolicy>>,
) -> Option<TenantConfig> {
    let keys = ["shards", "cadence", "window", "kinds", "override", "callers", "reads", "sources"];
    section.check_keys(report, &keys);
    let shards = read_shards(report, section);
    let cadence = read_cadence(report, section);
    let window = read_window(report, section);
    let kinds = read_kind_names(report, section, known);
    let sources = read_sources(report, section);
    check_scan(report, section, &kinds, known, !sources.is_empty());
    let overrides = read_overrides(report, section, known);
    let callers = read_callers(report, section);
    let reads = read_feed(report, section);
    let sources: Option<BTreeMap<String, SourceConfig>> = sources.into_iter().collect();
    Some(TenantConfig {
        shards: shards?,
        cadence: cadence?,
        window: window?,
        kinds,
        overrides: overrides?,
        callers: callers?,
        reads: reads?,
        sources: sources?,
    })
}

/// Reports the tenants in whose windows no run could come to its end.
pub(super) fn check_windows(
    report: &mut Report,
    root: &Section<'_>,
    tenants: &BTreeMap<TenantId, TenantConfig>,
    rails: &Rails,
) {
    let sections = root.table(report, "tenants").map(|tenants| tenants.tables(report)).unwrap_or_default();
    let of = |name: &str| tenants.get(&TenantId::new(name).ok()?);
    calendar::check_windows(report, &sections, of, rails);
}

/// Reads `[tenants.*.reads]`.
fn read_feed(report: &mut Report, tenant: &Section<'_>) -> Option<FeedPolicy> {
    let proven = FeedPolicy::Proven { least_percent: FEED_PERCENT_DEFAULT };
    if !tenant.has("reads") {
        return Some(proven);
    }
    let section = tenant.table(report, "reads")?;
    section.check_keys(report, &["feed", "volume_percent"]);
    let is_proven = section.choice(report, "feed", true, &[("proven", true), ("trusted", false)]);
    let percent = section.number(report, "volume_percent", FEED_PERCENT_DEFAULT.into(), &FEED_PERCENT);
    if is_proven == Some(false) {
        if section.has("volume_percent") {
            let problem = "a feed that is trusted is not measured; remove this, or set feed = \"proven\"";
            section.fault(report, "volume_percent", problem);
        }
        return Some(FeedPolicy::Trusted);
    }
    let least_percent = u8::try_from(percent?).ok()?;
    is_proven.map(|_| FeedPolicy::Proven { least_percent })
}

fn read_shards(report: &mut Report, section: &Section<'_>) -> Option<ShardCount> {
    let Some(entry) = section.entry("shards") else {
        let problem =
            "is missing; set a power of two from 1 to 4096, one shard for each 500000 tokens to come";
        section.missing(report, "shards", problem);
        return None;
    };
    let number = section.whole_number(report, "shards", entry)?;
    let shards = u16::try_from(number).ok().and_then(|number| ShardCount::new(number).ok());
    if shards.is_none() {
        let problem = format!("{number} is not a power of two from 1 to 4096; use 1, 2, 4, 8, … or 4096");
        section.fault(report, "shards", problem);
    }
    shards
}

fn read_kind_names(
    report: &mut Report,
    section: &Section<'_>,
    known: &BTreeMap<String, Option<KindPolicy>>,
) -> Vec<String> {
    if !section.has("kinds") {
        section.missing(
            report,
            "kinds",
            "is missing; list the kinds of tokens that the tenant has, as [\"vault\"]",
        );
    }
    let Some(texts) = section.texts(report, "kinds") else { return Vec::new() };
    if texts.is_empty() {
        section.fault(report, "kinds", "names no kind; list the kinds of tokens that the tenant has");
    }
    let path = section.path_of("kinds");
    let mut names: Vec<String> = Vec::new();
    for (at, name) in texts {
        if !known.contains_key(name) {
            let all: Vec<&str> = known.keys().map(String::as_str).collect();
            let problem = format!(
                "a kind without a rule: no [kinds.*] has this name; define it, or {}",
                suggest(name, &all)
            );
            report.fault(at, &path, problem);
        } else if names.iter().any(|listed| listed == name) {
            report.fault(at, &path, "a kind is listed twice; remove one");
        } else {
            names.push(name.to_owned());
        }
    }
    names
}

fn read_sources(report: &mut Report, tenant: &Section<'_>) -> Vec<Option<(String, SourceConfig)>> {
    let Some(sources) = tenant.table(report, "sources") else { return Vec::new() };
    let sections = sources.tables(report);
    let read: Vec<Option<(String, SourceConfig)>> = sections
        .iter()
        .map(|section| Some((section.name.to_owned(), read_source(report, section)?)))
        .collect();
    check_sources_differ(report, &sections, &read);
    read
}

/// A scan of nothing finds nothing, and a store without a scanned kind is a store somebody believes to be scanned.
fn check_scan(
    report: &mut Report,
    tenant: &Section<'_>,
    kinds: &[String],
    known: &BTreeMap<String, Option<KindPolicy>>,
    has_sources: bool,
) {
    let policies: Option<Vec<&KindPolicy>> =
        kinds.iter().map(|kind| known.get(kind).and_then(Option::as_ref)).collect();
    let Some(policies) = policies.filter(|policies| !policies.is_empty()) else { return };
    let is_scanned = policies.iter().any(|policy| policy.format.is_some());
    if is_scanned && !has_sources {
        let problem = format!(
            "no source is listed, but a kind of this tenant is scanned for: every token would look unreferenced; \
             add [{}.NAME], or remove the kind",
            tenant.path_of("sources"),
        );
        tenant.missing(report, "sources", problem);
    }
    if !is_scanned && tenant.has("window") {
        let problem = "bounds runs, and no kind of this tenant has a format, so it has none; remove this";
        tenant.fault(report, "window", problem);
    }
    if !is_scanned && has_sources {
        tenant.fault(
            report,
            "sources",
            "no kind of this tenant has a format, so nothing is scanned for; add one",
        );
    }
}
