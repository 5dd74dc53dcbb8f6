//! Who may say what about a tenant's tokens.

use proptest::prelude::*;

use super::*;
use crate::caller::{COMMANDS, Identity};

/// [`MINIMAL`] with one class of callers of these lines.
fn with(lines: &str) -> String {
    format!("{MINIMAL}[tenants.acme.callers.auth]\n{lines}\n")
}

#[track_caller]
fn tenant(text: &str) -> TenantConfig {
    Config::parse(text).unwrap().tenants[&acme()].clone()
}

const ROLE: &str = "arn:aws:iam::123456789012:role/service/auth";
const ROLE_ID: &str = "AROAEXAMPLEEXAMPLE123";
const USER: &str = "arn:aws:iam::123456789012:user/alice";

fn by(shown: &str) -> Identity<'_> {
    Identity::Principal(shown)
}

fn queue<'a>(class: &'a str, sender: Option<&'a str>) -> Identity<'a> {
    Identity::Queue { class, sender }
}

#[test]
fn a_class_is_read_as_it_is_written() {
    let text = with(&format!(
        "principals = [\"{ROLE}\", \"{ROLE_ID}\"]\nqueue = \"issuer\"\nmay = [\"read\", \"logout\"]"
    ));
    let expected = CallerClass {
        name: "auth".to_owned(),
        principals: vec![ROLE.to_owned(), ROLE_ID.to_owned()],
        queue: Some("issuer".to_owned()),
        may: BTreeSet::from(["logout".to_owned(), "read".to_owned()]),
    };
    assert_eq!(tenant(&text).callers, [expected]);
}

#[test]
fn without_callers_nobody_commands() {
    let nobody = tenant(MINIMAL);
    for command in COMMANDS {
        for who in [by(ROLE), by(""), queue("issuer", None), queue("operator", Some(ROLE_ID))] {
            assert!(!nobody.may(&who, command), "{who:?} {command}");
        }
    }
}

#[test]
fn a_principal_is_known_in_every_form_that_aws_shows() {
    let tenant =
        tenant(&with(&format!("principals = [\"{ROLE}\", \"{USER}\", \"{ROLE_ID}\"]\nmay = [\"logout\"]")));
    for shown in [
        ROLE,
        USER,
        ROLE_ID,
        "arn:aws:sts::123456789012:assumed-role/auth/lambda-1",
        "AROAEXAMPLEEXAMPLE123:lambda-1",
    ] {
        assert!(tenant.may(&by(shown), "logout"), "{shown}");
        assert!(!tenant.may(&by(shown), "revoked"), "{shown} may log out only");
        assert!(!tenant.may(&queue("issuer", Some(shown)), "logout"), "{shown} has no queue");
    }
}

#[test]
fn who_only_looks_like_a_principal_is_not_one() {
    let tenant =
        tenant(&with(&format!("principals = [\"{ROLE}\", \"{USER}\", \"{ROLE_ID}\"]\nmay = [\"logout\"]")));
    for shown in [
        "",
        "auth",
        "arn:aws:iam::123456789012:role/auth",
        "arn:aws:iam::123456789013:role/service/auth",
        "arn:aws:sts::123456789013:assumed-role/auth/lambda-1",
        "arn:aws-cn:sts::123456789012:assumed-role/auth/lambda-1",
        "arn:aws:sts::123456789012:assumed-role/auth",
        "arn:aws:sts::123456789012:assumed-role/auth2/auth/",
        "arn:aws:sts::123456789012:assumed-role/service/auth",
        "arn:aws:sts::123456789012:federated-user/alice",
        "arn:aws:iam::123456789012:user/alice/x",
        "AROAEXAMPLEEXAMPLE124:lambda-1",
        "AROAEXAMPLEEXAMPLE12",
        "x:AROAEXAMPLEEXAMPLE123",
        "aroaexampleexample123",
    ] {
        assert!(!tenant.may(&by(shown), "logout"), "{shown}");
    }
}

#[test]
fn a_user_has_no_sessions() {
    let tenant = tenant(&with(&format!("principals = [\"{USER}\"]\nmay = [\"logout\"]")));
    assert!(!tenant.may(&by("arn:aws:sts::123456789012:assumed-role/alice/x"), "logout"));
}

