use serde_json::{Value, json};

use super::table::{FIELDS, FORMS, Form, find_field};
use super::*;

mod agreement;
mod published;

fn parse(value: &Value) -> Result<Command, Rejected> {
    Command::parse(&value.to_string())
}

#[track_caller]
fn faults(text: &str) -> Vec<String> {
    match Command::parse(text) {
        Err(Rejected::Faults(faults)) => faults,
        other => panic!("{other:?}"),
    }
}

fn tokens(ids: &[&str]) -> Vec<TokenId> {
    ids.iter().map(|id| TokenId::new(*id).unwrap()).collect()
}

/// A command of these fields.
fn with(word: &str, fields: Value) -> Value {
    let mut command = json!({ "v": 1, "tenant": "acme", "command": word });
    let Value::Object(fields) = fields else { panic!("fields") };
    command.as_object_mut().unwrap().extend(fields);
    command
}

#[track_caller]
fn check(word: &'static str, fields: Value, order: Order) {
    let given = with(word, fields);
    let command = parse(&given).unwrap();
    assert_eq!(command, Command { tenant: "acme".to_owned(), key: None, reason_text: None, order });
    assert_eq!(command.word(), word);
    assert_eq!(serde_json::from_str::<Value>(&command.to_json()).unwrap(), given);
}

fn end(trigger: Trigger, target: Target) -> Order {
    Order::End { trigger, target, at: None, erase_now: false }
}

fn group(part: Part) -> Target {
    Target::Group(Group { subject: "alice".to_owned(), part })
}

#[test]
fn each_end_of_tokens_is_read() {
    let target = || Target::Tokens(tokens(&["tok_a", "tok_b"]));
    let fields = || json!({ "tokens": ["tok_a", "tok_b"] });
    for trigger in [
        Trigger::Rotated,
        Trigger::Consumed,
        Trigger::Logout,
        Trigger::DeviceLogout,
        Trigger::Compromised,
        Trigger::Revoked,
    ] {
        check(trigger.as_str(), fields(), end(trigger, target()));
    }
    let at = Some(EpochSeconds(1_760_000_000));
    check(
        "rotated",
        json!({ "tokens": ["tok_a", "tok_b"], "at": 1_760_000_000 }),
        Order::End { trigger: Trigger::Rotated, target: target(), at, erase_now: false },
    );
}

#[test]
fn each_end_of_a_group_is_read() {
    let of = |name: &str| json!({ "subject": "alice", name: "one" });
    let everywhere = json!({ "subject": "alice", "everywhere": true });
    let one = || "one".to_owned();
    check("logout", of("session"), end(Trigger::Logout, group(Part::Session(one()))));
    check("logout", everywhere.clone(), end(Trigger::Logout, group(Part::Everything)));
    check("device_logout", of("device"), end(Trigger::DeviceLogout, group(Part::Device(one()))));
    check("compromised", of("session"), end(Trigger::Compromised, group(Part::Session(one()))));
    check("compromised", of("family"), end(Trigger::Compromised, group(Part::Family(one()))));
    check("compromised", everywhere, end(Trigger::Compromised, group(Part::Everything)));
    let deleted = |erase_now| Order::End {
        trigger: Trigger::AccountDeleted,
        target: group(Part::Everything),
        at: None,
        erase_now,
    };
    check("account_deleted", json!({ "subject": "alice" }), deleted(false));
    check("account_deleted", json!({ "subject": "alice", "erase_now": true }), deleted(true));
}

#[test]
fn everything_else_is_read() {
    let ids = || tokens(&["tok_a"]);
    let (hold_id, event_id) = ("case-1".to_owned(), "event-1".to_owned());
    let at = Some(EpochSeconds(0));
    check("read", json!({ "tokens": ["tok_a"] }), Order::Read { tokens: ids(), at: None });
    check("read", json!({ "tokens": ["tok_a"], "at": 0 }), Order::Read { tokens: ids(), at });
    let notice = json!({ "tokens": ["tok_a"], "event_id": "event-1" });
    check("created", notice.clone(), Order::Created { tokens: ids(), event_id: event_id.clone() });
    check("deleted", notice, Order::Deleted { tokens: ids(), event_id });
    let of_tokens = json!({ "tokens": ["tok_a"], "hold_id": "case-1" });
    let of_subject = json!({ "subject": "alice", "hold_id": "case-1" });
    let subject = || HoldTarget::Subject("alice".to_owned());
    let target = || HoldTarget::Tokens(ids());
    check("hold", of_tokens.clone(), Order::Hold { target: target(), hold_id: hold_id.clone() });
    check("hold", of_subject.clone(), Order::Hold { target: subject(), hold_id: hold_id.clone() });
    check("release", of_tokens, Order::Release { target: target(), hold_id: hold_id.clone() });
    check("release", of_subject, Order::Release { target: subject(), hold_id });
    check("reinstate", json!({ "tokens": ["tok_a"] }), Order::Reinstate { tokens: ids() });
}

