//! Reads `[tenants.*.callers.*]`: who may send which commands about a tenant's tokens.

use std::collections::BTreeSet;

use super::CallerClass;
use super::report::Report;
use super::section::{Section, suggest};
use crate::caller::{COMMANDS, QUEUES, is_unique_id};

const ACCOUNT_DIGITS: usize = 12;
const NAME_MAX_BYTES: usize = 64;
const PATH_MAX_BYTES: usize = 512;

/// Reads the classes of a tenant.
pub(super) fn read_callers(report: &mut Report, tenant: &Section<'_>) -> Option<Vec<CallerClass>> {
    if !tenant.has("callers") {
        return Some(Vec::new());
    }
    let callers = tenant.table(report, "callers")?;
    let read: Vec<Option<CallerClass>> =
        callers.tables(report).iter().map(|class| read_class(report, class)).collect();
    read.into_iter().collect()
}

fn read_class(report: &mut Report, class: &Section<'_>) -> Option<CallerClass> {
    class.check_name(report);
    class.check_keys(report, &["principals", "queue", "may"]);
    let principals = if class.has("principals") { read_principals(report, class) } else { Some(Vec::new()) };
    let queue = if class.has("queue") {
        class.required_choice(report, "queue", &QUEUES.map(|queue| (queue, queue))).map(Some)
    } else {
        Some(None)
    };
    if !class.has("principals") && !class.has("queue") {
        let problem = format!("names nobody; set `principals`, or `queue` to one of {}", QUEUES.join(", "));
        report.missing(class.at, &class.path, problem);
    }
    let may = read_commands(report, class);
    let (principals, queue) = (principals?, queue?);
    check_reached(report, class, &principals, queue);
    Some(CallerClass { name: class.name.to_owned(), principals, queue: queue.map(str::to_owned), may: may? })
}

fn read_principals(report: &mut Report, class: &Section<'_>) -> Option<Vec<String>> {
    let texts = class.texts(report, "principals")?;
    if texts.is_empty() {
        // An empty list could be meant as nobody and would be read as everybody who may send to the queue.
        class.fault(report, "principals", "names nobody; list a principal or remove this");
    }
    let path = class.path_of("principals");
    let mut principals: Vec<String> = Vec::new();
    for (at, text) in texts {
        if let Some(problem) = principal_problem(text) {
            report.fault(at, &path, problem);
        } else if principals.iter().any(|listed| listed == text) {
            report.fault(at, &path, "a principal is listed twice; remove one");
        } else {
            principals.push(text.to_owned());
        }
    }
    Some(principals)
}

fn principal_problem(text: &str) -> Option<&'static str> {
    if is_unique_id(text) || is_iam_arn(text) {
        return None;
    }
    if text.contains(":assumed-role/") {
        return Some("is one session of a role; name the role, as arn:aws:iam::123456789012:role/NAME");
    }
    Some(
        "is not the ARN of an IAM role or user, as arn:aws:iam::123456789012:role/NAME, nor a unique id, as AROA… or \
         AIDA…; correct it",
    )
}

/// Whether this is `arn:PARTITION:iam::ACCOUNT:role/[PATH/]NAME`, or the same with `user`.
///
/// Guard: there are no wildcards. Who may end tokens is named, so that a new role does not get the right unseen.
fn is_iam_arn(text: &str) -> bool {
    let Some((partition, rest)) = text.strip_prefix("arn:").and_then(|rest| rest.split_once(":iam::")) else {
        return false;
    };
    let Some((account, resource)) = rest.split_once(':') else { return false };
    let Some(name) = resource.strip_prefix("role/").or_else(|| resource.strip_prefix("user/")) else {
        return false;
    };
    let (path, name) = name.rsplit_once('/').unwrap_or(("", name));
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    let in_path = |byte: u8| byte.is_ascii_graphic() && !b"*?:".contains(&byte);
    matches!(partition, "aws" | "aws-cn" | "aws-us-gov")
        && account.len() == ACCOUNT_DIGITS
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && (1..=NAME_MAX_BYTES).contains(&name.len())
        && name.bytes().all(in_name)
        && path.len() <= PATH_MAX_BYTES
        && path.bytes().all(in_path)
}

fn read_commands(report: &mut Report, class: &Section<'_>) -> Option<BTreeSet<String>> {
    if !class.has("may") {
        class.missing(
            report,
            "may",
            "is missing; list the commands that the class may send, as [\"logout\"]",
        );
    }
    let texts = class.texts(report, "may")?;
    if texts.is_empty() {
        class.fault(report, "may", "names no command; list the commands that the class may send");
    }
    let path = class.path_of("may");
    let mut words = BTreeSet::new();
    for (at, word) in texts {
        if !COMMANDS.contains(&word) {
            report.fault(at, &path, format!("one item is not a command; {}", suggest(word, &COMMANDS)));
        } else if !words.insert(word.to_owned()) {
            report.fault(at, &path, "a command is listed twice; remove one");
        }
    }
    Some(words)
}

/// Guard: SQS shows a sender by its unique id and never by an ARN, so a queue with nothing but ARNs beside it would
/// let nobody through, whatever its author believes.
fn check_reached(report: &mut Report, class: &Section<'_>, principals: &[String], queue: Option<&str>) {
    let is_dead = queue.is_some()
        && !principals.is_empty()
        && !principals.iter().any(|principal| is_unique_id(principal));
    if is_dead {
        let problem = "a queue shows its senders by their unique ids, and no principal here is one; add the AROA… or \
                       AIDA… id, or give the queue a class of its own";
        class.fault(report, "queue", problem);
    }
}
