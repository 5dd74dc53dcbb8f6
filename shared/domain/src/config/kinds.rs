//! Reads `[kinds.*]`, and what a tenant's override may say about a kind: the same settings over another base.

use std::collections::BTreeMap;
use std::time::Duration;

use super::duration::show_duration;
use super::floors::{GRACE, GRANULARITY_FACTOR, IDLE_AFTER, READ_GRANULARITY, REUSE_LEEWAY};
use super::report::Report;
use super::rules::{read_rules, shipped_rules};
use super::section::{Section, suggest};
use crate::canary::CANARY_KIND;
use crate::format::TokenFormat;
use crate::policy::{Action, Cleanup, IdleRequires, KindPolicy, Trigger};
use crate::subject::SUBJECT_KIND;

const READ_GRANULARITY_DEFAULT: Duration = Duration::from_hours(1);
const REUSE_LEEWAY_DEFAULT: Duration = Duration::from_secs(30);

/// The keys of a kind. An override has them too; that it may not set `format` is said where it is read.
const KEYS: [&str; 8] =
    ["format", "read_granularity", "grace", "idle_after", "idle_requires", "reuse_leeway", "cleanup", "on"];
const IDLE_REQUIRES: [(&str, IdleRequires); 2] =
    [("nothing", IdleRequires::Nothing), ("unreferenced", IdleRequires::Unreferenced)];

/// What a section that leaves a setting out gets.
pub(super) struct Base {
    /// The settings.
    pub(super) policy: KindPolicy,
    /// Whether they stand. Where they do not, nothing is compared with them: that would be a consequence of their
    /// faults and not a fault of its own.
    pub(super) is_sound: bool,
}

impl Base {
    /// What Lethe ships for a kind.
    fn shipped(kind: &str, format: Option<&str>, cleanup: Cleanup) -> Self {
        let policy = KindPolicy {
            format: format.map(str::to_owned),
            read_granularity: READ_GRANULARITY_DEFAULT,
            grace: GRACE.least,
            idle_after: None,
            idle_requires: IdleRequires::Nothing,
            reuse_leeway: REUSE_LEEWAY_DEFAULT,
            cleanup,
            rules: shipped_rules(kind, format.is_some()),
        };
        Self { policy, is_sound: true }
    }

    /// What a kind of the file says; where it does not stand, the shipped settings take its place.
    pub(super) fn of_kind(kind: &str, policy: Option<&KindPolicy>) -> Self {
        match policy {
            Some(policy) => Self { policy: policy.clone(), is_sound: true },
            None => Self { is_sound: false, ..Self::shipped(kind, None, Cleanup::default()) },
        }
    }
}

/// Reads `[kinds.*]`. What is read is not yet [`settled`], because overrides go by what the file says.
pub(super) fn read_kinds(
    report: &mut Report,
    root: &Section<'_>,
    formats: &BTreeMap<String, Option<TokenFormat>>,
) -> BTreeMap<String, Option<KindPolicy>> {
    let cleanup = read_cleanup(report, root, Cleanup::default()).unwrap_or_default();
    let Some(kinds) = root.table(report, "kinds") else { return BTreeMap::new() };
    let sections = kinds.tables(report);
    sections.iter().map(|kind| (kind.name.to_owned(), read_kind(report, kind, formats, cleanup))).collect()
}

fn read_kind(
    report: &mut Report,
    kind: &Section<'_>,
    formats: &BTreeMap<String, Option<TokenFormat>>,
    cleanup: Cleanup,
) -> Option<KindPolicy> {
    kind.check_name(report);
    let reserved = match kind.name {
        SUBJECT_KIND => Some("this kind is that of subject rows, which are no tokens; rename it"),
        CANARY_KIND => Some("this kind is that of canaries, over which no policy decides; rename it"),
        _ => None,
    };
    if let Some(problem) = reserved {
        report.fault(kind.at, &kind.path, problem);
    }
    let format = kind.optional_text(report, "format");
    if let Some(name) = format
        && !formats.contains_key(name)
    {
        let known: Vec<&str> = formats.keys().map(String::as_str).collect();
        let problem = format!("no [formats.*] has this name; define it, or {}", suggest(name, &known));
        kind.fault(report, "format", problem);
    }
    read_policy(report, kind, &Base::shipped(kind.name, format, cleanup))
}

