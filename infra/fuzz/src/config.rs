//! The operator's file.

use std::num::NonZeroU32;

use lethe_domain::config::{Config, Faults};
use lethe_domain::time::TimeScale;

use crate::seed;

const EXAMPLE: &str = include_str!("../../../lethe.example.toml");

/// The smallest file that stands.
const SMALL: &str = "version = 1\n[kinds.session]\n[tenants.acme]\nshards = 1\nkinds = [\"session\"]\n";

/// A file stands or has faults with a place in it; whatever stands can be put on a scale, asked, and follow itself.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Config::parse(&text) {
        Ok(config) => stands(&text, &config),
        Err(faults) => check(&text, &faults),
    }
    if let Err(faults) = Config::parse_successor(&text, SMALL) {
        check(&text, &faults);
    }
    if let Err(faults) = Config::parse_successor(SMALL, &text) {
        check(SMALL, &faults);
    }
}

fn stands(text: &str, config: &Config) {
    assert_eq!(Config::parse_successor(text, text).as_ref(), Ok(config));
    let fast = TimeScale::dividing_by(NonZeroU32::new(8640).unwrap());
    let scaled = config.clone().scaled(fast);
    assert_eq!(scaled.tenants.len(), config.tenants.len());
    for (tenant, section) in &config.tenants {
        for kind in &section.kinds {
            assert!(config.known_kind(tenant, kind).is_some(), "a listed kind has a policy");
        }
        assert!(config.scanned_formats(tenant).len() <= config.scanned_kinds(tenant).len());
    }
}

fn check(text: &str, faults: &Faults) {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut last = (1, 1);
    for fault in faults.iter() {
        let line = lines.get(fault.line.wrapping_sub(1)).expect("a fault is in the file");
        assert!((1..=line.chars().count() + 1).contains(&fault.column), "{fault}");
        assert!(last <= (fault.line, fault.column), "faults are in the file's order");
        last = (fault.line, fault.column);
        assert!(!fault.problem.is_empty() && !fault.to_string().contains('\n'));
    }
    assert!(0 < faults.len());
}

/// The file that the repository shows, without its comments, and smaller ones with one more of its sections each.
pub fn seeds() -> Vec<Vec<u8>> {
    assert!(Config::parse(EXAMPLE).is_ok() && Config::parse(SMALL).is_ok());
    let lines = EXAMPLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let bare = lines.map(|line| line.split("  #").next().unwrap_or(line).trim_end());
    let bare = bare.collect::<Vec<_>>().join("\n");
    assert_eq!(Config::parse(&bare), Config::parse(EXAMPLE));
    let sections = bare.split("\n[").skip(1).map(|section| seed(&format!("{SMALL}[{section}\n")));
    [seed(&bare), seed(SMALL)].into_iter().chain(sections).collect()
}
