//! Reads `[formats.*]` and `[kinds.*]`, and fills every trigger that the file leaves out with the shipped rule.

use std::collections::BTreeMap;
use std::time::Duration;

use super::duration::{days, show_duration};
use super::floors::{
    COOL_OFF_ENDED, COOL_OFF_UNUSED, GRACE, GRANULARITY_FACTOR, IDLE_AFTER, READ_GRANULARITY, STRIKES,
};
use super::report::Report;
use super::section::{Section, suggest};
use crate::format::TokenFormat;
use crate::policy::{Action, KindPolicy, Retention, Rule, Trigger};

/// The kind of the rows that carry a subject's cut-off and hold.
const SUBJECT_KIND: &str = "subject";
const DEFAULT_STRIKES: u8 = 2;
const ACTIONS: [(&str, Action); 3] =
    [("invalidate", Action::Invalidate), ("remove", Action::Remove), ("ignore", Action::Ignore)];
const RETENTIONS: [(&str, Retention); 4] =
    [("7d", Retention::R7), ("30d", Retention::R30), ("90d", Retention::R90), ("365d", Retention::R365)];

/// The rule of a trigger that the file says nothing about.
pub(super) fn shipped_rule(trigger: Trigger) -> Rule {
    let action = match trigger {
        Trigger::Expired | Trigger::Consumed | Trigger::Superseded => Action::Remove,
        Trigger::Rotated
        | Trigger::Logout
        | Trigger::DeviceLogout
        | Trigger::Compromised
        | Trigger::Revoked
        | Trigger::AccountDeleted
        | Trigger::Idle
        | Trigger::Unreferenced => Action::Invalidate,
    };
    let retention = if trigger == Trigger::Compromised { Retention::R90 } else { Retention::R30 };
    Rule {
        action,
        cool_off: if trigger.is_revivable() { days(7) } else { Duration::from_hours(24) },
        archive: trigger != Trigger::AccountDeleted,
        retention,
        strikes: DEFAULT_STRIKES,
    }
}

/// Reads `[kinds.*]`.
pub(super) fn read_kinds(
    report: &mut Report,
    root: &Section<'_>,
    formats: &BTreeMap<String, Option<TokenFormat>>,
) -> BTreeMap<String, Option<KindPolicy>> {
    let Some(kinds) = root.table(report, "kinds") else { return BTreeMap::new() };
    let sections = kinds.tables(report);
    sections.iter().map(|kind| (kind.name.to_owned(), read_kind(report, kind, formats))).collect()
}

fn read_kind(
    report: &mut Report,
    kind: &Section<'_>,
    formats: &BTreeMap<String, Option<TokenFormat>>,
) -> Option<KindPolicy> {
    kind.check_name(report);
    if kind.name == SUBJECT_KIND {
        report.fault(
            kind.at,
            &kind.path,
            "this kind is that of subject rows, which are no tokens; rename it",
        );
    }
    kind.check_keys(report, &["format", "read_granularity", "grace", "idle_after", "on"]);
    let format = kind.optional_text(report, "format");
    if let Some(name) = format
        && !formats.contains_key(name)
    {
        let known: Vec<&str> = formats.keys().map(String::as_str).collect();
        let problem = format!("no [formats.*] has this name; define it, or {}", suggest(name, &known));
        kind.fault(report, "format", problem);
    }
    let read_granularity =
        kind.duration(report, "read_granularity", Duration::from_hours(1), &READ_GRANULARITY);
    let grace = kind.duration(report, "grace", GRACE.least, &GRACE);
    let idle_after = if kind.has("idle_after") {
        kind.duration(report, "idle_after", IDLE_AFTER.least, &IDLE_AFTER).map(Some)
    } else {
        Some(None)
    };
    check_granularity(report, kind, "grace", read_granularity, grace);
    check_granularity(report, kind, "idle_after", read_granularity, idle_after.flatten());
    let rules = read_rules(report, kind, format.is_some());
    Some(KindPolicy {
        format: format.map(str::to_owned),
        read_granularity: read_granularity?,
        grace: grace?,
        idle_after: idle_after?,
        rules: rules?,
    })
}

/// Guard: a read may be unseen for one granularity, so a time that reads decide about must be longer than that.
fn check_granularity(
    report: &mut Report,
    kind: &Section<'_>,
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
        kind.fault(report, key, problem);
    }
}

