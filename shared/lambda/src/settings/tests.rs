//! Every rule of the settings, each alone, and all of them in one report.

use super::*;

const LOCAL: [(&str, &str); 4] = [
    ("LETHE_PROFILE", "local"),
    ("LETHE_TIME_SCALE", "20000"),
    ("LETHE_ACCOUNT_ID", "000000000000"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:4570"),
];

const PRODUCTION: [(&str, &str); 3] =
    [("LETHE_PROFILE", "production"), ("LETHE_TIME_SCALE", "1"), ("LETHE_ACCOUNT_ID", "123456789012")];

fn profile(base: &[(&str, &str)], changes: &[(&str, Option<&str>)]) -> Result<Profile, String> {
    let lookup = |variable: &str| {
        let replaced = changes.iter().find(|(name, _)| *name == variable).map(|(_, value)| *value);
        let set = base.iter().find(|(name, _)| *name == variable).map(|(_, value)| *value);
        replaced.unwrap_or(set).map(ToOwned::to_owned)
    };
    let read = |from: &mut Reader<'_>| from.profile("LETHE_PROFILE", "LETHE_TIME_SCALE", "LETHE_ACCOUNT_ID");
    Reader::read(&lookup, read).map_err(|faults| faults.to_string())
}

#[track_caller]
fn check_local(variable: &str, value: Option<&str>, is_good: bool) {
    let found = profile(&LOCAL, &[(variable, value)]);
    assert_eq!(found.is_ok(), is_good, "{variable} {value:?}: {found:?}");
    if let Err(text) = found {
        assert!(text.contains(variable), "{text}");
    }
}

#[test]
fn production_runs_on_real_time() {
    assert_eq!(profile(&PRODUCTION, &[]).unwrap().limits, Limits::production());
    assert!(profile(&PRODUCTION, &[("LETHE_TIME_SCALE", Some("2"))]).is_err());
}

#[test]
fn local_runs_on_its_scale() {
    let limits = profile(&LOCAL, &[]).unwrap().limits;
    assert_eq!(limits, Limits::local(TimeScale::dividing_by(NonZeroU32::new(20_000).unwrap())));
}

#[test]
fn local_is_refused_without_an_endpoint_or_with_one_of_aws() {
    check_local("AWS_ENDPOINT_URL", None, false);
    for bad in [
        "https://dynamodb.eu-central-1.amazonaws.com",
        "https://DynamoDB.eu-central-1.AmazonAWS.com.:443/",
        "https://dynamodb.cn-north-1.amazonaws.com.cn",
        "https://dynamodb.eu-central-1.api.aws",
        "https://x.aws.dev",
        "https://amazonaws.com",
        "http://localhost@dynamodb.eu-central-1.amazonaws.com",
        "http://localhost\\@dynamodb.eu-central-1.amazonaws.com",
        "ftp://localhost",
        "localhost:4566",
        "http://",
        "",
    ] {
        check_local("AWS_ENDPOINT_URL", Some(bad), false);
    }
    for good in [
        "http://localhost:4566",
        "http://[::1]:4566",
        "http://my-amazonaws.com.example/",
        "https://cloud.test",
    ] {
        check_local("AWS_ENDPOINT_URL", Some(good), true);
    }
}

#[test]
fn local_is_refused_when_one_service_would_go_to_aws() {
    check_local("AWS_ENDPOINT_URL_S3", Some("https://s3.eu-central-1.amazonaws.com"), false);
    check_local("AWS_ENDPOINT_URL_S3", Some("http://127.0.0.1:9000"), true);
    check_local("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", Some("true"), false);
    check_local("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", Some("false"), true);
}

#[test]
fn local_is_refused_in_a_real_account() {
    check_local("LETHE_ACCOUNT_ID", Some("123456789012"), false);
}

#[test]
fn a_scale_is_a_number_from_one() {
    for bad in [None, Some("0"), Some("-1"), Some("1.5"), Some("x"), Some("")] {
        check_local("LETHE_TIME_SCALE", bad, false);
    }
    check_local("LETHE_TIME_SCALE", Some("1"), true);
}

#[test]
fn all_faults_are_reported_at_once() {
    let values = |variable: &str| match variable {
        "LETHE_PROFILE" => Some("local".to_owned()),
        "LETHE_ACCOUNT_ID" => Some("123".to_owned()),
        "LETHE_MODE" => Some("Act".to_owned()),
        "LETHE_VAULT_TABLE" => Some("my table".to_owned()),
        "LETHE_SCAN_QUEUE_URL" => Some("arn:aws:sqs:eu-central-1:1:q".to_owned()),
        _ => None,
    };
    let faults = Reader::read(&values, |from| {
        from.profile("LETHE_PROFILE", "LETHE_TIME_SCALE", "LETHE_ACCOUNT_ID");
        from.mode("LETHE_MODE");
        from.switch("LETHE_SCAN");
        from.either(
            "LETHE_LOCK_MODE",
            ("GOVERNANCE", false),
            ("COMPLIANCE", true),
            "GOVERNANCE or COMPLIANCE",
        );
        from.name("LETHE_VAULT_TABLE");
        from.url("LETHE_SCAN_QUEUE_URL");
    });
    insta::assert_snapshot!(faults.unwrap_err(), @r"
    read settings: 8 at fault
    LETHE_TIME_SCALE is not set, it must be a whole number from 1 to 4294967295
    LETHE_ACCOUNT_ID is '123', it must be an account id of 12 digits
    AWS_ENDPOINT_URL is not set, it must be the URL of an emulator, not of AWS, in the local profile
    LETHE_MODE is 'Act', it must be report or act
    LETHE_SCAN is not set, it must be on or off
    LETHE_LOCK_MODE is not set, it must be GOVERNANCE or COMPLIANCE
    LETHE_VAULT_TABLE is 'my table', it must be a name of 3 to 255 of a-z, A-Z, 0-9, '_', '.' and '-'
    LETHE_SCAN_QUEUE_URL is 'arn:aws:sqs:eu-central-1:1:q', it must be an http or https URL
    ");
}

#[test]
fn what_is_good_is_read() {
    let values = |variable: &str| match variable {
        "MODE" => Some("act".to_owned()),
        "SCAN" => Some("off".to_owned()),
        "LOCK" => Some("COMPLIANCE".to_owned()),
        "TABLE" => Some("lethe-vault".to_owned()),
        "QUEUE" => Some("https://sqs.eu-central-1.amazonaws.com/123456789012/lethe-scan".to_owned()),
        _ => None,
    };
    let read = Reader::read(&values, |from| {
        (
            from.mode("MODE"),
            from.switch("SCAN"),
            from.either("LOCK", ("GOVERNANCE", false), ("COMPLIANCE", true), "-"),
            from.name("TABLE"),
            from.url("QUEUE"),
        )
    });
    let (mode, scan, lock, table, queue) = read.unwrap();
    assert!(matches!(mode, Mode::Act));
    assert!(!scan);
    assert!(lock);
    assert_eq!(table, "lethe-vault");
    assert!(queue.ends_with("/lethe-scan"));
}