#[test]
fn a_queue_without_principals_is_everybody_who_may_send_to_it() {
    let tenant = tenant(&with("queue = \"issuer\"\nmay = [\"logout\"]"));
    for sender in [None, Some("AIDAEXAMPLEEXAMPLE123"), Some("")] {
        assert!(tenant.may(&queue("issuer", sender), "logout"));
        assert!(!tenant.may(&queue("issuer", sender), "revoked"));
        assert!(!tenant.may(&queue("tenant", sender), "logout"));
        assert!(!tenant.may(&queue("", sender), "logout"));
    }
    assert!(!tenant.may(&by(ROLE), "logout"), "the queue is no door to the URL");
    assert!(!tenant.may(&by(""), "logout"));
}

#[test]
fn a_queue_with_principals_takes_theirs_only() {
    let tenant = tenant(&with(&format!(
        "principals = [\"{ROLE}\", \"{ROLE_ID}\"]\nqueue = \"operator\"\nmay = [\"hold\"]"
    )));
    assert!(tenant.may(&queue("operator", Some("AROAEXAMPLEEXAMPLE123:ops")), "hold"));
    for sender in [None, Some(""), Some("AIDAEXAMPLEEXAMPLE123")] {
        assert!(!tenant.may(&queue("operator", sender), "hold"), "{sender:?}");
    }
    assert!(!tenant.may(&queue("issuer", Some(ROLE_ID)), "hold"));
    assert!(tenant.may(&by(ROLE), "hold"));
}

#[test]
fn classes_add_up_and_do_not_mix() {
    let second = "[tenants.acme.callers.tenant]\nqueue = \"tenant\"\nmay = [\"created\"]\n";
    let tenant =
        tenant(&format!("{}{second}", with(&format!("principals = [\"{USER}\"]\nmay = [\"logout\"]"))));
    assert!(tenant.may(&by(USER), "logout") && tenant.may(&queue("tenant", None), "created"));
    assert!(!tenant.may(&by(USER), "created") && !tenant.may(&queue("tenant", None), "logout"));
}

#[test]
fn a_caller_of_one_tenant_is_nobody_to_another() {
    let other = "[tenants.globex]\nshards = 1\nkinds = [\"session\"]\n[tenants.globex.callers.theirs]\nqueue = \"tenant\"\nmay = [\"read\"]\n";
    let text =
        format!("{}{other}", with(&format!("principals = [\"{USER}\"]\nmay = [\"logout\", \"read\"]")));
    let config = Config::parse(&text).unwrap();
    let globex = &config.tenants[&TenantId::new("globex").unwrap()];
    assert!(!globex.may(&by(USER), "logout") && !globex.may(&by(USER), "read"));
    assert!(!config.tenants[&acme()].may(&queue("tenant", None), "read"));
}

