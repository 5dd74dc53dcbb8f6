//! Who may say what: which of a tenant's caller classes an identity belongs to, and whether they may send a command.

use crate::config::{CallerClass, TenantConfig};

/// The words of all commands, as `may` lists them; a test of the commands keeps them the same.
pub const COMMANDS: [&str; 13] = [
    "rotated",
    "consumed",
    "logout",
    "device_logout",
    "compromised",
    "revoked",
    "account_deleted",
    "read",
    "created",
    "deleted",
    "hold",
    "release",
    "reinstate",
];

/// The classes of command queues: one queue each, so that the queue's policy says who may send.
pub const QUEUES: [&str; 3] = ["issuer", "tenant", "operator"];

/// What is known about whoever sent a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity<'a> {
    /// An IAM principal that signed a request: its ARN, or the unique id that it is shown by.
    Principal(&'a str),
    /// A message in the queue of a class.
    Queue {
        /// The class of the queue.
        class: &'a str,
        /// The sender that SQS shows: a unique id, for a role with `:` and the session's name.
        sender: Option<&'a str>,
    },
}

impl TenantConfig {
    /// Whether this identity may send this command about the tenant's tokens.
    ///
    /// Guard: without a class that matches the answer is no, so a tenant that lists no callers is commanded by nobody.
    pub fn may(&self, who: &Identity<'_>, command: &str) -> bool {
        self.callers.iter().any(|class| class.may.contains(command) && class.matches(who))
    }
}

impl CallerClass {
    /// Whether this identity belongs to the class.
    pub fn matches(&self, who: &Identity<'_>) -> bool {
        let listed = |shown: &str| self.principals.iter().any(|principal| is_same(principal, shown));
        match *who {
            Identity::Principal(shown) => listed(shown),
            Identity::Queue { class, sender } => {
                self.queue.as_deref() == Some(class)
                    && (self.principals.is_empty() || sender.is_some_and(listed))
            }
        }
    }
}

/// Whether the principal of the config is the one that AWS shows, in any of the forms in which it shows it.
fn is_same(principal: &str, shown: &str) -> bool {
    principal == shown
        || is_session_of(principal, shown)
        || (is_unique_id(principal) && shown.split(':').next() == Some(principal))
}

/// Whether `shown` is a session of the role `arn:P:iam::A:role/[path/]N`: `arn:P:sts::A:assumed-role/N/…`. The path is
/// not shown there; an account has each role name once.
fn is_session_of(role: &str, shown: &str) -> bool {
    let Some((scope, path)) = role.split_once(":role/") else { return false };
    let Some((partition, account)) = scope.split_once(":iam::") else { return false };
    let name = path.rsplit('/').next().unwrap_or(path);
    let session = || {
        let (shown_partition, rest) = shown.split_once(":sts::")?;
        let (shown_account, rest) = rest.split_once(":assumed-role/")?;
        let (shown_name, _) = rest.split_once('/')?;
        Some((shown_partition, shown_account, shown_name))
    };
    !name.is_empty() && session() == Some((partition, account, name))
}

/// Whether this has the form of the unique id of a role or user.
pub fn is_unique_id(text: &str) -> bool {
    let id = text.strip_prefix("AROA").or_else(|| text.strip_prefix("AIDA"));
    id.is_some_and(|id| {
        (12..=124).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
}
