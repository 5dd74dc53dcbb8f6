//! The file that the repository shows to operators.

use super::*;

const EXAMPLE: &str = include_str!("../../../../../lethe.example.toml");

#[test]
fn the_example_in_the_repository_stands() {
    let config = Config::parse(EXAMPLE).unwrap();
    let of = |kind: &str, trigger| config.known_kind(&acme(), kind).unwrap().rule(trigger).unwrap().clone();
    let rule = of("vault", Trigger::Unreferenced);
    assert_eq!((rule.action, rule.cool_off, rule.retention), (Action::Invalidate, days(7), Retention::R30));
    assert_eq!(of("session", Trigger::Logout).retention, Retention::R90);
    assert_eq!(config.kinds["session"].rules[&Trigger::Logout].retention, Retention::R30);
    for kind in ["access", "refresh", "session", "auth_code"] {
        assert!(config.known_kind(&acme(), kind).unwrap().format.is_none(), "{kind}");
    }
}

/// "Where a setting is left out, the value shown here is the default, unless the line says otherwise."
#[test]
fn a_line_that_is_not_the_default_says_so() {
    let whole = Config::parse(EXAMPLE).unwrap();
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    let mut n_defaults = 0;
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(" = ")) {
        if line.starts_with('#') {
            continue;
        }
        let without: Vec<&str> =
            lines.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, line)| *line).collect();
        // A line that may not be left out has no default.
        let Ok(config) = Config::parse(&without.join("\n")) else { continue };
        let says_otherwise = line.contains("default") || line.contains("optional");
        assert!(config == whole || says_otherwise, "line {} is not the default: {line}", index + 1);
        n_defaults += usize::from(config == whole);
    }
    assert!(25 <= n_defaults, "only {n_defaults} lines show a default");
}

/// Every setting that the file may have.
const SETTINGS: [&str; 54] = [
    "version",
    "due_shards",
    "prefix",
    "alphabet",
    "length",
    "checksum",
    "read_granularity",
    "grace",
    "idle_after",
    "idle_requires",
    "reuse_leeway",
    "enable",
    "retain_for_audit",
    "action",
    "scope",
    "cool_off",
    "archive",
    "retention",
    "strikes",
    "shards",
    "cadence",
    "window",
    "kinds",
    "principals",
    "queue",
    "may",
    "feed",
    "volume_percent",
    "segments",
    "region",
    "changed_at",
    "changed_at_unit",
    "ratio_percent",
    "ratio_floor",
    "ratio_slack_percent",
    "ratio_mads",
    "two_persons_percent",
    "cohort_percent",
    "slice_percent",
    "slice_floor",
    "shadow_runs",
    "plan_max_age",
    "marks_max_age",
    "demotions_per_minute",
    "in_flight_max",
    "command_percent",
    "command_floor",
    "shrink_percent",
    "recall_fall_points",
    "recall_first_percent",
    "witnesses_min",
    "canary_grace",
    "late_use_percent",
    "late_use_floor",
];

#[test]
fn every_setting_is_shown() {
    for key in SETTINGS {
        let is_shown = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" = "));
        assert!(EXAMPLE.lines().any(is_shown), "{key}");
    }
    let actions =
        [("remove", Action::Remove), ("ignore", Action::Ignore), ("invalidate", Action::Invalidate)];
    let config = Config::parse(&format!("{MINIMAL}[kinds.vault]\n")).unwrap();
    for trigger in Trigger::ALL {
        let start = format!("#   {} ", trigger.as_str());
        let line = EXAMPLE.lines().find(|line| line.starts_with(&start)).unwrap();
        let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        for (kind, cell) in [("vault", cells[3]), ("session", cells[4])] {
            let word = cell.split([',', ' ']).next().unwrap();
            let action = actions.iter().find(|(name, _)| *name == word).unwrap().1;
            assert_eq!(config.kinds[kind].rules[&trigger].action, action, "{line}");
        }
        let scope = Scope::parse(cells[2].split(' ').next().unwrap()).unwrap();
        assert_eq!(config.kinds["vault"].rules[&trigger].scope, scope, "{line}");
    }
}
