//! One row of the vault, parsed once and then trusted, and the rule by which readers judge it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::policy::Trigger;
use crate::run::RunId;
use crate::subject::{SubjectRow, is_subject_row};
use crate::time::{EpochMillis, EpochSeconds};
use crate::token::{RowKey, TokenId, token_digest};

/// The row's version: the issue time in milliseconds, one more with every write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowVersion(pub u64);

impl RowVersion {
    /// The version that the next write leaves.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Whether a token is in service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// In service.
    Active,
    /// Out of service, still in the vault.
    Cooling,
}

impl State {
    /// The word that rows carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Cooling => "cooling",
        }
    }
}

/// Where a token stands in its life; `Sentenced` is a cooling row with a `purge_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// In service.
    Active,
    /// Out of service, no date of removal yet.
    Cooling,
    /// Out of service, and it will leave the vault at `purge_at`.
    Sentenced,
}

/// Why a row could not be understood. It names the attribute, never its value.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RowFault {
    /// The keys are not `{tenant}#{shard}` and a token id.
    #[error("its keys are not a tenant's shard and a token id")]
    Keys,
    /// An attribute that every row needs is missing or of another type.
    #[error("a required attribute is missing or of another type")]
    Attributes,
    /// `state`, `isValid`, `reason`, `cooling_since` and `purge_at` contradict each other.
    #[error("its state attributes contradict each other")]
    Contradiction,
}

/// What stands at a place in the vault.
#[derive(Clone, Debug, PartialEq)]
pub enum RowRead {
    /// A token, boxed because it is much larger than the other cases.
    Token(Box<VaultRow>),
    /// A subject row, which no plan touches.
    Subject,
    /// Something else: kept and counted.
    Unreadable(RowFault),
}

/// A token's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultRow {
    /// Where it lives.
    pub key: RowKey,
    /// What kind of token it is.
    pub kind: String,
    /// Whether it is in service.
    pub state: State,
    /// See [`RowVersion`].
    pub version: RowVersion,
    /// When it was issued, or issued again.
    pub created_at: EpochMillis,
    /// When it ends by itself.
    pub expires_at: Option<EpochSeconds>,
    /// When it was last read, to the kind's read granularity.
    pub last_read_at: Option<EpochSeconds>,
    /// When the row leaves the vault.
    pub purge_at: Option<EpochSeconds>,
    /// When lifecycle must look at it next.
    pub due_at: Option<EpochSeconds>,
    /// Why it was taken out of service.
    pub reason: Option<Trigger>,
    /// When it was taken out of service.
    pub cooling_since: Option<EpochSeconds>,
    /// The run that decided last.
    pub run: Option<RunId>,
    /// The fence under which a run wrote last.
    pub fence: Option<u64>,
    /// The config version that decided last.
    pub policy: Option<u64>,
    /// The legal holds on it: one id, or several with a space between them; see [`crate::hold`].
    pub hold: Option<String>,
    /// Who ended it or brought it back, where a person or a caller did.
    pub by: Option<By>,
    /// The budget day whose approval its removal waits for.
    pub waits_for: Option<EpochSeconds>,
    /// When a person gave it back last: released a hold on it, took back a date of its removal or undid its run.
    pub released_at: Option<EpochSeconds>,
    /// Whose it is.
    pub owner: Owner,
}

/// A person or a caller and what they said about what they did. Neither holds a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct By {
    /// The principal's ARN, or the queue that its command came through.
    pub actor: String,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_text: Option<String>,
}

/// Whose a token is; every part is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The person or account.
    pub subject: Option<String>,
    /// The sign-in it belongs to.
    pub session: Option<String>,
    /// The device of that sign-in.
    pub device: Option<String>,
    /// The chain of refresh tokens it belongs to.
    pub family: Option<String>,
    /// The application it was issued to.
    pub client: Option<String>,
}

/// A row as its attributes stand in the table: the one place that knows their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the attributes of VaultRow, documented there")]
pub struct StoredRow {
    pub pk: String,
    pub sk: String,
    pub kind: String,
    pub state: String,
    #[serde(rename = "isValid")]
    pub is_valid: bool,
    pub version: u64,
    pub created_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_read_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purge_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooling_since: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

impl RowRead {
    /// Judges what was stored; `None` when its attributes did not even have the right types.
    pub fn from_stored(stored: Option<StoredRow>) -> Self {
        let Some(stored) = stored else { return Self::Unreadable(RowFault::Attributes) };
        if is_subject_row(Some(&stored.kind), Some(&stored.sk)) {
            return Self::Subject;
        }
        match VaultRow::try_from(stored) {
            Ok(row) => Self::Token(Box::new(row)),
            Err(fault) => Self::Unreadable(fault),
        }
    }