/// Reads the settings of a kind or of a tenant's override of one.
pub(super) fn read_policy(report: &mut Report, section: &Section<'_>, base: &Base) -> Option<KindPolicy> {
    section.check_keys(report, &KEYS);
    let own = &base.policy;
    let read_granularity =
        section.duration(report, "read_granularity", own.read_granularity, &READ_GRANULARITY);
    let grace = section.duration(report, "grace", own.grace, &GRACE);
    let idle_after = if section.has("idle_after") {
        section.duration(report, "idle_after", IDLE_AFTER.least, &IDLE_AFTER).map(Some)
    } else {
        Some(own.idle_after)
    };
    let idle_requires = section.choice(report, "idle_requires", own.idle_requires, &IDLE_REQUIRES);
    let reuse_leeway = section.duration(report, "reuse_leeway", own.reuse_leeway, &REUSE_LEEWAY);
    let cleanup = read_cleanup(report, section, own.cleanup);
    if base.is_sound {
        check_granularity(report, section, "grace", read_granularity, grace);
        check_granularity(report, section, "idle_after", read_granularity, idle_after.flatten());
        check_idle_requires(report, section, own, (idle_after == Some(None), idle_requires));
        check_retained(report, section, cleanup);
    }
    let base = &joined(base, idle_requires.unwrap_or(own.idle_requires));
    let rules = read_rules(report, section, base);
    Some(KindPolicy {
        format: own.format.clone(),
        read_granularity: read_granularity?,
        grace: grace?,
        idle_after: idle_after?,
        idle_requires: idle_requires?,
        reuse_leeway: reuse_leeway?,
        cleanup: cleanup?,
        rules: rules?,
    })
}

fn read_cleanup(report: &mut Report, parent: &Section<'_>, base: Cleanup) -> Option<Cleanup> {
    if !parent.has("cleanup") {
        return Some(base);
    }
    let section = parent.table(report, "cleanup")?;
    section.check_keys(report, &["enable", "retain_for_audit"]);
    let enable = section.flag(report, "enable", base.enable);
    let retain_for_audit = section.flag(report, "retain_for_audit", base.retain_for_audit);
    Some(Cleanup { enable: enable?, retain_for_audit: retain_for_audit? })
}

/// Guard: a read may be unseen for one granularity, so a time that reads decide about must be longer than that.
fn check_granularity(
    report: &mut Report,
    section: &Section<'_>,
    key: &str,
    granularity: Option<Duration>,
    time: Option<Duration>,
) {
    let (Some(granularity), Some(time)) = (granularity, time) else { return };
    let least = granularity.saturating_mul(GRANULARITY_FACTOR);
    if time < least {
        let problem = format!(
            "{} is below twice the read granularity of {}; use {} or more, or a finer read_granularity",
            show_duration(time),
            show_duration(granularity),
            show_duration(least),
        );
        section.fault(report, key, problem);
    }
}

/// A scan that never takes place would keep every idle token for ever.
fn check_idle_requires(
    report: &mut Report,
    section: &Section<'_>,
    own: &KindPolicy,
    (never_idle, idle_requires): (bool, Option<IdleRequires>),
) {
    if !section.has("idle_requires") || idle_requires != Some(IdleRequires::Unreferenced) {
        return;
    }
    if own.format.is_none() {
        let problem = "a kind without a format is never scanned for, so nothing would go idle; give it one or \
                       remove this";
        section.fault(report, "idle_requires", problem);
    }
    if never_idle {
        let problem = "nothing goes idle without `idle_after`; set it in the kind or remove this";
        section.fault(report, "idle_requires", problem);
    }
}

/// What a section goes on from that has idle tokens wait for the scan: no token goes for being unreferenced alone
/// then, unless the section asks for that too.
fn joined(base: &Base, idle_requires: IdleRequires) -> Base {
    let mut policy = KindPolicy { idle_requires, ..base.policy.clone() };
    let is_new = base.policy.idle_requires != idle_requires;
    if is_new
        && policy.idle_waits_for_scan()
        && let Some(rule) = policy.rules.get_mut(&Trigger::Unreferenced)
    {
        rule.action = Action::Ignore;
    }
    Base { policy, is_sound: base.is_sound }
}

/// A copy that is asked for in one place and refused in another is a misunderstanding about what is kept.
fn check_retained(report: &mut Report, section: &Section<'_>, cleanup: Option<Cleanup>) {
    if cleanup.is_none_or(|cleanup| cleanup.retain_for_audit) {
        return;
    }
    // What is no table has been reported by who reads it.
    let unheard = &mut Report::default();
    let Some(on) = section.table(unheard, "on") else { return };
    let Some(superseded) = on.table(unheard, Trigger::Superseded.as_str()) else { return };
    if superseded.entry("archive").and_then(|entry| entry.value.as_bool()) == Some(true) {
        let problem = "retain_for_audit = false deletes what is superseded without a copy; set it to true for this \
                       kind or remove this";
        superseded.fault(report, "archive", problem);
    }
}

/// The policy as it is carried out: what clean-up supersedes goes without a copy where the file says so. The last
/// step, so that an override which wants the copy after all finds the kind's own rule.
pub(super) fn settled(mut policy: KindPolicy) -> KindPolicy {
    if !policy.cleanup.retain_for_audit
        && let Some(rule) = policy.rules.get_mut(&Trigger::Superseded)
    {
        rule.archive = false;
    }
    policy
}