#[test]
fn a_class_names_somebody_and_something() {
    insta::assert_snapshot!(faults(&with("")), @r#"
    lethe.toml:6:23 tenants.acme.callers.auth: names nobody; set `principals`, or `queue` to one of issuer, tenant, operator
    lethe.toml:6:23 tenants.acme.callers.auth.may: is missing; list the commands that the class may send, as ["logout"]
    "#);
    insta::assert_snapshot!(faults(&with("principals = []\nqueue = \"issuer\"\nmay = []")), @"
    lethe.toml:7:14 tenants.acme.callers.auth.principals: names nobody; list a principal or remove this
    lethe.toml:9:7 tenants.acme.callers.auth.may: names no command; list the commands that the class may send
    ");
    insta::assert_snapshot!(faults(&with("who = \"all\"\nqueue = \"issuers\"\nmay = [\"logot\", \"expired\"]")), @"
    lethe.toml:7:1 tenants.acme.callers.auth.who: unknown key; use one of principals, queue, may
    lethe.toml:8:9 tenants.acme.callers.auth.queue: is not one of the known words; did you mean `issuer`?
    lethe.toml:9:8 tenants.acme.callers.auth.may: one item is not a command; did you mean `logout`?
    lethe.toml:9:17 tenants.acme.callers.auth.may: one item is not a command; use one of rotated, consumed, logout, device_logout, compromised, revoked, account_deleted, read, created, deleted, hold, release, reinstate
    ");
    insta::assert_snapshot!(faults(&with("queue = \"issuer\"\nmay = \"read\"").replace(".auth]", ".Auth]")), @r#"
    lethe.toml:6:23 tenants.acme.callers.Auth: a name has 1 to 64 of a-z, 0-9, '-' and '_'; rename it
    lethe.toml:8:7 tenants.acme.callers.Auth.may: is a text; use a list of texts, as ["vault"]
    "#);
    insta::assert_snapshot!(faults(&with("queue = \"issuer\"\nmay = [\"read\", \"hold\", \"read\"]")), @"lethe.toml:8:24 tenants.acme.callers.auth.may: a command is listed twice; remove one");
}

#[test]
fn a_principal_is_a_role_a_user_or_a_unique_id() {
    let path = format!("arn:aws:iam::123456789012:role/{}auth", "p/".repeat(256));
    let long = format!("arn:aws:iam::123456789012:role/{}", "n".repeat(65));
    for (principal, stands) in [
        (ROLE, true),
        (USER, true),
        (ROLE_ID, true),
        ("AIDAEXAMPLEEXAMPLE123", true),
        ("arn:aws-us-gov:iam::123456789012:role/auth", true),
        ("arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_ops_0a", true),
        ("", false),
        ("*", false),
        ("AROA", false),
        ("AKIAEXAMPLEEXAMPLE123", false),
        ("AROAEXAMPLEEXAMPLE123:session", false),
        ("123456789012", false),
        ("arn:aws:iam::123456789012:root", false),
        ("arn:aws:iam::123456789012:role/", false),
        ("arn:aws:iam::123456789012:role/*", false),
        ("arn:aws:iam::123456789012:role/a*/auth", false),
        ("arn:aws:iam::123456789012:group/auth", false),
        ("arn:aws:iam::12345678901:role/auth", false),
        ("arn:aws:iam::*:role/auth", false),
        ("arn:azure:iam::123456789012:role/auth", false),
        ("arn:aws:iam:eu-central-1:123456789012:role/auth", false),
        (path.as_str(), true),
        (long.as_str(), false),
    ] {
        let read = Config::parse(&with(&format!("principals = [\"{principal}\"]\nmay = [\"read\"]")));
        assert_eq!(read.is_ok(), stands, "{principal}");
        if let Err(faults) = read {
            assert_eq!(faults.len(), 1, "{faults}");
        }
    }
    insta::assert_snapshot!(faults(&with("principals = [\"auth\", 7]\nmay = [\"read\"]")), @"
    lethe.toml:7:15 tenants.acme.callers.auth.principals: is not the ARN of an IAM role or user, as arn:aws:iam::123456789012:role/NAME, nor a unique id, as AROA… or AIDA…; correct it
    lethe.toml:7:23 tenants.acme.callers.auth.principals: one item is a whole number; use a text in quotes
    ");
    insta::assert_snapshot!(faults(&with("principals = [\"arn:aws:sts::123456789012:assumed-role/auth/x\"]\nmay = [\"read\"]")), @"lethe.toml:7:15 tenants.acme.callers.auth.principals: is one session of a role; name the role, as arn:aws:iam::123456789012:role/NAME");
    insta::assert_snapshot!(faults(&with(&format!("principals = [\"{USER}\", \"{USER}\"]\nmay = [\"read\"]"))), @"lethe.toml:7:55 tenants.acme.callers.auth.principals: a principal is listed twice; remove one");
}

#[test]
fn a_queue_that_lets_nobody_through_is_refused() {
    insta::assert_snapshot!(faults(&with(&format!("principals = [\"{ROLE}\"]\nqueue = \"issuer\"\nmay = [\"read\"]"))), @"lethe.toml:8:9 tenants.acme.callers.auth.queue: a queue shows its senders by their unique ids, and no principal here is one; add the AROA… or AIDA… id, or give the queue a class of its own");
}

#[test]
fn no_principal_is_repeated() {
    let report = faults(&with("principals = [\"s3cret\"]\nqueue = \"s3cret\"\nmay = [\"s3cret\"]"));
    assert!(!report.contains("s3cret"), "{report}");
}

proptest! {
    #[test]
    fn a_stranger_is_nobody_however_it_is_shown(
        shown in prop_oneof![any::<String>(), "arn:aws:(iam|sts)::123456789012:[a-z-]{0,12}/[a-z/]{0,9}", "AROA[A-Z0-9:]{0,20}"]
    ) {
        let text = with(&format!("principals = [\"{ROLE}\", \"{ROLE_ID}\"]\nqueue = \"issuer\"\nmay = [\"read\"]"));
        let is_session = shown.starts_with("arn:aws:sts::123456789012:assumed-role/auth/");
        prop_assume!(shown != ROLE && !is_session);
        prop_assert!(!tenant(&text).may(&by(&shown), "read"));
        prop_assert!(!tenant(&text).may(&queue("issuer", Some(&shown)), "read"));
    }
}