    /// The token's row, where it is one.
    pub fn token(self) -> Option<VaultRow> {
        match self {
            Self::Token(row) => Some(*row),
            Self::Subject | Self::Unreadable(_) => None,
        }
    }
}

impl TryFrom<StoredRow> for VaultRow {
    type Error = RowFault;

    fn try_from(stored: StoredRow) -> Result<Self, RowFault> {
        let key = RowKey::parse(&stored.pk, &stored.sk).ok_or(RowFault::Keys)?;
        let state = match stored.state.as_str() {
            "active" => State::Active,
            "cooling" => State::Cooling,
            _ => return Err(RowFault::Attributes),
        };
        let reason = match stored.reason.as_deref() {
            None => None,
            Some(word) => Some(Trigger::parse(word).ok_or(RowFault::Attributes)?),
        };
        let run = match stored.run {
            None => None,
            Some(id) => Some(RunId::parse(&id).ok_or(RowFault::Attributes)?),
        };
        let row = Self {
            key,
            kind: stored.kind,
            state,
            version: RowVersion(stored.version),
            created_at: EpochMillis(stored.created_at),
            expires_at: stored.expires_at.map(EpochSeconds),
            last_read_at: stored.last_read_at.map(EpochSeconds),
            purge_at: stored.purge_at.map(EpochSeconds),
            due_at: stored.due_at.map(EpochSeconds),
            reason,
            cooling_since: stored.cooling_since.map(EpochSeconds),
            run,
            fence: stored.fence,
            policy: stored.policy,
            hold: stored.hold,
            by: stored.actor.map(|actor| By { actor, reason_text: stored.reason_text }),
            waits_for: stored.waits_for.map(EpochSeconds),
            released_at: stored.released_at.map(EpochSeconds),
            owner: Owner {
                subject: stored.subject,
                session: stored.session,
                device: stored.device,
                family: stored.family,
                client: stored.client,
            },
        };
        if row.is_consistent(stored.is_valid) { Ok(row) } else { Err(RowFault::Contradiction) }
    }
}

impl From<&VaultRow> for StoredRow {
    fn from(row: &VaultRow) -> Self {
        Self {
            pk: row.key.pk(),
            sk: row.key.token.expose().to_owned(),
            kind: row.kind.clone(),
            state: row.state.as_str().to_owned(),
            is_valid: row.state == State::Active,
            version: row.version.0,
            created_at: row.created_at.0,
            expires_at: row.expires_at.map(|at| at.0),
            last_read_at: row.last_read_at.map(|at| at.0),
            purge_at: row.purge_at.map(|at| at.0),
            due_at: row.due_at.map(|at| at.0),
            reason: row.reason.map(|reason| reason.as_str().to_owned()),
            cooling_since: row.cooling_since.map(|at| at.0),
            run: row.run.as_ref().map(ToString::to_string),
            fence: row.fence,
            policy: row.policy,
            hold: row.hold.clone(),
            actor: row.by.as_ref().map(|by| by.actor.clone()),
            reason_text: row.by.as_ref().and_then(|by| by.reason_text.clone()),
            waits_for: row.waits_for.map(|day| day.0),
            released_at: row.released_at.map(|at| at.0),
            subject: row.owner.subject.clone(),
            session: row.owner.session.clone(),
            device: row.owner.device.clone(),
            family: row.owner.family.clone(),
            client: row.owner.client.clone(),
        }
    }
}

impl VaultRow {
    /// Where it stands in its life.
    pub fn phase(&self) -> Phase {
        match (self.state, self.purge_at) {
            (State::Active, _) => Phase::Active,
            (State::Cooling, None) => Phase::Cooling,
            (State::Cooling, Some(_)) => Phase::Sentenced,
        }
    }

    /// The last moment at which somebody is known to have had it: issued or read.
    pub fn last_seen(&self) -> EpochSeconds {
        let created = self.created_at.to_seconds();
        self.last_read_at.map_or(created, |read| read.max(created))
    }

    /// Whether somebody read or re-issued it after it was found unused, without taking it back into service.
    pub fn was_seen_since_cooling(&self) -> bool {
        let may_return = self.reason.is_some_and(Trigger::is_revivable);
        may_return && self.cooling_since.is_some_and(|since| since <= self.last_seen())
    }

