use std::num::NonZeroU32;

use super::duration::days;
use super::*;
use crate::policy::{Action, Cleanup, Retention, Scope, Trigger};

mod calendar;
mod callers;
mod cleanup;
mod example;
mod hostile;
mod idle;
mod overrides;
mod weak;

/// The smallest file that stands.
const MINIMAL: &str = "\
version = 1
[kinds.session]
[tenants.acme]
shards = 1
kinds = [\"session\"]
";

/// A file that stands, with a line for every key, in which each test spoils one line.
const WHOLE: &str = "\
version = 1
due_shards = 16
[formats.card]
type = \"pattern\"
prefix = \"tok_\"
alphabet = \"base36\"
length = 24
checksum = \"luhn\"
[kinds.vault]
format = \"card\"
read_granularity = \"1h\"
grace = \"24h\"
idle_after = \"90d\"
[kinds.vault.on.unreferenced]
action = \"invalidate\"
cool_off = \"7d\"
archive = true
retention = \"30d\"
strikes = 2
[tenants.acme]
shards = 8
cadence = \"24h\"
kinds = [\"vault\"]
[tenants.acme.sources.orders]
type = \"dynamodb\"
table = \"acme-orders\"
segments = 4
region = \"eu-central-1\"
changed_at = \"updated_at\"
changed_at_unit = \"ms\"
[tenants.acme.sources.lake]
type = \"s3\"
bucket = \"acme-lake\"
prefix = \"exports/\"
format = \"jsonl\"
[rails]
ratio_percent = 5
ratio_floor = 10
in_flight_max = \"15m\"
";

/// The sections that [`WHOLE`] leaves out.
const MORE: &str = "\
command_percent = 1
command_floor = 10
shrink_percent = 85
[cleanup]
enable = true
retain_for_audit = true
[kinds.refresh]
reuse_leeway = \"30s\"
[kinds.refresh.cleanup]
retain_for_audit = false
[kinds.refresh.on.compromised]
scope = \"family\"
[tenants.acme.override.vault]
idle_after = \"30d\"
[tenants.acme.override.vault.on.logout]
action = \"invalidate\"
[tenants.acme.callers.auth]
principals = [\"arn:aws:iam::123456789012:role/auth\", \"AROAEXAMPLEEXAMPLE123\"]
queue = \"issuer\"
may = [\"rotated\", \"logout\", \"read\"]
";

/// A file with a fault of every sort.
const FULL_OF_FAULTS: &str = r#"
version = 2
due_shard = 16
[formats.card]
type = "pattern"
prefix = "tok_"
alphabet = "base36"
length = 24
[formats.same]
type = "pattern"
prefix = "tok_"
alphabet = "base36"
length = 24
[formats.odd]
type = "regex"
[formats."Bad Name"]
type = "uuid"
prefix = "x"
[kinds.vault]
format = "cards"
read_granularity = "20h"
grace = "24h"
idle_after = "30h"
[kinds.vault.on.unreferenced]
action = "remove"
cool_off = "2h"
retention = "14d"
strikes = 1
[kinds.vault.on.vanished]
action = "remove"
[kinds.vault.on.expired]
action = "delete"
strikes = 2
archive = "yes"
[kinds.mute]
grace = "soon"
[kinds.mute.on.idle]
action = "invalidate"
[kinds.mute.on.unreferenced]
action = "invalidate"
[kinds.session]
[kinds.web]
reuse_leeway = "11m"
[kinds.web.cleanup]
enabled = false
retain_for_audit = "no"
[kinds.web.on.expired]
scope = "session"
[kinds.web.on.revoked]
scope = "sesion"
[cleanup]
enable = 1
[tenants.Acme]
shards = 6
cadence = "1h"
kinds = ["vault", "card", 7]
[tenants.acme]
shards = "8"
kinds = ["session", "session"]
[tenants.acme.sources.orders]
type = "dynamodb"
table = "acme orders"
segments = 0
region = "Frankfurt"
[tenants.acme.sources.lake]
type = "s3"
bucket = "acme-lake"
format = "json"
[tenants.acme.sources.sql]
type = "postgres"
[tenants.acme.override.session]
format = "card"
grace = "1h"
[tenants.acme.override.session.on.superseded]
scope = "subject"
[tenants.acme.override.mute]
reuse_leeway = "soon"
[tenants.acme.callers.auth]
principals = ["arn:aws:iam::1:role/auth", 7]
queue = "isuer"
may = ["logut", "read", "read"]
[tenants.acme.callers.nobody]
[rails]
ratio_percent = 50
ratio_floor = -1
in_flight_max = "1s"
command_percent = 11
command_floor = 10001
"#;

fn acme() -> TenantId {
    TenantId::new("acme").unwrap()
}

#[track_caller]
fn faults(text: &str) -> String {
    Config::parse(text).expect_err("the file must not stand").to_string()
}

/// Replaces one line of [`WHOLE`] and returns the report.
#[track_caller]
fn spoil(line: &str, by: &str) -> String {
    assert!(WHOLE.contains(line), "{line} is a line of the file");
    faults(&WHOLE.replacen(line, by, 1))
}

#[test]
fn a_minimal_file_stands_and_gets_the_defaults() {
    let config = Config::parse(MINIMAL).unwrap();
    let kind = &config.kinds["session"];
    assert_eq!(
        (kind.read_granularity, kind.grace, kind.idle_after, kind.reuse_leeway),
        (Duration::from_hours(1), Duration::from_hours(24), None, Duration::from_secs(30))
    );
    assert_eq!(kind.cleanup, Cleanup { enable: true, retain_for_audit: true });
    assert_eq!(
        (&config.tenants[&acme()].overrides, &config.tenants[&acme()].callers),
        (&BTreeMap::new(), &vec![])
    );
    assert_eq!(kind.rules.len(), Trigger::ALL.len());
    assert_eq!(config.tenants[&acme()].cadence, Cadence::Every(Duration::from_hours(24)));
    assert_eq!(config.due_shards, 16);
    let expected = Rails {
        ratio_percent: 5,
        ratio_floor: 10,
        gate: GateRails::DEFAULT,
        in_flight_max: Duration::from_mins(15),
        command_percent: 1,
        command_floor: 10,
        shrink_percent: 85,
        recall: RecallRails::DEFAULT,
        late_use_percent: 1,
        late_use_floor: 5,
    };
    assert_eq!(config.rails, expected);
    assert!(!config.is_scanned(&acme()));
}

#[test]
fn the_whole_file_stands() {
    let config = Config::parse(WHOLE).unwrap();
    assert!(config.is_scanned(&acme()));
    assert_eq!(config.scanned_formats(&acme()).len(), 1);
    assert_eq!(config.tenants[&acme()].sources.len(), 2);
    assert!(config.known_kind(&acme(), "vault").is_some());
    assert!(config.known_kind(&acme(), "other").is_none());
    assert!(config.known_kind(&TenantId::new("other").unwrap(), "vault").is_none());
    let config = Config::parse(&format!("{WHOLE}{MORE}")).unwrap();
    assert_eq!(config.known_kind(&acme(), "vault").unwrap().idle_after, Some(days(30)));
    assert_eq!(config.tenants[&acme()].callers.len(), 1);
}

#[test]
fn every_fault_is_in_one_report_in_the_order_of_the_lines() {
    insta::assert_snapshot!(faults(FULL_OF_FAULTS), @r#"
    lethe.toml:2:11 version: 2 is not a version that this lethe reads; use version = 1
    lethe.toml:3:1 due_shard: unknown key; did you mean `due_shards`?
    lethe.toml:9:10 formats.same: overlaps with the format `card`: one text could be a token of both; give them different prefixes
    lethe.toml:15:8 formats.odd.type: is not one of the known words; use one of pattern, uuid
    lethe.toml:16:10 formats."Bad Name": a name has 1 to 64 of a-z, 0-9, '-' and '_'; rename it
    lethe.toml:18:1 formats."Bad Name".prefix: unknown key; use one of type
    lethe.toml:20:10 kinds.vault.format: no [formats.*] has this name; define it, or did you mean `card`?
    lethe.toml:22:9 kinds.vault.grace: 24h is below twice the read granularity of 20h; use 40h or more, or a finer read_granularity
    lethe.toml:23:14 kinds.vault.idle_after: 30h is below twice the read granularity of 20h; use 40h or more, or a finer read_granularity
    lethe.toml:25:10 kinds.vault.on.unreferenced.action: remove is not allowed for what was only found unused; use invalidate or ignore
    lethe.toml:26:12 kinds.vault.on.unreferenced.cool_off: 2h is below the floor of 24h: whoever still uses the token needs time to say so; use 24h or more
    lethe.toml:27:13 kinds.vault.on.unreferenced.retention: is not one of the known words; use one of 7d, 30d, 90d, 365d
    lethe.toml:28:11 kinds.vault.on.unreferenced.strikes: 1 is not from 2 to 10; use a number in it
    lethe.toml:29:17 kinds.vault.on.vanished: unknown key; use one of expired, rotated, consumed, logout, device_logout, compromised, revoked, account_deleted, idle, unreferenced, superseded
    lethe.toml:32:10 kinds.vault.on.expired.action: is not one of the known words; use one of invalidate, remove, ignore
    lethe.toml:33:11 kinds.vault.on.expired.strikes: only `unreferenced` counts strikes; remove it
    lethe.toml:34:11 kinds.vault.on.expired.archive: is a text; use true or false
    lethe.toml:36:9 kinds.mute.grace: is not a duration; write a whole number and s, m, h or d, as "24h"
    lethe.toml:37:16 kinds.mute.on.idle: nothing goes idle without `idle_after`; set it in the kind or remove this
    lethe.toml:39:16 kinds.mute.on.unreferenced: a kind without a format is never scanned for; give it one or remove this
    lethe.toml:43:16 kinds.web.reuse_leeway: 11m is above the ceiling of 10m; use 10m or less
    lethe.toml:45:1 kinds.web.cleanup.enabled: unknown key; did you mean `enable`?
    lethe.toml:46:20 kinds.web.cleanup.retain_for_audit: is a text; use true or false
    lethe.toml:48:9 kinds.web.on.expired.scope: the scope of `expired` is fixed: it is always token; remove this
    lethe.toml:50:9 kinds.web.on.revoked.scope: is not one of the known words; did you mean `session`?
    lethe.toml:52:10 cleanup.enable: is a whole number; use true or false
    lethe.toml:53:10 tenants.Acme: a tenant name has 1 to 64 of a-z, 0-9 and '-'; rename it
    lethe.toml:54:10 tenants.Acme.shards: 6 is not a power of two from 1 to 4096; use 1, 2, 4, 8, … or 4096
    lethe.toml:55:11 tenants.Acme.cadence: 1h is below the floor of 4h: the runs of one campaign are at least 4h apart; use 4h or more
    lethe.toml:56:19 tenants.Acme.kinds: a kind without a rule: no [kinds.*] has this name; define it, or use one of mute, session, vault, web
    lethe.toml:56:27 tenants.Acme.kinds: one item is a whole number; use a text in quotes
    lethe.toml:58:10 tenants.acme.shards: is a text; use a whole number
    lethe.toml:59:21 tenants.acme.kinds: a kind is listed twice; remove one
    lethe.toml:60:15 tenants.acme.sources: no kind of this tenant has a format, so nothing is scanned for; add one
    lethe.toml:62:9 tenants.acme.sources.orders.table: a table name has 3 to 255 of a-z, A-Z, 0-9, '_', '.' and '-'; correct it
    lethe.toml:63:12 tenants.acme.sources.orders.segments: 0 is not from 1 to 4096; use a number in it
    lethe.toml:64:10 tenants.acme.sources.orders.region: is not the name of a region; write it as eu-central-1, or leave it out
    lethe.toml:68:10 tenants.acme.sources.lake.format: is not one of the known words; did you mean `jsonl`?
    lethe.toml:70:8 tenants.acme.sources.sql.type: is not one of the known words; use one of dynamodb, s3
    lethe.toml:72:10 tenants.acme.override.session.format: a tenant's tokens look as the kind says; remove this, or define a kind of its own
    lethe.toml:73:9 tenants.acme.override.session.grace: 1h is below the floor of 24h: a token younger than a scan may not be in a store yet; use 24h or more
    lethe.toml:75:9 tenants.acme.override.session.on.superseded.scope: the scope of `superseded` is fixed: it is always token; remove this
    lethe.toml:76:24 tenants.acme.override.mute: the tenant does not list this kind; add it to `kinds`, or use one of session
    lethe.toml:77:16 tenants.acme.override.mute.reuse_leeway: is not a duration; write a whole number and s, m, h or d, as "24h"
    lethe.toml:79:15 tenants.acme.callers.auth.principals: is not the ARN of an IAM role or user, as arn:aws:iam::123456789012:role/NAME, nor a unique id, as AROA… or AIDA…; correct it
    lethe.toml:79:43 tenants.acme.callers.auth.principals: one item is a whole number; use a text in quotes
    lethe.toml:80:9 tenants.acme.callers.auth.queue: is not one of the known words; did you mean `issuer`?
    lethe.toml:81:8 tenants.acme.callers.auth.may: one item is not a command; did you mean `logout`?
    lethe.toml:81:25 tenants.acme.callers.auth.may: a command is listed twice; remove one
    lethe.toml:82:23 tenants.acme.callers.nobody: names nobody; set `principals`, or `queue` to one of issuer, tenant, operator
    lethe.toml:82:23 tenants.acme.callers.nobody.may: is missing; list the commands that the class may send, as ["logout"]
    lethe.toml:84:17 rails.ratio_percent: 50 is not from 0 to 15; use a number in it
    lethe.toml:85:15 rails.ratio_floor: is not a number from 0 to 18446744073709551615; use one
    lethe.toml:86:17 rails.in_flight_max: 1s is below the floor of 1m: writes that were under way during the scan must land first; use 1m or more
    lethe.toml:87:19 rails.command_percent: 11 is not from 0 to 10; use a number in it
    lethe.toml:88:17 rails.command_floor: 10001 is not from 0 to 10000; use a number in it
    "#);
}

#[test]
fn a_syntax_error_is_reported_beside_the_other_faults() {
    let text = MINIMAL.replace("shards = 1", "shards = \ncadence = \"1w\"");
    insta::assert_snapshot!(faults(&text), @r#"
    lethe.toml:4:10 is not TOML: string values must be quoted, expected literal string; correct the line
    lethe.toml:5:11 tenants.acme.cadence: is neither a duration nor a cron; write a whole number and s, m, h or d, as "24h", or five cron fields and a time zone, as "30 1 * * 6 Europe/Berlin"
    "#);
}

#[test]
fn an_empty_file_says_what_is_missing() {
    insta::assert_snapshot!(faults(""), @"
    lethe.toml:1:1 version: is missing; begin the file with version = 1
    lethe.toml:1:1 tenants: no tenant is defined, so nothing would happen; add [tenants.NAME]
    ");
}

#[test]
fn an_unknown_key_gets_the_nearest_name() {
    insta::assert_snapshot!(spoil("cadence = \"24h\"", "cadense = \"24h\""), @"lethe.toml:22:1 tenants.acme.cadense: unknown key; did you mean `cadence`?");
    insta::assert_snapshot!(spoil("[rails]", "[rail]"), @"lethe.toml:36:2 rail: unknown key; did you mean `rails`?");
}

#[test]
fn a_key_that_is_set_twice_is_refused() {
    insta::assert_snapshot!(spoil("shards = 8", "shards = 8\nshards = 16"), @"lethe.toml:22:1 is not TOML: duplicate key; correct the line");
}

#[test]
fn a_reserved_or_unusable_name_is_refused() {
    insta::assert_snapshot!(faults(&MINIMAL.replace("session", "subject")), @"lethe.toml:2:8 kinds.subject: this kind is that of subject rows, which are no tokens; rename it");
    insta::assert_snapshot!(faults(&MINIMAL.replace("session", "canary")), @"lethe.toml:2:8 kinds.canary: this kind is that of canaries, over which no policy decides; rename it");
    insta::assert_snapshot!(faults(&MINIMAL.replace("session", "a#b").replace("kinds.a#b", "kinds.\"a#b\"")), @r#"lethe.toml:2:8 kinds."a#b": a name has 1 to 64 of a-z, 0-9, '-' and '_'; rename it"#);
    insta::assert_snapshot!(faults(&MINIMAL.replace("acme", "Acme")), @"lethe.toml:3:10 tenants.Acme: a tenant name has 1 to 64 of a-z, 0-9 and '-'; rename it");
}

#[test]
fn a_wrong_type_is_named() {
    insta::assert_snapshot!(spoil("shards = 8", "shards = \"8\""), @"lethe.toml:21:10 tenants.acme.shards: is a text; use a whole number");
    insta::assert_snapshot!(spoil("archive = true", "archive = 1"), @"lethe.toml:17:11 kinds.vault.on.unreferenced.archive: is a whole number; use true or false");
    insta::assert_snapshot!(spoil("kinds = [\"vault\"]", "kinds = \"vault\""), @r#"lethe.toml:23:9 tenants.acme.kinds: is a text; use a list of texts, as ["vault"]"#);
    insta::assert_snapshot!(faults(&MINIMAL.replace("version = 1", "version = 1\nrails = 5")), @"lethe.toml:2:9 rails: is a whole number; use a table");
}

#[test]
fn a_bad_duration_says_how_to_write_one() {
    insta::assert_snapshot!(spoil("cadence = \"24h\"", "cadence = \"1 day\""), @r#"lethe.toml:22:11 tenants.acme.cadence: is neither a duration nor a cron; write a whole number and s, m, h or d, as "24h", or five cron fields and a time zone, as "30 1 * * 6 Europe/Berlin""#);
    insta::assert_snapshot!(spoil("cadence = \"24h\"", "cadence = \"99999999999d\""), @"lethe.toml:22:11 tenants.acme.cadence: 99999999999d is above the ceiling of 365d; use 365d or less");
}

#[test]
fn overlapping_token_formats_are_refused() {
    let second =
        "[formats.other]\ntype = \"pattern\"\nprefix = \"tok_\"\nalphabet = \"base36\"\nlength = 24\n[rails]";
    insta::assert_snapshot!(spoil("[rails]", second), @"lethe.toml:36:10 formats.other: overlaps with the format `card`: one text could be a token of both; give them different prefixes");
}

#[test]
fn a_format_that_cannot_be_is_refused() {
    insta::assert_snapshot!(spoil("length = 24", "length = 0"), @"lethe.toml:3:10 formats.card: a length is 4 to 256 characters after the prefix; correct it");
    insta::assert_snapshot!(spoil("alphabet = \"base36\"", "alphabet = \"base63\""), @"lethe.toml:6:12 formats.card.alphabet: is not one of the known words; did you mean `base36`?");
    insta::assert_snapshot!(spoil("checksum = \"luhn\"", "checksum = \"crc\""), @"lethe.toml:8:12 formats.card.checksum: is not one of the known words; use one of luhn");
}

#[test]
fn a_kind_without_a_rule_is_refused() {
    insta::assert_snapshot!(spoil("kinds = [\"vault\"]", "kinds = [\"vault\", \"refresh\"]"), @"lethe.toml:23:19 tenants.acme.kinds: a kind without a rule: no [kinds.*] has this name; define it, or use one of vault");
    let mut ignored = MINIMAL.to_owned();
    for trigger in Trigger::ALL {
        let rule = format!("[kinds.session.on.{}]\naction = \"ignore\"\n", trigger.as_str());
        ignored.push_str(&rule);
    }
    insta::assert_snapshot!(faults(&ignored), @"
    lethe.toml:6:16 kinds.session.on: every trigger is ignored, so the kind has no rule; give one trigger an action
    lethe.toml:22:19 kinds.session.on.idle: nothing goes idle without `idle_after`; set it in the kind or remove this
    lethe.toml:24:19 kinds.session.on.unreferenced: a kind without a format is never scanned for; give it one or remove this
    ");
}

#[test]
fn a_rule_that_cannot_apply_is_refused() {
    insta::assert_snapshot!(spoil("action = \"invalidate\"", "action = \"ignore\""), @"lethe.toml:10:10 kinds.vault.format: the kind is scanned for, but `unreferenced` is ignored; give it an action or remove `format`");
    insta::assert_snapshot!(spoil("format = \"card\"", ""), @"
    lethe.toml:14:17 kinds.vault.on.unreferenced: a kind without a format is never scanned for; give it one or remove this
    lethe.toml:24:15 tenants.acme.sources: no kind of this tenant has a format, so nothing is scanned for; add one
    ");
    insta::assert_snapshot!(spoil("[rails]", "[kinds.vault.on.idle]\naction = \"ignore\"\n[rails]"), @"lethe.toml:13:14 kinds.vault.idle_after: set, but `idle` is ignored; give it an action or remove this");
    let rule = "[kinds.session.on.idle]\n";
    insta::assert_snapshot!(faults(&format!("{MINIMAL}{rule}")), @"lethe.toml:6:19 kinds.session.on.idle: nothing goes idle without `idle_after`; set it in the kind or remove this");
}

#[test]
fn a_shard_count_is_a_power_of_two() {
    for (count, stands) in [(0, false), (1, true), (3, false), (4096, true), (8192, false), (65536, false)] {
        let text = MINIMAL.replace("shards = 1", &format!("shards = {count}"));
        assert_eq!(Config::parse(&text).is_ok(), stands, "{count}");
    }
    insta::assert_snapshot!(spoil("shards = 8", "shards = 6"), @"lethe.toml:21:10 tenants.acme.shards: 6 is not a power of two from 1 to 4096; use 1, 2, 4, 8, … or 4096");
}

#[test]
fn a_retention_is_one_of_the_classes() {
    insta::assert_snapshot!(spoil("retention = \"30d\"", "retention = \"14d\""), @"lethe.toml:18:13 kinds.vault.on.unreferenced.retention: is not one of the known words; use one of 7d, 30d, 90d, 365d");
}

#[test]
fn grace_and_idle_are_at_least_twice_the_read_granularity() {
    insta::assert_snapshot!(spoil("read_granularity = \"1h\"", "read_granularity = \"13h\""), @"lethe.toml:12:9 kinds.vault.grace: 24h is below twice the read granularity of 13h; use 26h or more, or a finer read_granularity");
    insta::assert_snapshot!(spoil("\"1h\"\ngrace = \"24h\"\nidle_after = \"90d\"", "\"13h\"\ngrace = \"26h\"\nidle_after = \"25h\""), @"lethe.toml:13:14 kinds.vault.idle_after: 25h is below twice the read granularity of 13h; use 26h or more, or a finer read_granularity");
    assert!(Config::parse(&WHOLE.replace("read_granularity = \"1h\"", "read_granularity = \"12h\"")).is_ok());
}

#[test]
fn floors_and_ceilings_hold_at_below_and_above() {
    for (line, key, cases) in [
        ("grace = \"24h\"", "grace", [("\"86399s\"", false), ("\"24h\"", true), ("\"366d\"", false)]),
        ("cool_off = \"7d\"", "cool_off", [("\"86399s\"", false), ("\"24h\"", true), ("\"366d\"", false)]),
        ("cadence = \"24h\"", "cadence", [("\"239m\"", false), ("\"4h\"", true), ("\"366d\"", false)]),
        ("idle_after = \"90d\"", "idle_after", [("\"23h\"", false), ("\"24h\"", true), ("\"3651d\"", false)]),
        (
            "in_flight_max = \"15m\"",
            "in_flight_max",
            [("\"59s\"", false), ("\"1m\"", true), ("\"25h\"", false)],
        ),
        ("strikes = 2", "strikes", [("1", false), ("2", true), ("11", false)]),
        ("ratio_percent = 5", "ratio_percent", [("16", false), ("15", true), ("-1", false)]),
        ("ratio_floor = 10", "ratio_floor", [("1001", false), ("1000", true), ("-1", false)]),
        ("ratio_floor = 10", "command_percent", [("11", false), ("10", true), ("-1", false)]),
        ("ratio_floor = 10", "command_floor", [("10001", false), ("10000", true), ("-1", false)]),
        ("ratio_floor = 10", "recall_fall_points", [("0", false), ("5", true), ("6", false)]),
        ("ratio_floor = 10", "recall_first_percent", [("49", false), ("50", true), ("101", false)]),
        ("ratio_floor = 10", "witnesses_min", [("99", false), ("100", true), ("1000001", false)]),
        ("ratio_floor = 10", "canary_grace", [("\"8d\"", false), ("\"0s\"", true), ("\"169h\"", false)]),
        ("grace = \"24h\"", "reuse_leeway", [("\"601s\"", false), ("\"0s\"", true), ("\"11m\"", false)]),
        ("segments = 4", "segments", [("0", false), ("4096", true), ("4097", false)]),
        ("due_shards = 16", "due_shards", [("15", false), ("256", true), ("257", false)]),
    ] {
        for (value, stands) in cases {
            let read = Config::parse(&WHOLE.replacen(line, &format!("{key} = {value}"), 1));
            assert_eq!(read.is_ok(), stands, "{key} = {value}");
            if let Err(faults) = read {
                assert_eq!(faults.len(), 1, "{faults}");
            }
        }
    }
    insta::assert_snapshot!(spoil("grace = \"24h\"", "grace = \"2h\""), @"lethe.toml:12:9 kinds.vault.grace: 2h is below the floor of 24h: a token younger than a scan may not be in a store yet; use 24h or more");
}

#[test]
fn a_scope_may_be_set_where_the_trigger_does_not_decide_it() {
    let with = |trigger: Trigger, scope: Scope| {
        let section = format!("[kinds.session.on.{}]\nscope = \"{}\"\n", trigger.as_str(), scope.as_str());
        Config::parse(&MINIMAL.replace("[tenants.acme]", &format!("{section}[tenants.acme]")))
    };
    let free = [Trigger::Logout, Trigger::DeviceLogout, Trigger::Compromised, Trigger::Revoked];
    for (trigger, scope) in free.into_iter().flat_map(|trigger| Scope::ALL.map(|scope| (trigger, scope))) {
        let config = with(trigger, scope).unwrap();
        assert_eq!(config.kinds["session"].rules[&trigger].scope, scope);
    }
    for trigger in [Trigger::Expired, Trigger::Rotated, Trigger::Consumed, Trigger::Superseded] {
        assert!(with(trigger, Scope::Token).is_ok(), "{trigger:?}");
        assert_eq!(with(trigger, Scope::Session).unwrap_err().len(), 1, "{trigger:?}");
    }
    assert!(with(Trigger::AccountDeleted, Scope::Subject).is_ok());
    insta::assert_snapshot!(with(Trigger::AccountDeleted, Scope::Token).unwrap_err(), @"lethe.toml:4:9 kinds.session.on.account_deleted.scope: the scope of `account_deleted` is fixed: it is always subject; remove this");
    insta::assert_snapshot!(with(Trigger::Expired, Scope::Family).unwrap_err(), @"lethe.toml:4:9 kinds.session.on.expired.scope: the scope of `expired` is fixed: it is always token; remove this");
}

#[test]
fn a_scanned_kind_ignores_what_only_an_auth_service_says() {
    let config = Config::parse(WHOLE).unwrap();
    let rule = |trigger| config.kinds["vault"].rules[&trigger].action;
    assert_eq!((rule(Trigger::Logout), rule(Trigger::Unreferenced)), (Action::Ignore, Action::Invalidate));
    let config = Config::parse(MINIMAL).unwrap();
    let rule = |trigger| config.kinds["session"].rules[&trigger].action;
    assert_eq!((rule(Trigger::Logout), rule(Trigger::Unreferenced)), (Action::Invalidate, Action::Ignore));
    let unscanned = Config::parse(&MINIMAL.replace("session", "vault")).unwrap();
    assert_eq!(unscanned.kinds["vault"].rules[&Trigger::Logout].action, Action::Ignore);
    assert!(!unscanned.is_scanned(&acme()));
}

#[test]
fn an_auth_kind_has_nothing_that_is_unreferenced() {
    let text = format!("{MINIMAL}[kinds.session.on.unreferenced]\naction = \"invalidate\"\n");
    insta::assert_snapshot!(faults(&text), @"lethe.toml:6:19 kinds.session.on.unreferenced: a kind without a format is never scanned for; give it one or remove this");
}

#[test]
fn a_trigger_reason_may_cool_for_no_time() {
    let text = format!("{MINIMAL}[kinds.session.on.revoked]\ncool_off = \"0s\"\n");
    let rule = Config::parse(&text).unwrap().kinds["session"].rules[&Trigger::Revoked].clone();
    assert_eq!(rule.cool_off, Duration::from_secs(0));
}

#[test]
fn what_was_found_unused_is_not_removed_at_once() {
    insta::assert_snapshot!(spoil("action = \"invalidate\"", "action = \"remove\""), @"lethe.toml:15:10 kinds.vault.on.unreferenced.action: remove is not allowed for what was only found unused; use invalidate or ignore");
}

#[test]
fn an_idle_token_that_no_scan_can_judge_may_be_removed() {
    let text = MINIMAL.replace(
        "[kinds.session]",
        "[kinds.session]\nidle_after = \"30d\"\n[kinds.session.on.idle]\naction = \"remove\"",
    );
    assert_eq!(Config::parse(&text).unwrap().kinds["session"].rules[&Trigger::Idle].action, Action::Remove);
    let scanned = "[kinds.vault.on.idle]\naction = \"remove\"\n[rails]";
    insta::assert_snapshot!(spoil("[rails]", scanned), @"lethe.toml:37:10 kinds.vault.on.idle.action: remove is not allowed for what was only found unused; use invalidate or ignore");
}

#[test]
fn an_unknown_trigger_or_action_is_refused() {
    insta::assert_snapshot!(spoil("[kinds.vault.on.unreferenced]", "[kinds.vault.on.unreferrenced]"), @"lethe.toml:14:17 kinds.vault.on.unreferrenced: unknown key; did you mean `unreferenced`?");
    insta::assert_snapshot!(spoil("action = \"invalidate\"", "action = \"purge\""), @"lethe.toml:15:10 kinds.vault.on.unreferenced.action: is not one of the known words; use one of invalidate, remove, ignore");
}

#[test]
fn a_scanned_kind_needs_a_source_and_a_source_a_scanned_kind() {
    let sources =
        &WHOLE[WHOLE.find("[tenants.acme.sources.orders]").unwrap()..WHOLE.find("[rails]").unwrap()];
    insta::assert_snapshot!(spoil(sources, ""), @"lethe.toml:20:10 tenants.acme.sources: no source is listed, but a kind of this tenant is scanned for: every token would look unreferenced; add [tenants.acme.sources.NAME], or remove the kind");
    insta::assert_snapshot!(faults(&format!("{MINIMAL}{sources}")), @"lethe.toml:6:15 tenants.acme.sources: no kind of this tenant has a format, so nothing is scanned for; add one");
}

#[test]
fn a_store_that_is_listed_twice_is_refused() {
    let table = "[tenants.acme.sources.again]\ntype = \"dynamodb\"\ntable = \"acme-orders\"\nregion = \"eu-central-1\"\n[rails]";
    insta::assert_snapshot!(spoil("[rails]", table), @"lethe.toml:38:9 tenants.acme.sources.again.table: the source `orders` already covers this; remove one, or the tokens count twice");
    let inside = "[tenants.acme.sources.part]\ntype = \"s3\"\nbucket = \"acme-lake\"\nprefix = \"exports/2026/\"\nformat = \"csv\"\n[rails]";
    insta::assert_snapshot!(spoil("[rails]", inside), @"lethe.toml:39:10 tenants.acme.sources.part.prefix: the source `lake` already covers this; remove one, or the tokens count twice");
    let other = inside.replace("exports/2026/", "imports/");
    assert!(Config::parse(&WHOLE.replacen("[rails]", &other, 1)).is_ok());
}

#[test]
fn a_file_of_another_version_or_size_is_refused() {
    insta::assert_snapshot!(spoil("version = 1", "version = 2"), @"lethe.toml:1:11 version: 2 is not a version that this lethe reads; use version = 1");
    insta::assert_snapshot!(faults(&"#".repeat(FILE_MAX_BYTES + 1)), @"lethe.toml:1:1 the file has 262145 bytes; shorten it to 262144, it is stored as one item");
}

#[test]
fn what_is_fixed_for_life_stays() {
    assert!(Config::parse_successor(WHOLE, WHOLE).is_ok());
    let text = WHOLE.replace("shards = 8", "shards = 16").replace("due_shards = 16", "due_shards = 32");
    insta::assert_snapshot!(Config::parse_successor(&text, WHOLE).unwrap_err(), @"
    lethe.toml:2:14 due_shards: is fixed for life; set it back to 16
    lethe.toml:21:10 tenants.acme.shards: is fixed for life; set it back to 8
    ");
    let no_longer_allowed = WHOLE.replace("grace = \"24h\"", "grace = \"1h\"\nunheard_of = 1");
    assert_eq!(Config::parse_successor(&text, &no_longer_allowed).unwrap_err().len(), 2);
    let another = WHOLE.replace("acme", "other").replace("shards = 8", "shards = 16");
    assert!(Config::parse_successor(&another, WHOLE).is_ok());
}

#[test]
fn no_text_of_the_file_is_repeated() {
    for (line, key) in [
        ("cadence = \"24h\"", "cadence"),
        ("region = \"eu-central-1\"", "region"),
        ("table = \"acme-orders\"", "table"),
        ("action = \"invalidate\"", "action"),
        ("alphabet = \"base36\"", "alphabet"),
        ("format = \"card\"", "format"),
    ] {
        let report = spoil(line, &format!("{key} = \"s3cret Value\""));
        assert!(!report.contains("s3cret"), "{report}");
    }
    let report = spoil("cadence = \"24h\"", "cadence = s3cret");
    assert!(!report.contains("s3cret"), "{report}");
}

#[test]
fn every_duration_is_scaled_and_nothing_else() {
    let own = "[tenants.acme.override.vault]\nidle_after = \"100d\"\n[rails]";
    let config = Config::parse(&WHOLE.replacen("[rails]", own, 1)).unwrap();
    assert_eq!(config.clone().scaled(TimeScale::REAL), config);
    let scaled = config.clone().scaled(TimeScale::dividing_by(NonZeroU32::new(3600).unwrap()));
    let kind = &scaled.kinds["vault"];
    assert_eq!((kind.read_granularity, kind.grace), (Duration::from_secs(1), Duration::from_secs(24)));
    assert_eq!(kind.reuse_leeway, Duration::from_secs(1));
    assert_eq!(kind.idle_after, Some(Duration::from_mins(36)));
    assert_eq!(kind.rules[&Trigger::Unreferenced].cool_off, Duration::from_secs(7 * 24));
    let own = &scaled.tenants[&acme()].overrides["vault"];
    assert_eq!(own, &KindPolicy { idle_after: Some(Duration::from_mins(40)), ..kind.clone() });
    assert_eq!(scaled.tenants[&acme()].cadence, Cadence::Every(Duration::from_secs(24)));
    assert_eq!(scaled.rails.in_flight_max, Duration::from_secs(1));
    assert_eq!(scaled.tenants[&acme()].sources, config.tenants[&acme()].sources);
}
