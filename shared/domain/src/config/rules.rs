//! Reads `[..on.TRIGGER]`, and fills every cell that the file leaves out: with the shipped rule for a kind, with the
//! kind's own for an override.

use std::collections::BTreeMap;
use std::time::Duration;

use super::duration::days;
use super::floors::{COOL_OFF_ENDED, COOL_OFF_SPENT, COOL_OFF_UNUSED, STRIKES};
use super::kinds::Base;
use super::report::Report;
use super::section::Section;
use crate::policy::{Action, Retention, Rule, Scope, Trigger};

/// A kind of this name is a vault's also without a format.
const VAULT_KIND: &str = "vault";
const REFRESH_KIND: &str = "refresh";
const SESSION_KIND: &str = "session";
const DEFAULT_STRIKES: u8 = 2;
const ACTIONS: [(&str, Action); 3] =
    [("invalidate", Action::Invalidate), ("remove", Action::Remove), ("ignore", Action::Ignore)];
const RETENTIONS: [(&str, Retention); 4] =
    [("7d", Retention::R7), ("30d", Retention::R30), ("90d", Retention::R90), ("365d", Retention::R365)];

/// Which column of the shipped table a kind follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    /// Tokens that tenants keep in their stores, in place of what they stand for.
    Vault,
    /// Tokens that an auth service issues: access, refresh, session, `auth_code`, and whatever else has no format.
    Auth,
}

/// The rules of a kind that the file says nothing about.
pub(super) fn shipped_rules(kind: &str, has_format: bool) -> BTreeMap<Trigger, Rule> {
    let column = if has_format || kind == VAULT_KIND { Column::Vault } else { Column::Auth };
    Trigger::ALL.into_iter().map(|trigger| (trigger, shipped_rule(kind, column, trigger))).collect()
}

fn shipped_rule(kind: &str, column: Column, trigger: Trigger) -> Rule {
    let cool_off = if trigger.is_revivable() {
        days(7)
    } else if trigger == Trigger::Superseded && column == Column::Auth {
        // It was out of service before its successor came, so nobody is given time to object.
        Duration::ZERO
    } else {
        Duration::from_hours(24)
    };
    Rule {
        action: shipped_action(column, trigger),
        scope: shipped_scope(kind, trigger),
        cool_off,
        archive: trigger != Trigger::AccountDeleted,
        retention: if trigger == Trigger::Compromised { Retention::R90 } else { Retention::R30 },
        strikes: DEFAULT_STRIKES,
    }
}

fn shipped_action(column: Column, trigger: Trigger) -> Action {
    let (auth, vault) = match trigger {
        Trigger::Expired => (Action::Remove, Action::Remove),
        Trigger::Consumed | Trigger::Superseded => (Action::Remove, Action::Ignore),
        Trigger::Rotated | Trigger::Logout | Trigger::DeviceLogout => (Action::Invalidate, Action::Ignore),
        Trigger::Compromised | Trigger::Revoked | Trigger::AccountDeleted | Trigger::Idle => {
            (Action::Invalidate, Action::Invalidate)
        }
        Trigger::Unreferenced => (Action::Ignore, Action::Invalidate),
    };
    match column {
        Column::Auth => auth,
        Column::Vault => vault,
    }
}

fn shipped_scope(kind: &str, trigger: Trigger) -> Scope {
    match trigger {
        Trigger::Logout => Scope::Session,
        Trigger::DeviceLogout => Scope::Device,
        Trigger::AccountDeleted => Scope::Subject,
        // A stolen refresh token was perhaps used, so what descends from it is the thief's as well.
        Trigger::Compromised if kind == REFRESH_KIND => Scope::Family,
        Trigger::Compromised if kind == SESSION_KIND => Scope::Session,
        Trigger::Compromised
        | Trigger::Revoked
        | Trigger::Expired
        | Trigger::Rotated
        | Trigger::Consumed
        | Trigger::Idle
        | Trigger::Unreferenced
        | Trigger::Superseded => Scope::Token,
    }
}

/// The scope that a trigger always has, for those whose meaning decides it.
fn fixed_scope(trigger: Trigger) -> Option<Scope> {
    match trigger {
        Trigger::Expired
        | Trigger::Rotated
        | Trigger::Consumed
        | Trigger::Idle
        | Trigger::Unreferenced
        | Trigger::Superseded => Some(Scope::Token),
        Trigger::AccountDeleted => Some(Scope::Subject),
        Trigger::Logout | Trigger::DeviceLogout | Trigger::Compromised | Trigger::Revoked => None,
    }
}

