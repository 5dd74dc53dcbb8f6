//! Weak sources: what names one, and what follows from it.

use super::*;
use crate::source::{ChangedAt, ChangedUnit, SourceConfig};

/// What makes the table of [`WHOLE`] a strong source.
const CHANGED: &str = "changed_at = \"updated_at\"\nchanged_at_unit = \"ms\"\n";

/// [`WHOLE`] with these lines in place of those, and these sections behind it.
fn with(table: &str, sections: &str) -> Config {
    assert!(WHOLE.contains(CHANGED));
    let text = WHOLE.replacen(CHANGED, table, 1);
    Config::parse(&format!("{text}{sections}")).unwrap()
}

const STRONG: &str = "changed_at = \"updated_at\"\nchanged_at_unit = \"iso8601\"\n";

fn vault(config: &Config) -> [(u8, Duration); 2] {
    let vault = config.known_kind(&acme(), "vault").unwrap();
    [Trigger::Unreferenced, Trigger::Idle].map(|trigger| {
        let rule = vault.rule(trigger).unwrap();
        (rule.strikes, rule.cool_off)
    })
}

#[test]
fn a_table_that_says_when_its_items_changed_is_strong() {
    let config = with(STRONG, "");
    assert!(config.tenants[&acme()].weak_sources().is_empty());
    let changed_at = config.tenants[&acme()].sources.values().find_map(|source| match source {
        SourceConfig::DynamoDb { changed_at, .. } => Some(changed_at.clone()),
        SourceConfig::S3 { .. } => None,
    });
    let expected = ChangedAt { attribute: "updated_at".to_owned(), unit: ChangedUnit::Iso8601 };
    assert_eq!(changed_at, Some(Some(expected)));
    assert_eq!(vault(&config)[0].0, 2, "the file's own");
}

#[test]
fn a_weak_source_raises_strikes_and_cool_off_to_the_floors_and_never_lowers_them() {
    let weak = with("", "");
    assert_eq!(weak.tenants[&acme()].weak_sources(), ["orders"]);
    assert_eq!(vault(&weak)[0], (3, days(14)));
    assert_eq!(vault(&weak)[1].1, days(14));
    let more = "[tenants.acme.override.vault.on.unreferenced]\nstrikes = 5\ncool_off = \"30d\"\n";
    assert_eq!(vault(&with("", more))[0], (5, days(30)));
    let own = vault(&with(STRONG, ""))[0];
    let kinds = &weak.kinds["vault"].rules[&Trigger::Unreferenced];
    assert_eq!((kinds.strikes, kinds.cool_off), own, "other tenants keep the kind's own");
}

#[test]
fn what_says_when_needs_a_name_and_a_unit() {
    for (lines, problem) in [
        ("changed_at = \"\"\nchanged_at_unit = \"s\"\n", "an attribute's name has 1 to 255 bytes"),
        ("changed_at = \"at\"\n", "changed_at_unit: is missing; set it to one of s, ms, iso8601"),
        ("changed_at = \"at\"\nchanged_at_unit = \"min\"\n", "is not one of the known words"),
        ("changed_at_unit = \"ms\"\n", "is the unit of nothing"),
        ("changed_at = 7\nchanged_at_unit = \"ms\"\n", "is a whole number; use a text in quotes"),
    ] {
        let report = spoil(CHANGED, lines);
        assert!(report.contains(problem), "{report}");
    }
}

#[test]
fn the_shrink_breaker_has_a_floor_and_a_ceiling() {
    let percent = |percent: u8| Config::parse(&format!("{MINIMAL}[rails]\nshrink_percent = {percent}\n"));
    assert_eq!(percent(50).unwrap().rails.shrink_percent, 50);
    assert_eq!(percent(100).unwrap().rails.shrink_percent, 100);
    for bad in [49, 101] {
        let report = percent(bad).unwrap_err().to_string();
        assert!(report.contains("is not from 50 to 100"), "{report}");
    }
}
