//! What a tenant's runs depend on, as one digest: two runs with the same shape looked in the same way for the same
//! tokens in the same stores.

use std::fmt::Write;

use crate::config::Config;
use crate::plan::hash_of;
use crate::policy::Trigger;
use crate::run::{Run, Stage};
use crate::token::TenantId;

/// The digest over a tenant's formats, sources, read feed and what its scanned kinds say about being unreferenced and idle. A build
/// that knows more of a source writes it otherwise; its first runs are then shadow runs, which is the safe side.
pub fn shape_of(config: &Config, tenant: &TenantId) -> String {
    let mut text = String::new();
    let section = config.tenant(tenant).map(|tenant| (&tenant.sources, tenant.reads));
    let _ = write!(text, "{:?} {section:?}", config.scanned_formats(tenant));
    for (name, kind, _) in config.scanned_kinds(tenant) {
        let rules = [Trigger::Unreferenced, Trigger::Idle].map(|trigger| kind.rule(trigger));
        let times = (kind.grace, kind.read_granularity, kind.idle_after, kind.idle_requires);
        let _ = write!(text, " {name} {:?} {times:?} {rules:?}", kind.format);
    }
    hash_of(text.as_bytes())
}

/// Which shadow run a run of this shape is, from 1; `None` when enough of the runs before it, latest first, had it.
pub fn shadow_number(shape: &str, earlier: &[Run], shadow_runs: u8) -> Option<u8> {
    // A look that somebody took in between was asked for nothing and is spaced from nothing.
    let counts = |run: &&Run| has_planned(run) && !run.plan_only;
    let mut planned: Vec<&Run> = earlier.iter().filter(counts).collect();
    planned.sort_by_key(|run| std::cmp::Reverse(run.scan_started_at));
    let n_before = planned.iter().take_while(|run| run.shape.as_deref() == Some(shape)).count();
    let number = u8::try_from(n_before).ok()?.checked_add(1)?;
    (number <= shadow_runs).then_some(number)
}

/// The run whose candidates a run of this shape goes on from: the last that was planned, if it counted strikes and nothing
/// changed since. A shadow run in between may have seen a token, so that its misses before that are not in a row any more.
pub fn previous_of<'r>(shape: &str, earlier: &'r [Run]) -> Option<&'r Run> {
    let last = earlier.iter().filter(|run| has_planned(run)).max_by_key(|run| run.scan_started_at)?;
    Some(last).filter(|last| last.shadow.is_none() && last.shape.as_deref() == Some(shape))
}

fn has_planned(run: &Run) -> bool {
    matches!(run.stage, Stage::Applied | Stage::Reported)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Purpose, RunId};
    use crate::time::EpochSeconds;

    const TEXT: &str = r#"version = 1
[formats.card]
type = "pattern"
prefix = "tok_"
alphabet = "base36"
length = 24
[kinds.vault]
format = "card"
[kinds.session]
[tenants.acme]
shards = 2
kinds = ["vault", "session"]
[tenants.acme.sources.orders]
type = "dynamodb"
table = "acme-orders"
changed_at = "changed_at"
changed_at_unit = "ms"
"#;

    fn shape(text: &str) -> String {
        shape_of(&Config::parse(text).unwrap(), &TenantId::new("acme").unwrap())
    }

    #[test]
    fn it_changes_with_what_runs_depend_on_and_with_nothing_else() {
        let lake = "[tenants.acme.sources.lake]\ntype = \"s3\"\nbucket = \"acme-lake\"\nformat = \"jsonl\"\n";
        for changed in [
            TEXT.replace("length = 24", "length = 23"),
            TEXT.replace("acme-orders", "acme-others"),
            TEXT.replace("[kinds.session]", "grace = \"48h\"\n[kinds.session]"),
            format!("{TEXT}{lake}"),
            format!("{TEXT}[kinds.vault.on.unreferenced]\nstrikes = 3\n"),
            format!("{TEXT}[tenants.acme.reads]\nfeed = \"trusted\"\n"),
        ] {
            assert_ne!(shape(&changed), shape(TEXT), "{changed}");
        }
        for same in [
            TEXT.replace("[kinds.session]", "[kinds.session]\ngrace = \"48h\""),
            format!("{TEXT}[kinds.vault.on.revoked]\nretention = \"90d\"\n"),
            format!("{TEXT}[rails]\nratio_percent = 1\n"),
        ] {
            assert_eq!(shape(&same), shape(TEXT), "{same}");
        }
    }

    fn run(at: i64, stage: Stage, shape: &str, shadow: Option<u8>) -> Run {
        let (tenant, at) = (TenantId::new("acme").unwrap(), EpochSeconds(at));
        let booked = Run::booked(tenant, RunId { slot: at, ordinal: 1 }, Purpose::Discovery, at, at);
        Run { stage, scan_started_at: at, shape: Some(shape.into()), shadow, ..booked }
    }

    #[test]
    fn so_many_runs_in_a_row_are_shadows() {
        let (a, other) = (|at| run(at, Stage::Reported, "a", None), |at| run(at, Stage::Applied, "b", None));
        assert_eq!(shadow_number("a", &[], 0), None);
        assert_eq!(shadow_number("a", &[], 2), Some(1));
        assert_eq!(shadow_number("a", &[a(1)], 2), Some(2));
        assert_eq!(shadow_number("a", &[a(2), a(1)], 2), None);
        assert_eq!(shadow_number("a", &[a(3), other(2), a(1)], 2), Some(2), "only those since the change");
        let void = run(3, Stage::Void, "b", None);
        assert_eq!(shadow_number("a", &[void, a(2), a(1)], 2), None, "a void run says nothing");
    }

    #[test]
    fn strikes_go_on_from_the_last_run_that_counted_them_and_never_from_another_shape() {
        let counted = run(1, Stage::Applied, "a", None);
        assert_eq!(previous_of("a", std::slice::from_ref(&counted)), Some(&counted));
        assert_eq!(previous_of("b", std::slice::from_ref(&counted)), None);
        // Whoever takes a change back begins anew: the run in between may have seen what the one before it missed.
        let shadow = run(2, Stage::Reported, "b", Some(1));
        assert_eq!(previous_of("a", &[shadow, counted]), None);
    }
}
