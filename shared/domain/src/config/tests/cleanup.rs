//! What clean-up does, for every kind and for one.

use super::*;

/// Two kinds, and a place for sections.
fn with(sections: &str) -> String {
    format!("{}{sections}", MINIMAL.replace("[kinds.session]", "[kinds.session]\n[kinds.access]"))
}

#[track_caller]
fn cleanup(sections: &str, kind: &str) -> (bool, bool, bool) {
    let config = Config::parse(&with(sections)).unwrap();
    let KindPolicy { cleanup, rules, .. } = &config.kinds[kind];
    (cleanup.enable, cleanup.retain_for_audit, rules[&Trigger::Superseded].archive)
}

#[test]
fn clean_up_is_on_and_keeps_a_copy() {
    assert_eq!(cleanup("", "session"), (true, true, true));
}

#[test]
fn a_kind_says_otherwise_than_the_file_cell_by_cell() {
    let file = "[cleanup]\nenable = false\nretain_for_audit = false\n";
    assert_eq!(cleanup(file, "session"), (false, false, false));
    let kind = format!("{file}[kinds.session.cleanup]\nretain_for_audit = true\n");
    assert_eq!(cleanup(&kind, "session"), (false, true, true));
    assert_eq!(cleanup(&kind, "access"), (false, false, false));
    let kind = format!("{file}[kinds.session.cleanup]\nenable = true\n");
    assert_eq!(cleanup(&kind, "session"), (true, false, false));
}

#[test]
fn without_a_copy_only_what_is_superseded_goes() {
    let config = Config::parse(&with("[cleanup]\nretain_for_audit = false\n")).unwrap();
    for (trigger, rule) in &config.kinds["session"].rules {
        let has_copy = !matches!(trigger, Trigger::Superseded | Trigger::AccountDeleted);
        assert_eq!(rule.archive, has_copy, "{trigger:?}");
    }
}

#[test]
fn a_copy_that_is_asked_for_and_refused_is_a_fault() {
    let both = "[kinds.session.on.superseded]\narchive = true\n[cleanup]\nretain_for_audit = false\n";
    insta::assert_snapshot!(faults(&with(both)), @"lethe.toml:8:11 kinds.session.on.superseded.archive: retain_for_audit = false deletes what is superseded without a copy; set it to true for this kind or remove this");
    assert_eq!(cleanup("[kinds.session.on.superseded]\narchive = false\n", "session"), (true, true, false));
    let agreed = format!("{both}[kinds.session.cleanup]\nretain_for_audit = true\n");
    assert_eq!(cleanup(&agreed, "session"), (true, true, true));
}

#[test]
fn clean_up_has_two_settings() {
    insta::assert_snapshot!(faults(&with("[cleanup]\nenabel = true\n")), @"lethe.toml:8:1 cleanup.enabel: unknown key; did you mean `enable`?");
    let no_table = MINIMAL.replace("[kinds.session]", "[kinds.session]\ncleanup = false");
    insta::assert_snapshot!(faults(&no_table), @"lethe.toml:3:11 kinds.session.cleanup: is true or false; use a table");
}
