//! Reads `[tenants.*.override.*]`: where a tenant wants something else than the kind says.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::{Base, read_policy, settled};
use super::report::Report;
use super::section::{Section, suggest};
use crate::policy::KindPolicy;

/// Reads the policies that a tenant has changed. What an override leaves out is the kind's own, cell by cell.
pub(super) fn read_overrides(
    report: &mut Report,
    tenant: &Section<'_>,
    known: &BTreeMap<String, Option<KindPolicy>>,
) -> Option<BTreeMap<String, KindPolicy>> {
    if !tenant.has("override") {
        return Some(BTreeMap::new());
    }
    let overrides = tenant.table(report, "override")?;
    let read: Vec<Option<(String, KindPolicy)>> = overrides
        .tables(report)
        .iter()
        .map(|section| {
            check_listed(report, tenant, section, known);
            read_override(report, section, known)
        })
        .collect();
    read.into_iter().collect()
}

fn read_override(
    report: &mut Report,
    section: &Section<'_>,
    known: &BTreeMap<String, Option<KindPolicy>>,
) -> Option<(String, KindPolicy)> {
    if section.has("format") {
        let problem = "a tenant's tokens look as the kind says; remove this, or define a kind of its own";
        section.fault(report, "format", problem);
    }
    let kind = known.get(section.name).and_then(Option::as_ref);
    let base = Base::of_kind(section.name, kind);
    Some((section.name.to_owned(), settled(read_policy(report, section, &base)?)))
}

/// Guard: an override that applies to nothing is a typing error, and its author believes that it applies.
fn check_listed(
    report: &mut Report,
    tenant: &Section<'_>,
    section: &Section<'_>,
    known: &BTreeMap<String, Option<KindPolicy>>,
) {
    // A list that does not stand has been reported by who reads it.
    let unheard = &mut Report::default();
    let Some(texts) = tenant.texts(unheard, "kinds") else { return };
    let listed: BTreeSet<&str> = texts.into_iter().map(|(_, kind)| kind).collect();
    if !listed.is_empty() && !listed.contains(section.name) {
        // Guard: a listed name that no kind has is a text that may have been pasted there, and is not repeated.
        let defined: Vec<&str> = listed.into_iter().filter(|kind| known.contains_key(*kind)).collect();
        let other =
            if defined.is_empty() { "remove this".to_owned() } else { suggest(section.name, &defined) };
        let problem = format!("the tenant does not list this kind; add it to `kinds`, or {other}");
        report.fault(section.at, &section.path, problem);
    }
}