    fn is_consistent(&self, is_valid: bool) -> bool {
        match self.state {
            // An active row with a `purge_at` is a known end, which only an expiring token has.
            State::Active => is_valid && (self.purge_at.is_none() || self.expires_at.is_some()),
            State::Cooling => !is_valid && self.reason.is_some() && self.cooling_since.is_some(),
        }
    }
}

/// The read rule: a token is good while it is in service, not expired, and issued after its subject's cut-off.
pub fn is_good(row: &VaultRow, subject: Option<&SubjectRow>, now: EpochSeconds) -> bool {
    row.state == State::Active
        && row.expires_at.is_none_or(|end| now < end)
        && subject
            .and_then(|subject| subject.cutoff_of(&row.kind))
            .is_none_or(|cutoff| cutoff < row.created_at)
}

/// The `due_pk` of a token: which of the `due` index's `due_shards` partitions it waits in.
pub fn due_partition(token: &TokenId, due_shards: u16) -> String {
    let [first, ..] = token_digest(token.expose().as_bytes());
    due_partition_name(u16::from(first).checked_rem(due_shards).unwrap_or(0))
}

/// The name of one partition of the `due` index.
pub fn due_partition_name(partition: u16) -> String {
    format!("due#{partition:02x}")
}

/// Into how many buckets a subject's rows are cut in the `owner` index.
pub const OWNER_BUCKETS: u8 = 8;

/// The bucket of a subject's rows that a token is in.
pub fn owner_bucket(token: &TokenId) -> u8 {
    let [.., last] = token_digest(token.expose().as_bytes());
    last.checked_rem(OWNER_BUCKETS).unwrap_or(0)
}

/// The `owner_pk` of one bucket of a subject's rows.
pub fn owner_partition(tenant: &str, subject: &str, bucket: u8) -> String {
    format!("{tenant}#{subject}#{bucket:x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> StoredRow {
        StoredRow {
            pk: "acme#0001".into(),
            sk: "tok_a".into(),
            kind: "vault".into(),
            state: "active".into(),
            is_valid: true,
            version: 1,
            ..StoredRow::default()
        }
    }

    #[test]
    fn a_row_survives_the_round_trip() {
        let row = VaultRow::try_from(stored()).unwrap();
        assert_eq!(StoredRow::from(&row), stored());
        assert_eq!(row.phase(), Phase::Active);
    }

    #[test]
    fn what_does_not_parse_is_named_by_its_fault() {
        let mut keys = stored();
        keys.pk = "acme".into();
        assert_eq!(VaultRow::try_from(keys), Err(RowFault::Keys));
        let mut state = stored();
        state.state = "dead".into();
        assert_eq!(VaultRow::try_from(state), Err(RowFault::Attributes));
        let mut valid_but_cooling = stored();
        valid_but_cooling.state = "cooling".into();
        assert_eq!(VaultRow::try_from(valid_but_cooling), Err(RowFault::Contradiction));
        let mut no_end = stored();
        no_end.purge_at = Some(9);
        assert_eq!(VaultRow::try_from(no_end), Err(RowFault::Contradiction));
    }

    #[test]
    fn a_subject_row_is_no_token() {
        let mut subject = stored();
        subject.kind = "subject".into();
        assert_eq!(RowRead::from_stored(Some(subject)), RowRead::Subject);
        assert_eq!(RowRead::from_stored(None), RowRead::Unreadable(RowFault::Attributes));
    }

    #[test]
    fn a_token_is_good_until_the_second_it_expires() {
        let mut row = VaultRow::try_from(stored()).unwrap();
        row.expires_at = Some(EpochSeconds(100));
        assert!(is_good(&row, None, EpochSeconds(99)));
        assert!(!is_good(&row, None, EpochSeconds(100)));
    }

    #[test]
    fn a_cutoff_takes_what_was_issued_up_to_its_millisecond() {
        let mut row = VaultRow::try_from(stored()).unwrap();
        row.created_at = EpochMillis(5_000);
        let cut = |at| SubjectRow { cutoff_at: Some(EpochMillis(at)), ..SubjectRow::default() };
        assert!(!is_good(&row, Some(&cut(5_000)), EpochSeconds(6)));
        assert!(is_good(&row, Some(&cut(4_999)), EpochSeconds(6)));
    }
}
