//! `idle_requires`: whether silence alone makes a token go, or the scan must miss it too.

use super::*;
use crate::policy::IdleRequires;

const JOINED: &str = "idle_requires = \"unreferenced\"\n";

/// [`WHOLE`] without a rule of its own for what is unreferenced, and with these lines in the kind.
fn with(lines: &str) -> String {
    let own = "[kinds.vault.on.unreferenced]\naction = \"invalidate\"\ncool_off = \"7d\"\narchive = true\n\
               retention = \"30d\"\nstrikes = 2\n";
    assert!(WHOLE.contains(own));
    WHOLE.replace(own, lines)
}

#[track_caller]
fn of_vault(text: &str) -> KindPolicy {
    Config::parse(text).unwrap().known_kind(&acme(), "vault").unwrap().clone()
}

fn says(kind: &KindPolicy) -> (IdleRequires, Action) {
    (kind.idle_requires, kind.rules[&Trigger::Unreferenced].action)
}

#[test]
fn silence_alone_decides_where_the_file_says_nothing() {
    let expected = (IdleRequires::Nothing, Action::Invalidate);
    assert_eq!(says(&of_vault(WHOLE)), expected);
    assert_eq!(of_vault(&with("idle_requires = \"nothing\"\n")), of_vault(&with("")));
}

#[test]
fn with_it_nothing_goes_for_being_unreferenced_alone_unless_the_file_asks_for_that_too() {
    assert_eq!(says(&of_vault(&with(JOINED))), (IdleRequires::Unreferenced, Action::Ignore));
    for (rule, action) in [
        ("strikes = 3", Action::Ignore),
        ("action = \"ignore\"", Action::Ignore),
        ("action = \"invalidate\"", Action::Invalidate),
    ] {
        let text = with(&format!("{JOINED}[kinds.vault.on.unreferenced]\n{rule}\n"));
        assert_eq!(says(&of_vault(&text)), (IdleRequires::Unreferenced, action), "{rule}");
    }
    let strikes = with(&format!("{JOINED}[kinds.vault.on.unreferenced]\nstrikes = 3\n"));
    assert_eq!(of_vault(&strikes).rules[&Trigger::Unreferenced].strikes, 3);
}

#[test]
fn an_override_may_ask_for_it_and_goes_on_from_a_kind_that_does() {
    let own = |kind: &str, lines: &str| with(kind) + "[tenants.acme.override.vault]\n" + lines;
    let joined = (IdleRequires::Unreferenced, Action::Ignore);
    assert_eq!(says(&of_vault(&own("", JOINED))), joined);
    assert_eq!(says(&of_vault(&own(JOINED, "idle_after = \"30d\"\n"))), joined);
    let both = format!("{JOINED}on.unreferenced.action = \"invalidate\"\n");
    assert_eq!(says(&of_vault(&own("", &both))), (IdleRequires::Unreferenced, Action::Invalidate));
    let alone = "idle_requires = \"nothing\"\non.unreferenced.action = \"invalidate\"\n";
    assert_eq!(says(&of_vault(&own(JOINED, alone))), (IdleRequires::Nothing, Action::Invalidate));
    let file = Config::parse(&own("", JOINED)).unwrap();
    assert_eq!(says(&file.kinds["vault"]), (IdleRequires::Nothing, Action::Invalidate));
}

#[test]
fn what_could_never_apply_is_refused_at_its_place() {
    let session = format!("{MINIMAL}[kinds.web]\nidle_after = \"30d\"\n{JOINED}");
    insta::assert_snapshot!(faults(&session), @"lethe.toml:8:17 kinds.web.idle_requires: a kind without a format is never scanned for, so nothing would go idle; give it one or remove this");
    insta::assert_snapshot!(faults(&with(JOINED).replace("idle_after = \"90d\"\n", "")), @"lethe.toml:13:17 kinds.vault.idle_requires: nothing goes idle without `idle_after`; set it in the kind or remove this");
    insta::assert_snapshot!(faults(&with("idle_requires = \"unreferrenced\"\n")), @"lethe.toml:14:17 kinds.vault.idle_requires: is not one of the known words; did you mean `unreferenced`?");
    insta::assert_snapshot!(faults(&with(&format!("{JOINED}on.idle.action = \"ignore\"\n"))), @"
    lethe.toml:10:10 kinds.vault.format: the kind is scanned for, but `unreferenced` is ignored; give it an action or remove `format`
    lethe.toml:13:14 kinds.vault.idle_after: set, but `idle` is ignored; give it an action or remove this
    ");
    let own =
        "[tenants.acme.override.vault]\nidle_requires = \"unreferenced\"\non.idle.action = \"ignore\"\n";
    insta::assert_snapshot!(faults(&format!("{WHOLE}{own}")), @"
    lethe.toml:41:17 tenants.acme.override.vault.idle_requires: set, but `idle` is ignored; give it an action or remove this
    lethe.toml:42:1 tenants.acme.override.vault.on: the kind is scanned for, but `unreferenced` is ignored; give it an action or remove this
    ");
    let alone = "[tenants.acme.override.vault]\nidle_requires = \"nothing\"\n";
    insta::assert_snapshot!(faults(&format!("{}{alone}", with(JOINED))), @"lethe.toml:35:24 tenants.acme.override.vault.on: the kind is scanned for, but `unreferenced` is ignored; give it an action or remove this");
}
