//! Every change is on record, with the command behind it and nobody else's, and the record leads from state to state.

use std::collections::{BTreeMap, BTreeSet};

use lethe_domain::audit::{AuditItem, Event as Told, Standing};
use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::policy::Trigger;
use lethe_testkit::tenant;

use super::delivery::why_of;
use super::look::{has_left, key_of, name_of};
use super::order::reach;
use super::plan::{Event, Saying, Spec, Story, TENANTS, What};
use crate::driver::World;

/// Judges the record and the archive at the end of a story.
pub fn check(world: &World, story: &Story) -> Result<(), String> {
    let items = world.cloud.audit.items();
    for item in &items {
        check_item(item, world, story)?;
    }
    check_refusals(&items, story)?;
    check_chains(world, story, &items)?;
    check_archive(world, story)?;
    check_replay(world)?;
    let left = world.cloud.control.all_fan_outs();
    if left.is_empty() { Ok(()) } else { Err(format!("fan-outs are left: {left:?}")) }
}

/// The replay of the record finds nothing wrong with the vault and the archive.
fn check_replay(world: &World) -> Result<(), String> {
    for name in TENANTS {
        let findings = world.look_at(name).findings;
        if !findings.is_empty() {
            return Err(format!("the record of {name} does not add up: {findings:?}"));
        }
    }
    Ok(())
}

fn fingerprint_of(world: &World, spec: &Spec) -> Fingerprint {
    world.cloud.control.keys_now(&tenant(TENANTS[spec.tenant])).unwrap().fingerprint(&spec.id)
}

fn tenant_of(item: &AuditItem) -> Option<usize> {
    let (owner, _) = item.pk.rsplit_once('#')?;
    TENANTS.iter().position(|name| *name == owner)
}

/// Whoever acted is named, may act here, and said so.
fn check_item(item: &AuditItem, world: &World, story: &Story) -> Result<(), String> {
    let problem = |why: &str| Err(format!("{why}: {item:?}"));
    let actor = item.actor.as_deref().map(name_of);
    let Some(nth) = actor.as_deref().and_then(|actor| actor.strip_prefix("c-")?.parse::<usize>().ok()) else {
        let commanded = |reason: Option<Trigger>| reason.is_some_and(Trigger::is_commanded);
        let is_change = matches!(item.event, Told::Cooled | Told::Sentenced);
        if is_change && item.entries.iter().any(|entry| commanded(entry.reason)) {
            return problem("nobody is named for a commanded change");
        }
        return Ok(());
    };
    let event = &story.events[nth];
    let What::Say { saying, by_stranger, .. } = &event.what else { return problem("nobody said that") };
    if Some(event.tenant) != tenant_of(item) {
        return problem("another tenant's command");
    }
    // There the text is Lethe's own: why it refused, or that a person has to look.
    if matches!(item.event, Told::Refused | Told::Gated) {
        return Ok(());
    }
    if *by_stranger || item.reason_text.as_deref() != Some(&why_of(nth)) {
        return problem("not what its sender said, or may say");
    }
    let reach: BTreeSet<Fingerprint> =
        reach(story, event).into_iter().map(|slot| fingerprint_of(world, &story.tokens[slot])).collect();
    for entry in &item.entries {
        if !reach.contains(&entry.fingerprint) {
            return problem("a token that its sender did not mean");
        }
        let is_meant = match (item.event, saying) {
            (Told::Held, Saying::Hold { .. }) | (Told::Released, Saying::Release { .. }) => true,
            (Told::Reinstated, Saying::Read(_) | Saying::Reinstate(_)) => true,
            (Told::Cooled | Told::Sentenced, Saying::End { trigger, .. }) => {
                let is_reuse = *trigger == Trigger::Rotated && entry.reason == Some(Trigger::Compromised);
                entry.reason == Some(*trigger) || is_reuse
            }
            (Told::Cooled | Told::Sentenced, Saying::Read(_)) => entry.reason == Some(Trigger::Compromised),
            // Its date follows from a release.
            (Told::Sentenced, Saying::Hold { .. } | Saying::Release { .. }) => {
                entry.from == Standing::Cooling
            }
            _ => false,
        };
        if !is_meant {
            return problem("not what its sender asked for");
        }
    }
    Ok(())
}

/// Every command of a stranger was refused, once, and put on record under the tenant that it named.
fn check_refusals(items: &[AuditItem], story: &Story) -> Result<(), String> {
    let is_strange = |event: &Event| matches!(event.what, What::Say { by_stranger: true, .. });
    let expected: BTreeSet<String> = story
        .events
        .iter()
        .enumerate()
        .filter(|(_, event)| is_strange(event))
        .map(|(nth, _)| format!("c-{nth}"))
        .collect();
    let refused = items.iter().filter(|item| {
        item.event == Told::Refused
            && item.reason_text.as_deref().is_some_and(|why| why.contains("forbidden"))
    });
    let seen: Vec<String> = refused.filter_map(|item| item.actor.as_deref().map(name_of)).collect();
    let once: BTreeSet<String> = seen.iter().cloned().collect();
    if once == expected && once.len() == seen.len() {
        return Ok(());
    }
    Err(format!("refused on record are {seen:?}, strangers sent {expected:?}"))
}

/// Replayed by token and version, every entry begins where the one before it ended.
fn check_chains(world: &World, story: &Story, items: &[AuditItem]) -> Result<(), String> {
    for spec in &story.tokens {
        let fingerprint = fingerprint_of(world, spec);
        let of_tenant = items.iter().filter(|item| tenant_of(item) == Some(spec.tenant));
        let told = of_tenant.filter(|item| item.event != Told::Refused);
        let entries = told.flat_map(|item| item.entries.iter().map(move |entry| (item.event, entry)));
        let of_token = entries.filter(|(_, entry)| entry.fingerprint == fingerprint);
        let by_version: BTreeMap<_, _> = of_token
            .map(|(event, entry)| ((entry.version, has_left(entry.to), event), (entry.from, entry.to)))
            .collect();
        let mut stands = Standing::Active;
        for (place, (from, to)) in &by_version {
            if *from != Standing::None && *from != stands {
                return Err(format!("the record jumps at {place:?} of {spec:?}: {by_version:?}"));
            }
            stands = *to;
        }
    }
    Ok(())
}

/// What is archived is archived once, and nothing else is.
fn check_archive(world: &World, story: &Story) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for record in world.cloud.archive.records() {
        let known = story
            .tokens
            .iter()
            .find(|spec| TENANTS[spec.tenant] == record.tenant.as_str() && spec.id.expose() == record.token);
        let Some(spec) = known else { return Err("an archived token that nobody knows".to_owned()) };
        if world.cloud.vault.row(&key_of(spec)).is_some() {
            return Err(format!("archived and still there: {spec:?}"));
        }
        if !seen.insert((record.tenant.clone(), record.token.clone(), record.version)) {
            return Err(format!("archived twice: {spec:?}"));
        }
    }
    for spec in &story.tokens {
        let place = |(of, token, _): &(_, String, _)| {
            let of: &lethe_domain::token::TenantId = of;
            of.as_str() == TENANTS[spec.tenant] && token == spec.id.expose()
        };
        if seen.iter().filter(|seen| place(seen)).count() > 1 {
            return Err(format!("archived in two versions: {spec:?}"));
        }
    }
    Ok(())
}
