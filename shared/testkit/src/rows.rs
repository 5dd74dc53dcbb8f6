//! Builds vault rows for tests: what is not said is the dullest possible, an old active token that nobody reads.

use std::time::Duration;

use lethe_domain::policy::Trigger;
use lethe_domain::row::{By, Owner, RowVersion, State, VaultRow};
use lethe_domain::run::RunId;
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::{RowKey, TokenId};
use serde_json::json;

use crate::clock::START;
use crate::item::{Item, item_of};
use crate::sample::{DUE_SHARDS, SHARDS};
use crate::tokens::key;

/// When a built row's token was issued, unless its test says otherwise: 100 days before the clock's start.
pub const LONG_AGO: EpochSeconds = EpochSeconds(START.0 - 100 * 86_400);

/// A row in the making.
#[derive(Clone, Debug)]
pub struct RowBuilder {
    row: VaultRow,
    payload: Option<String>,
    due_shards: u16,
}

/// An active row of kind `vault` in the sample's shards.
pub fn row(tenant: &str, token: &TokenId) -> RowBuilder {
    RowBuilder {
        row: VaultRow {
            key: key(tenant, token, SHARDS),
            kind: "vault".to_owned(),
            state: State::Active,
            version: version_at(LONG_AGO),
            created_at: LONG_AGO.to_millis(),
            expires_at: None,
            last_read_at: None,
            purge_at: None,
            due_at: None,
            reason: None,
            cooling_since: None,
            run: None,
            fence: None,
            policy: None,
            hold: None,
            by: None,
            waits_for: None,
            released_at: None,
            owner: Owner::default(),
        },
        payload: Some("sealed".to_owned()),
        due_shards: DUE_SHARDS,
    }
}

impl RowBuilder {
    /// In one of so many shards instead of the sample's.
    #[must_use]
    pub fn shards(mut self, shards: u16) -> Self {
        self.row.key = key(self.row.key.tenant.as_str(), &self.row.key.token, shards);
        self
    }

    /// Of another kind.
    #[must_use]
    pub fn kind(mut self, kind: &str) -> Self {
        kind.clone_into(&mut self.row.kind);
        self
    }

    /// Issued then, and its version with it.
    #[must_use]
    pub fn created_at(mut self, at: EpochSeconds) -> Self {
        self.row.created_at = at.to_millis();
        self.row.version = version_at(at);
        self
    }

    /// At this version.
    #[must_use]
    pub fn version(mut self, version: u64) -> Self {
        self.row.version = RowVersion(version);
        self
    }

    /// Last read then.
    #[must_use]
    pub fn read_at(mut self, at: EpochSeconds) -> Self {
        self.row.last_read_at = Some(at);
        self
    }

    /// Ends by itself then.
    #[must_use]
    pub fn expires_at(mut self, at: EpochSeconds) -> Self {
        self.row.expires_at = Some(at);
        self
    }

    /// Lifecycle looks at it then.
    #[must_use]
    pub fn due_at(mut self, at: EpochSeconds) -> Self {
        self.row.due_at = Some(at);
        self
    }

    /// Leaves the vault then; with an end of its own and still active it has a known end.
    #[must_use]
    pub fn purge_at(mut self, at: EpochSeconds) -> Self {
        self.row.purge_at = Some(at);
        self
    }

    /// A known end, as an issuer writes it: it expires then and leaves the vault so much later.
    #[must_use]
    pub fn known_end(self, expires_at: EpochSeconds, cool_off: Duration) -> Self {
        self.expires_at(expires_at).purge_at(expires_at.plus(cool_off))
    }

    /// Out of service since then.
    #[must_use]
    pub fn cooling(mut self, reason: Trigger, since: EpochSeconds) -> Self {
        self.row.state = State::Cooling;
        self.row.reason = Some(reason);
        self.row.cooling_since = Some(since);
        self.row.version = self.row.version.next();
        self
    }

    /// Written last by this run under this fence.
    #[must_use]
    pub fn decided_by(mut self, run: &str, fence: u64, policy: u64) -> Self {
        self.row.run = RunId::parse(run);
        self.row.fence = Some(fence);
        self.row.policy = Some(policy);
        self
    }

    /// Ended or brought back by this person or caller.
    #[must_use]
    pub fn by(mut self, actor: &str, reason_text: Option<&str>) -> Self {
        let reason_text = reason_text.map(str::to_owned);
        self.row.by = Some(By { actor: actor.to_owned(), reason_text });
        self
    }

    /// Its removal waits for the approval of that day's budget.
    #[must_use]
    pub fn waits_for(mut self, day: EpochSeconds) -> Self {
        self.row.waits_for = Some(day);
        self
    }

    /// Under this legal hold, or under several with a space between them.
    #[must_use]
    pub fn hold(mut self, hold: &str) -> Self {
        self.row.hold = Some(hold.to_owned());
        self
    }

    /// A subject's.
    #[must_use]
    pub fn subject(mut self, subject: &str) -> Self {
        self.row.owner.subject = Some(subject.to_owned());
        self
    }

    /// Of a sign-in.
    #[must_use]
    pub fn session(mut self, session: &str) -> Self {
        self.row.owner.session = Some(session.to_owned());
        self
    }

    /// Of a device.
    #[must_use]
    pub fn device(mut self, device: &str) -> Self {
        self.row.owner.device = Some(device.to_owned());
        self
    }

    /// Of a chain of refresh tokens.
    #[must_use]
    pub fn family(mut self, family: &str) -> Self {
        self.row.owner.family = Some(family.to_owned());
        self
    }

    /// Issued to an application.
    #[must_use]
    pub fn client(mut self, client: &str) -> Self {
        self.row.owner.client = Some(client.to_owned());
        self
    }

    /// With this payload.
    #[must_use]
    pub fn payload(mut self, payload: &str) -> Self {
        self.payload = Some(payload.to_owned());
        self
    }

    /// Where it lives.
    pub fn key(&self) -> RowKey {
        self.row.key.clone()
    }

    /// The row.
    pub fn build(&self) -> VaultRow {
        self.row.clone()
    }

    /// The attributes, payload included.
    pub fn item(&self) -> Item {
        let mut item = item_of(&self.row, self.due_shards);
        if let Some(payload) = &self.payload {
            item.insert("payload".to_owned(), json!({ "S": payload }));
        }
        item
    }
}

impl From<RowBuilder> for Item {
    fn from(builder: RowBuilder) -> Self {
        builder.item()
    }
}

impl From<&RowBuilder> for Item {
    fn from(builder: &RowBuilder) -> Self {
        builder.item()
    }
}

fn version_at(at: EpochSeconds) -> RowVersion {
    RowVersion(u64::try_from(at.to_millis().0).unwrap_or(0))
}