/// Reads the rules of a kind or of a tenant's override of one.
pub(super) fn read_rules(
    report: &mut Report,
    section: &Section<'_>,
    base: &Base,
) -> Option<BTreeMap<Trigger, Rule>> {
    let mut rules = base.policy.rules.clone();
    let mut is_whole = true;
    let words: Vec<&str> = Trigger::ALL.into_iter().map(Trigger::as_str).collect();
    if let Some(on) = section.table(report, "on") {
        on.check_keys(report, &words);
        for on_trigger in on.tables(report) {
            let Some(trigger) = Trigger::parse(on_trigger.name) else { continue };
            match read_rule(report, &on_trigger, trigger, base) {
                Some(rule) => drop(rules.insert(trigger, rule)),
                None => is_whole = false,
            }
        }
        if base.is_sound {
            check_needed(report, section, &on, base);
        }
    }
    if is_whole && base.is_sound {
        check_ignored(report, section, base, &rules);
    }
    is_whole.then_some(rules)
}

fn read_rule(report: &mut Report, section: &Section<'_>, trigger: Trigger, base: &Base) -> Option<Rule> {
    let own = base.policy.rule(trigger)?;
    section.check_keys(report, &["action", "scope", "cool_off", "archive", "retention", "strikes"]);
    let action = section.choice(report, "action", own.action, &ACTIONS);
    // Guard: what was found unused is sentenced by a verdict run after its cool-off, never by a timer alone. Only a
    // kind that is not scanned for has no verdict runs to wait for.
    if action == Some(Action::Remove) && trigger.is_revivable() && base.policy.format.is_some() {
        let problem = "remove is not allowed for what was only found unused; use invalidate or ignore";
        section.fault(report, "action", problem);
    }
    let scope = read_scope(report, section, trigger, own.scope);
    let bounds = match trigger {
        Trigger::Rotated => &COOL_OFF_SPENT,
        Trigger::Idle | Trigger::Unreferenced => &COOL_OFF_UNUSED,
        Trigger::Expired
        | Trigger::Consumed
        | Trigger::Logout
        | Trigger::DeviceLogout
        | Trigger::Compromised
        | Trigger::Revoked
        | Trigger::AccountDeleted
        | Trigger::Superseded => &COOL_OFF_ENDED,
    };
    let cool_off = section.duration(report, "cool_off", own.cool_off, bounds);
    let archive = section.flag(report, "archive", own.archive);
    let retention = section.choice(report, "retention", own.retention, &RETENTIONS);
    let strikes = section.number(report, "strikes", u64::from(own.strikes), &STRIKES);
    if section.has("strikes") && trigger != Trigger::Unreferenced {
        section.fault(report, "strikes", "only `unreferenced` counts strikes; remove it");
    }
    Some(Rule {
        action: action?,
        scope: scope?,
        cool_off: cool_off?,
        archive: archive?,
        retention: retention?,
        strikes: u8::try_from(strikes?).ok()?,
    })
}

fn read_scope(report: &mut Report, section: &Section<'_>, trigger: Trigger, own: Scope) -> Option<Scope> {
    let choices = Scope::ALL.map(|scope| (scope.as_str(), scope));
    let scope = section.choice(report, "scope", own, &choices)?;
    if let Some(fixed) = fixed_scope(trigger).filter(|fixed| *fixed != scope) {
        let (trigger, fixed) = (trigger.as_str(), fixed.as_str());
        let problem = format!("the scope of `{trigger}` is fixed: it is always {fixed}; remove this");
        section.fault(report, "scope", problem);
        return None;
    }
    Some(scope)
}

/// A rule that can never apply is a misunderstanding about what happens to the tokens.
fn check_needed(report: &mut Report, section: &Section<'_>, on: &Section<'_>, base: &Base) {
    if on.has("unreferenced") && base.policy.format.is_none() {
        on.fault(
            report,
            "unreferenced",
            "a kind without a format is never scanned for; give it one or remove this",
        );
    }
    if on.has("idle") && !section.has("idle_after") && base.policy.idle_after.is_none() {
        on.fault(report, "idle", "nothing goes idle without `idle_after`; set it in the kind or remove this");
    }
}