#[test]
fn a_key_and_a_reason_go_with_any_command() {
    for form in &FORMS {
        for example in schema::examples(form) {
            let command = parse(&example).unwrap();
            assert_eq!(command.word(), form.verb.word());
            assert_eq!(command.key.as_ref().map(IdempotencyKey::as_str), Some("request-17"));
            assert_eq!(command.reason_text.as_deref(), Some("ticket 4711"));
            assert_eq!(Command::parse(&command.to_json()), Ok(command));
        }
    }
}

#[test]
fn the_words_are_those_that_callers_are_allowed() {
    assert_eq!(words().collect::<Vec<_>>(), crate::caller::COMMANDS);
    let fields = |form: &Form| {
        let own = form.always().chain(form.may_carry()).chain(form.either.concat());
        own.collect::<Vec<_>>()
    };
    for form in &FORMS {
        for name in fields(form) {
            assert!(find_field(name).is_some(), "{name}");
            assert!(words().all(|word| word != name), "{name} is a command and a field");
        }
        assert!(!form.either.is_empty(), "{}", form.verb.word());
    }
}

#[test]
fn every_fault_of_every_command_is_named_at_once() {
    for form in &FORMS {
        // Nothing is right but the command's word: every field is there, twice or of a wrong type, or unknown.
        let mut fields: Vec<String> = FIELDS
            .iter()
            .filter(|field| field.name != "command")
            .map(|field| format!(r#""{}":{{}}"#, field.name))
            .collect();
        fields.push(format!(r#""command":"{}","tenant":[],"zebra":1,"zebu":2"#, form.verb.word()));
        let found = faults(&format!("{{{}}}", fields.join(",")));
        let has =
            |name: &str, text: &str| found.iter().any(|fault| fault.starts_with(&format!("{name}: {text}")));
        assert!(has("tenant", "is given more than once"), "{found:?}");
        for field in FIELDS.iter().filter(|field| field.name != "command") {
            assert!(has(field.name, "must be "), "{} in {found:?}", field.name);
            assert_eq!(
                has(field.name, "is not a field of this command"),
                !form.takes(field.name),
                "{}",
                field.name
            );
        }
        assert!(
            found.iter().any(|fault| fault.starts_with("2 unknown field(s); this command takes v, ")),
            "{found:?}"
        );
        assert!(!found.iter().any(|fault| fault.contains("zeb")), "{found:?}");
        let is_ambiguous = found.iter().any(|fault| fault.starts_with("this command takes either "));
        assert_eq!(is_ambiguous, form.either.len() > 1, "{found:?}");
    }
}

#[test]
fn every_missing_field_of_every_command_is_named_at_once() {
    for form in &FORMS {
        let found = faults(&json!({ "command": form.verb.word() }).to_string());
        let only = if let [only] = form.either { *only } else { &[] };
        let missing = form.always().filter(|name| *name != "command").chain(only.iter().copied());
        let mut expected: Vec<String> = missing.map(|name| format!("{name}: is missing")).collect();
        if form.either.len() > 1 {
            expected.push(format!("this command takes either {}", form.alternatives()));
        }
        assert_eq!(found, expected, "{}", form.verb.word());
    }
}

#[test]
fn the_faults_read_well() {
    insta::assert_debug_snapshot!(faults("[]"), @r#"
    [
        "the command is not a JSON object",
    ]
    "#);
    insta::assert_debug_snapshot!(faults("{}"), @r#"
    [
        "v: is missing",
        "tenant: is missing",
        "command: is missing",
    ]
    "#);
    insta::assert_debug_snapshot!(faults(r#"{"v":2,"tenant":"Acme","command":"dance","tokens":[],"tok_x":1}"#), @r#"
    [
        "v: must be 1",
        "tenant: must be a text of 1 to 64 of a-z, 0-9 and '-'",
        "command: must be one of rotated, consumed, logout, device_logout, compromised, revoked, account_deleted, read, created, deleted, hold, release, reinstate",
        "tokens: must be 1 to 100 tokens that do not begin with subject#, each a text of 1 to 1024 characters (256 where it is not plain ASCII)",
        "1 unknown field(s); no command has such",
    ]
    "#);
    let logout = json!({ "tokens": ["tok_a", "tok_a"], "subject": "", "session": null, "everywhere": false });
    insta::assert_debug_snapshot!(faults(&with("logout", logout).to_string()), @r#"
    [
        "tokens: names the same token twice",
        "subject: must be a text of 1 to 1000 characters (250 where it is not plain ASCII)",
        "session: must be a text of 1 to 1000 characters (250 where it is not plain ASCII)",
        "everywhere: must be true where it is given",
        "this command takes either tokens, or subject and session, or subject and everywhere",
    ]
    "#);
    let rotated =
        json!({ "tokens": ["tok_a", "subject#b", 7], "at": 1_760_000_000_000_i64, "hold_id": "a b" });
    insta::assert_debug_snapshot!(faults(&with("rotated", rotated).to_string()), @r#"
    [
        "tokens: 2 of 3 are not right; must be 1 to 100 tokens that do not begin with subject#, each a text of 1 to 1024 characters (256 where it is not plain ASCII)",
        "at: must be whole seconds since the epoch, 0 to 9999999999, not milliseconds",
        "hold_id: must be a text of 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'",
        "hold_id: is not a field of this command",
    ]
    "#);
    let hold = json!({ "idempotency_key": "a/b", "reason_text": "a\nb", "erase_now": 1, "event_id": "" });
    insta::assert_debug_snapshot!(faults(&with("hold", hold).to_string()), @r#"
    [
        "idempotency_key: must be a text of 1 to 128 of A-Z, a-z, 0-9, '.', '_', ':' and '-'",
        "reason_text: must be a text of 1 to 256 characters, none of them a control character",
        "erase_now: must be true or false",
        "event_id: must be a text of 1 to 1000 characters (250 where it is not plain ASCII)",
        "hold_id: is missing",
        "this command takes either tokens, or subject",
        "erase_now: is not a field of this command",
        "event_id: is not a field of this command",
    ]
    "#);
}

#[test]
fn a_field_that_is_given_twice_is_refused_however_it_is_written() {
    for text in [
        r#"{"v":1,"tenant":"acme","command":"revoked","tokens":["tok_a"],"tokens":["tok_b"]}"#,
        r#"{"v":1,"tenant":"acme","command":"revoked","tokens":["tok_a"],"\u0074okens":["tok_a"]}"#,
    ] {
        assert_eq!(faults(text), ["tokens: is given more than once"]);
    }
    let text = r#"{"v":1,"tenant":"acme","command":"read","command":"revoked","tokens":["tok_a"]}"#;
    assert_eq!(faults(text), ["command: is given more than once"]);
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    let deep = |n: usize| format!(r#"{{"v":1,"tenant":{}1{}}}"#, "[".repeat(n), "]".repeat(n));
    for text in [
        "",
        "null",
        "7",
        "\"revoked\"",
        "[{}]",
        "{",
        "{}{}",
        "{\"v\":1e999}",
        "{\"v\":\"\\ud800\"}",
        "\u{feff}{}",
        "{'v':1}",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([deep(200), "[".repeat(MAX_BODY_BYTES), "{\"a\":".repeat(10_000), deep(30_000)])
    {
        assert_eq!(faults(&text), ["the command is not a JSON object"]);
    }
    assert!(faults(&deep(100)).len() > 1);
}

#[test]
fn the_limit_of_the_text_is_in_bytes() {
    let padded = |n: usize| {
        let text = with("revoked", json!({ "tokens": ["tok_a"] })).to_string();
        let n_spaces = n - text.len();
        text + &" ".repeat(n_spaces)
    };
    assert!(Command::parse(&padded(MAX_BODY_BYTES)).is_ok());
    let refused = Command::parse(&padded(MAX_BODY_BYTES + 1));
    assert_eq!(refused, Err(Rejected::TooLarge("the command is longer than 65536 bytes".to_owned())));
}

#[test]
fn too_many_tokens_are_too_large_unless_something_else_is_wrong() {
    let revoked = |n: usize| {
        with("revoked", json!({ "tokens": (0..n).map(|n| format!("tok_{n}")).collect::<Vec<_>>() }))
    };
    assert!(parse(&revoked(MAX_TOKENS)).is_ok());
    let fault = "tokens: at most 100 in one command; send the rest in another".to_owned();
    assert_eq!(parse(&revoked(MAX_TOKENS + 1)), Err(Rejected::TooLarge(fault.clone())));
    let mut worse = revoked(MAX_TOKENS + 1);
    worse["v"] = json!(2);
    assert_eq!(parse(&worse), Err(Rejected::Faults(vec!["v: must be 1".to_owned(), fault])));
}

#[test]
fn each_text_has_its_limits() {
    let takes = |name: &str, text: String| {
        let target =
            if name == "tokens" { json!({ "tokens": [text] }) } else { json!({ "subject": "alice" }) };
        let mut command = with("hold", target);
        command["hold_id"] = json!("case-1");
        if name != "tokens" {
            command[name] = json!(text);
        }
        parse(&command).is_ok()
    };
    for (name, character, most) in [
        ("subject", "a", 1000),
        ("subject", "\u{1f511}", 250),
        ("tokens", "a", 1024),
        ("tokens", "\u{1f511}", 256),
        ("tenant", "a", 64),
        ("idempotency_key", ":", 128),
        ("reason_text", "é", 256),
        ("hold_id", "_", 64),
    ] {
        assert!(!takes(name, String::new()), "{name}");
        for (n, expected) in [(1, true), (most, true), (most + 1, false)] {
            assert_eq!(takes(name, character.repeat(n)), expected, "{name}: {n} of {most}");
        }
    }
}

#[test]
fn the_largest_subject_and_token_fit_a_sort_key() {
    let wide = "\u{1f511}".repeat(250);
    assert!(format!("subject#{wide}").len() <= 1024);
    assert!(TokenId::new("\u{1f511}".repeat(256)).is_ok());
    assert!(TokenId::new("a".repeat(1024)).is_ok());
}

#[test]
fn whole_numbers_may_be_written_as_json_writes_them() {
    for (at, expected) in
        [("1e3", Some(1000)), ("7.0", Some(7)), ("-0", Some(0)), ("9999999999", Some(9_999_999_999))]
    {
        let text = format!(r#"{{"v":1.0,"tenant":"acme","command":"read","tokens":["tok_a"],"at":{at}}}"#);
        let Order::Read { at, .. } = Command::parse(&text).unwrap().order else { panic!("read") };
        assert_eq!(at.map(|at| at.0), expected);
    }
    for at in ["-1", "1.5", "10000000000", "1e30", "\"7\"", "null", "true", "[7]"] {
        let text = format!(r#"{{"v":1,"tenant":"acme","command":"read","tokens":["tok_a"],"at":{at}}}"#);
        assert_eq!(
            faults(&text),
            ["at: must be whole seconds since the epoch, 0 to 9999999999, not milliseconds"]
        );
    }
}

#[test]
fn debug_shows_no_token_and_no_subject() {
    for form in &FORMS {
        for example in schema::examples(form) {
            let shown = format!("{:?}", parse(&example).unwrap());
            for secret in ["tok_4f9a0c", "subject-1", "session-1", "device-1", "family-1"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
}

#[test]
fn a_group_is_kept_in_the_same_form() {
    let group = Group { subject: "alice".to_owned(), part: Part::Session("one".to_owned()) };
    let text = serde_json::to_string(&group).unwrap();
    insta::assert_snapshot!(text, @r#"{"subject":"alice","part":{"session":"one"}}"#);
    assert_eq!(serde_json::from_str::<Group>(&text).unwrap(), group);
    let everything = Group { part: Part::Everything, ..group };
    insta::assert_snapshot!(serde_json::to_string(&everything).unwrap(), @r#"{"subject":"alice","part":"everything"}"#);
}
