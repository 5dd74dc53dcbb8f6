//! Where a tenant wants something else than its kind says.

use super::*;

/// [`WHOLE`] with these sections after it.
fn with(sections: &str) -> String {
    format!("{WHOLE}{sections}")
}

/// The kind's own policy and the tenant's.
#[track_caller]
fn both(sections: &str) -> (KindPolicy, KindPolicy) {
    let config = Config::parse(&with(sections)).unwrap();
    (config.kinds["vault"].clone(), config.known_kind(&acme(), "vault").unwrap().clone())
}

#[test]
fn a_tenant_without_an_override_has_the_kinds_own_policy() {
    let (kind, own) = both("");
    assert_eq!(kind, own);
    let (kind, own) = both("[tenants.acme.override.vault]\n");
    assert_eq!(kind, own);
}

#[test]
fn every_setting_changes_alone() {
    for (line, change) in [
        (
            "read_granularity = \"2h\"",
            (|kind| kind.read_granularity = Duration::from_hours(2)) as fn(&mut KindPolicy),
        ),
        ("grace = \"48h\"", |kind| kind.grace = days(2)),
        ("idle_after = \"30d\"", |kind| kind.idle_after = Some(days(30))),
        ("reuse_leeway = \"5s\"", |kind| kind.reuse_leeway = Duration::from_secs(5)),
        ("cleanup.enable = false", |kind| kind.cleanup.enable = false),
        ("on.logout.retention = \"90d\"", |kind| rule(kind, Trigger::Logout).retention = Retention::R90),
        ("on.logout.action = \"remove\"", |kind| rule(kind, Trigger::Logout).action = Action::Remove),
        ("on.logout.scope = \"subject\"", |kind| rule(kind, Trigger::Logout).scope = Scope::Subject),
        ("on.logout.cool_off = \"0s\"", |kind| rule(kind, Trigger::Logout).cool_off = Duration::ZERO),
        ("on.logout.archive = false", |kind| rule(kind, Trigger::Logout).archive = false),
        ("on.unreferenced.strikes = 3", |kind| rule(kind, Trigger::Unreferenced).strikes = 3),
    ] {
        let (mut expected, own) = both(&format!("[tenants.acme.override.vault]\n{line}\n"));
        change(&mut expected);
        assert_eq!(own, expected, "{line}");
    }
}

fn rule(kind: &mut KindPolicy, trigger: Trigger) -> &mut crate::policy::Rule {
    kind.rules.get_mut(&trigger).unwrap()
}

#[test]
fn what_is_left_out_is_what_the_kind_says_and_not_what_lethe_ships() {
    let text = with("[tenants.acme.override.vault.on.unreferenced]\ncool_off = \"14d\"\n")
        .replace("retention = \"30d\"\nstrikes = 2", "retention = \"90d\"\nstrikes = 5");
    let config = Config::parse(&text).unwrap();
    let rule = config.known_kind(&acme(), "vault").unwrap().rule(Trigger::Unreferenced).unwrap();
    assert_eq!((rule.cool_off, rule.retention, rule.strikes), (days(14), Retention::R90, 5));
}

#[test]
fn another_tenant_keeps_the_kinds_own_policy() {
    let other = WHOLE[WHOLE.find("[tenants.acme]").unwrap()..WHOLE.find("[rails]").unwrap()]
        .replace("acme", "globex");
    let config =
        Config::parse(&with(&format!("{other}[tenants.acme.override.vault]\nidle_after = \"30d\"\n")))
            .unwrap();
    let globex = TenantId::new("globex").unwrap();
    assert_eq!(config.known_kind(&globex, "vault").unwrap().idle_after, Some(days(90)));
    assert_eq!(config.scanned_kinds(&acme())[0].1.idle_after, Some(days(30)));
    assert_eq!(config.scanned_kinds(&globex)[0].1.idle_after, Some(days(90)));
}

#[test]
fn a_tenant_that_wants_the_copy_after_all_gets_it() {
    let kind = "[kinds.vault.cleanup]\nretain_for_audit = false\n";
    let archives = |own: &str| {
        let (kind, own) = both(&format!("{kind}{own}"));
        [kind, own].map(|policy| policy.rules[&Trigger::Superseded].archive)
    };
    assert_eq!(archives(""), [false, false]);
    assert_eq!(archives("[tenants.acme.override.vault.cleanup]\nretain_for_audit = true\n"), [false, true]);
    let asked = format!("{kind}[tenants.acme.override.vault.on.superseded]\narchive = true\n");
    insta::assert_snapshot!(faults(&with(&asked)), @"lethe.toml:43:11 tenants.acme.override.vault.on.superseded.archive: retain_for_audit = false deletes what is superseded without a copy; set it to true for this kind or remove this");
}