fn read_rules(report: &mut Report, kind: &Section<'_>, is_scanned: bool) -> Option<BTreeMap<Trigger, Rule>> {
    let mut rules: BTreeMap<Trigger, Rule> =
        Trigger::ALL.into_iter().map(|trigger| (trigger, shipped_rule(trigger))).collect();
    let mut is_whole = true;
    let words: Vec<&str> = Trigger::ALL.into_iter().map(Trigger::as_str).collect();
    if let Some(on) = kind.table(report, "on") {
        on.check_keys(report, &words);
        for section in on.tables(report) {
            let Some(trigger) = Trigger::parse(section.name) else { continue };
            match read_rule(report, &section, trigger, is_scanned) {
                Some(rule) => drop(rules.insert(trigger, rule)),
                None => is_whole = false,
            }
        }
        check_needed(report, kind, &on, is_scanned);
    }
    if is_whole {
        check_ignored(report, kind, is_scanned, &rules);
    }
    is_whole.then_some(rules)
}

fn read_rule(report: &mut Report, section: &Section<'_>, trigger: Trigger, is_scanned: bool) -> Option<Rule> {
    let shipped = shipped_rule(trigger);
    section.check_keys(report, &["action", "cool_off", "archive", "retention", "strikes"]);
    let action = section.choice(report, "action", shipped.action, &ACTIONS);
    // Guard: what was found unused is sentenced by a verdict run after its cool-off, never by a timer alone. Only a
    // kind that is not scanned for has no verdict runs to wait for.
    if action == Some(Action::Remove) && trigger.is_revivable() && is_scanned {
        let problem = "remove is not allowed for what was only found unused; use invalidate or ignore";
        section.fault(report, "action", problem);
    }
    let bounds = if trigger.is_revivable() { &COOL_OFF_UNUSED } else { &COOL_OFF_ENDED };
    let cool_off = section.duration(report, "cool_off", shipped.cool_off, bounds);
    let archive = section.flag(report, "archive", shipped.archive);
    let retention = section.choice(report, "retention", shipped.retention, &RETENTIONS);
    let strikes = section.number(report, "strikes", u64::from(DEFAULT_STRIKES), &STRIKES);
    if section.has("strikes") && trigger != Trigger::Unreferenced {
        section.fault(report, "strikes", "only `unreferenced` counts strikes; remove it");
    }
    Some(Rule {
        action: action?,
        cool_off: cool_off?,
        archive: archive?,
        retention: retention?,
        strikes: u8::try_from(strikes?).ok()?,
    })
}

/// A rule that can never apply is a misunderstanding about what happens to the tokens.
fn check_needed(report: &mut Report, kind: &Section<'_>, on: &Section<'_>, is_scanned: bool) {
    if on.has("unreferenced") && !is_scanned {
        on.fault(
            report,
            "unreferenced",
            "a kind without a format is never scanned for; set `format` or remove this",
        );
    }
    if on.has("idle") && !kind.has("idle_after") {
        on.fault(report, "idle", "nothing goes idle without `idle_after`; set it in the kind or remove this");
    }
}

fn check_ignored(report: &mut Report, kind: &Section<'_>, is_scanned: bool, rules: &BTreeMap<Trigger, Rule>) {
    let is_ignored = |trigger| rules.get(&trigger).is_none_or(|rule: &Rule| rule.action == Action::Ignore);
    if Trigger::ALL.into_iter().all(is_ignored) {
        kind.fault(
            report,
            "on",
            "every trigger is ignored, so the kind has no rule; give one trigger an action",
        );
        return;
    }
    if is_scanned && is_ignored(Trigger::Unreferenced) {
        let problem =
            "the kind is scanned for, but `unreferenced` is ignored; give it an action or remove `format`";
        kind.fault(report, "format", problem);
    }
    if kind.has("idle_after") && is_ignored(Trigger::Idle) {
        let problem = "set, but `idle` is ignored; give it an action or remove this";
        kind.fault(report, "idle_after", problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_rules_are_the_documented_table() {
        let table: Vec<String> = Trigger::ALL
            .into_iter()
            .map(|trigger| {
                let Rule { action, cool_off, archive, retention, strikes } = shipped_rule(trigger);
                let cool_off = show_duration(cool_off);
                format!("{} {action:?} {cool_off} {archive} {retention:?} {strikes}", trigger.as_str())
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"), @"
        expired Remove 24h true R30 2
        rotated Invalidate 24h true R30 2
        consumed Remove 24h true R30 2
        logout Invalidate 24h true R30 2
        device_logout Invalidate 24h true R30 2
        compromised Invalidate 24h true R90 2
        revoked Invalidate 24h true R30 2
        account_deleted Invalidate 24h false R30 2
        idle Invalidate 7d true R30 2
        unreferenced Invalidate 7d true R30 2
        superseded Remove 24h true R30 2
        ");
    }
}
