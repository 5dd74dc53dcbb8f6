//! Which endpoint the SDK will call, judged before it does: the local profile must never reach AWS.

use super::{Lookup, SettingFault};

/// The endpoint of every service.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// What the SDK prefers over [`ENDPOINT`] for the services that Lethe calls.
const SERVICE_ENDPOINTS: [&str; 5] = [
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_KMS",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_STS",
];

/// With this the SDK ignores all of the above.
const IGNORE: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

/// The domains that AWS answers under, partitions included. `aws` is a top-level domain: `api.aws`, `on.aws`.
const AWS_DOMAINS: [&str; 9] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "amazon.com",
    "aws.dev",
    "aws",
    "ic.gov",
    "sgov.gov",
    "adc-e.uk",
];

const RULE: &str = "the URL of an emulator, not of AWS, in the local profile";

/// What forbids the local profile here.
pub(super) fn faults(lookup: Lookup<'_>) -> Vec<SettingFault> {
    let mut faults = Vec::new();
    let mut fault = |variable: &str, value, rule| {
        faults.push(SettingFault { variable: variable.to_owned(), value, rule });
    };
    let main = lookup(ENDPOINT);
    if !main.as_deref().is_some_and(is_foreign) {
        fault(ENDPOINT, main, RULE);
    }
    for variable in SERVICE_ENDPOINTS {
        if let Some(url) = lookup(variable).filter(|url| !is_foreign(url)) {
            fault(variable, Some(url), RULE);
        }
    }
    if let Some(value) = lookup(IGNORE).filter(|value| !value.eq_ignore_ascii_case("false")) {
        fault(IGNORE, Some(value), "false or not set in the local profile");
    }
    faults
}

/// Whether a URL names a host that is not AWS's. What cannot be read might be, so it does not.
fn is_foreign(url: &str) -> bool {
    let is_under = |host: &str, domain: &str| {
        host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    host(url).is_some_and(|host| !AWS_DOMAINS.iter().any(|domain| is_under(&host, domain)))
}

/// The host of an http or https URL, in lower case and without a final dot; `None` when there is none or it holds
/// characters that a host has not, which parsers read in different ways.
pub(super) fn host(url: &str) -> Option<String> {
    let lower = url.to_ascii_lowercase();
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split_once(']')?.0,
        None => authority.split(':').next()?,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_good = |c: u8| c.is_ascii_alphanumeric() || b"-._:".contains(&c);
    (!host.is_empty() && host.bytes().all(is_good)).then(|| host.to_owned())
}