#[test]
fn an_override_of_a_kind_that_the_tenant_does_not_list_is_refused() {
    insta::assert_snapshot!(faults(&with("[tenants.acme.override.valut]\ngrace = \"1h\"\n")), @"
    lethe.toml:40:24 tenants.acme.override.valut: the tenant does not list this kind; add it to `kinds`, or did you mean `vault`?
    lethe.toml:41:9 tenants.acme.override.valut.grace: 1h is below the floor of 24h: a token younger than a scan may not be in a store yet; use 24h or more
    ");
    insta::assert_snapshot!(faults(&with("[kinds.session]\n[tenants.acme.override.session]\n")), @"lethe.toml:41:24 tenants.acme.override.session: the tenant does not list this kind; add it to `kinds`, or use one of vault");
}

#[test]
fn a_format_is_the_kinds_own() {
    insta::assert_snapshot!(faults(&with("[tenants.acme.override.vault]\nformat = \"card\"\n")), @"lethe.toml:41:10 tenants.acme.override.vault.format: a tenant's tokens look as the kind says; remove this, or define a kind of its own");
}

#[test]
fn what_a_kind_may_not_say_an_override_may_not_say() {
    for (lines, fault) in [
        ("grace = \"2h\"", "grace: 2h is below the floor of 24h"),
        ("read_granularity = \"13h\"", "grace: 24h is below twice the read granularity of 13h"),
        (
            "read_granularity = \"13h\"\ngrace = \"26h\"\nidle_after = \"25h\"",
            "idle_after: 25h is below twice",
        ),
        ("reuse_leeway = \"11m\"", "reuse_leeway: 11m is above the ceiling of 10m"),
        ("graze = \"24h\"", "graze: unknown key; did you mean `grace`?"),
        ("cleanup.enabled = true", "cleanup.enabled: unknown key; did you mean `enable`?"),
        ("on.logut.action = \"remove\"", "on.logut: unknown key; did you mean `logout`?"),
        ("on.revoked.strikes = 3", "on.revoked.strikes: only `unreferenced` counts strikes"),
        ("on.expired.scope = \"family\"", "on.expired.scope: the scope of `expired` is fixed"),
        ("on.unreferenced.action = \"remove\"", "on.unreferenced.action: remove is not allowed"),
        ("on.unreferenced.cool_off = \"2h\"", "on.unreferenced.cool_off: 2h is below the floor of 24h"),
        ("on.unreferenced.action = \"ignore\"", "on: the kind is scanned for, but `unreferenced` is ignored"),
        ("idle_after = \"80d\"\non.idle.action = \"ignore\"", "idle_after: set, but `idle` is ignored"),
    ] {
        let report = faults(&with(&format!("[tenants.acme.override.vault]\n{lines}\n")));
        let expected = format!(" tenants.acme.override.vault.{fault}");
        assert!(report.contains(&expected), "{lines}: {report}");
        assert!(!report.contains('\n'), "one fault: {report}");
    }
}

#[test]
fn nothing_is_judged_that_the_kind_never_has() {
    let unscanned =
        MINIMAL.replace("[tenants.acme]", "[tenants.acme.override.session]\nPLACE\n[tenants.acme]");
    insta::assert_snapshot!(faults(&unscanned.replace("PLACE", "on.unreferenced.action = \"invalidate\"")), @"lethe.toml:4:4 tenants.acme.override.session.on.unreferenced: a kind without a format is never scanned for; give it one or remove this");
    insta::assert_snapshot!(faults(&unscanned.replace("PLACE", "on.idle.retention = \"7d\"")), @"lethe.toml:4:4 tenants.acme.override.session.on.idle: nothing goes idle without `idle_after`; set it in the kind or remove this");
    assert!(
        Config::parse(&unscanned.replace("PLACE", "idle_after = \"30d\"\non.idle.retention = \"7d\""))
            .is_ok()
    );
}

#[test]
fn a_tenant_may_say_that_its_tokens_never_go_idle() {
    let (_, own) = both("[tenants.acme.override.vault.on.idle]\naction = \"ignore\"\n");
    assert_eq!(own.rules[&Trigger::Idle].action, Action::Ignore);
}

#[test]
fn the_faults_of_a_kind_are_not_told_again_for_its_override() {
    let own = "[tenants.acme.override.vault]\non.idle.action = \"ignore\"\non.unreferenced.action = \"ignore\"\ngrase = \"24h\"\n";
    let text = with(own).replace("idle_after = \"90d\"", "idle_after = \"soon\"");
    insta::assert_snapshot!(faults(&text), @r#"
    lethe.toml:13:14 kinds.vault.idle_after: is not a duration; write a whole number and s, m, h or d, as "24h"
    lethe.toml:43:1 tenants.acme.override.vault.grase: unknown key; did you mean `grace`?
    "#);
}

#[test]
fn an_override_that_is_no_table_is_named() {
    insta::assert_snapshot!(spoil("cadence = \"24h\"", "cadence = \"24h\"\noverride = \"vault\""), @"lethe.toml:23:12 tenants.acme.override: is a text; use a table");
    insta::assert_snapshot!(spoil("cadence = \"24h\"", "cadence = \"24h\"\noverride.vault = 1"), @"lethe.toml:23:18 tenants.acme.override.vault: is a whole number; use a table");
}