fn check_ignored(report: &mut Report, section: &Section<'_>, base: &Base, rules: &BTreeMap<Trigger, Rule>) {
    let is_ignored = |trigger| rules.get(&trigger).is_none_or(|rule: &Rule| rule.action == Action::Ignore);
    if Trigger::ALL.into_iter().all(is_ignored) {
        section.fault(
            report,
            "on",
            "every trigger is ignored, so the kind has no rule; give one trigger an action",
        );
        return;
    }
    // Where idle tokens wait for the scan, it has something to decide all the same.
    let waits_for_scan = base.policy.idle_waits_for_scan();
    let decides = !is_ignored(Trigger::Unreferenced) || (waits_for_scan && !is_ignored(Trigger::Idle));
    if base.policy.format.is_some() && !decides {
        // An override has no format of its own to remove.
        let (key, way_out) =
            if section.has("format") { ("format", "remove `format`") } else { ("on", "remove this") };
        let problem =
            format!("the kind is scanned for, but `unreferenced` is ignored; give it an action or {way_out}");
        section.fault(report, key, problem);
    }
    // A tenant's override may ignore what its kind lets go idle: there is no other way to say never.
    let for_idle = ["idle_after", "idle_requires"].into_iter().find(|key| section.has(key));
    if let Some(key) = for_idle.filter(|key| *key == "idle_after" || waits_for_scan)
        && is_ignored(Trigger::Idle)
    {
        section.fault(report, key, "set, but `idle` is ignored; give it an action or remove this");
    }
}

#[cfg(test)]
mod tests {
    use super::super::duration::show_duration;
    use super::*;

    #[track_caller]
    fn table(kind: &str, has_format: bool) -> String {
        let lines = shipped_rules(kind, has_format).into_iter().map(|(trigger, rule)| {
            let Rule { action, scope, cool_off, archive, retention, strikes: _ } = rule;
            let copy = if archive { format!("{retention:?}") } else { "no copy".to_owned() };
            let (trigger, scope, cool_off) = (trigger.as_str(), scope.as_str(), show_duration(cool_off));
            format!("{trigger:15} {action:10} {scope:7} {cool_off:3} {copy}", action = format!("{action:?}"))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_shipped_rules_of_an_auth_service_are_the_documented_table() {
        insta::assert_snapshot!(table("access", false), @"
        expired         Remove     token   24h R30
        rotated         Invalidate token   24h R30
        consumed        Remove     token   24h R30
        logout          Invalidate session 24h R30
        device_logout   Invalidate device  24h R30
        compromised     Invalidate token   24h R90
        revoked         Invalidate token   24h R30
        account_deleted Invalidate subject 24h no copy
        idle            Invalidate token   7d  R30
        unreferenced    Ignore     token   7d  R30
        superseded      Remove     token   0s  R30
        ");
    }

    #[test]
    fn the_shipped_rules_of_a_vault_are_the_documented_table() {
        insta::assert_snapshot!(table("cards", true), @"
        expired         Remove     token   24h R30
        rotated         Ignore     token   24h R30
        consumed        Ignore     token   24h R30
        logout          Ignore     session 24h R30
        device_logout   Ignore     device  24h R30
        compromised     Invalidate token   24h R90
        revoked         Invalidate token   24h R30
        account_deleted Invalidate subject 24h no copy
        idle            Invalidate token   7d  R30
        unreferenced    Invalidate token   7d  R30
        superseded      Ignore     token   24h R30
        ");
        assert_eq!(table("vault", false), table("cards", true), "the name alone makes a vault");
    }

    #[test]
    fn only_the_reach_of_a_compromised_token_depends_on_the_name() {
        for (kind, has_format) in
            [("refresh", false), ("session", false), ("refresh", true), ("auth_code", false)]
        {
            let other = if has_format { "cards" } else { "access" };
            let mut rules = shipped_rules(kind, has_format);
            let scope = match kind {
                "refresh" => Scope::Family,
                "session" => Scope::Session,
                _ => Scope::Token,
            };
            assert_eq!(rules[&Trigger::Compromised].scope, scope, "{kind}");
            rules.get_mut(&Trigger::Compromised).unwrap().scope = Scope::Token;
            assert_eq!(rules, shipped_rules(other, has_format), "{kind}");
        }
    }
}
