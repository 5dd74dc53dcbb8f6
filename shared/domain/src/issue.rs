//! What an issuer writes: one item, from which everything else follows. Issuers in other languages write the same
//! attributes; `vectors/issue.json` holds cases for them.

use serde::{Deserialize, Serialize};

use crate::lifecycle::next_due;
use crate::policy::{Action, KindPolicy, Trigger};
use crate::row::{
    Owner, RowVersion, State, StoredRow, VaultRow, due_partition, owner_bucket, owner_partition,
};
use crate::time::{EpochMillis, EpochSeconds};
use crate::token::RowKey;

/// A token that is about to be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Where its row goes.
    pub key: RowKey,
    /// Its kind, one of the tenant's.
    pub kind: String,
    /// When it is issued.
    pub created_at: EpochMillis,
    /// When it ends by itself.
    pub expires_at: Option<EpochSeconds>,
    /// Whose it is.
    pub owner: Owner,
}

/// A row as the issuer puts it: its attributes and the keys of the two indexes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IssuedItem {
    /// The row's attributes; the issuer adds its `payload`.
    #[serde(flatten)]
    pub row: StoredRow,
    /// The partition of the `due` index, where lifecycle must look at it one day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_pk: Option<String>,
    /// The partition of the `owner` index, where it has a subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_pk: Option<String>,
    /// Its place there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_sk: Option<String>,
}

/// The item of a new token. Where its end is known it carries `purge_at` from the start, and its end costs no write;
/// a token that may go idle before its end is looked at by lifecycle instead.
pub fn issued_item(token: &NewToken, kind: &KindPolicy, due_shards: u16) -> IssuedItem {
    let mut row = VaultRow {
        key: token.key.clone(),
        kind: token.kind.clone(),
        state: State::Active,
        version: RowVersion(u64::try_from(token.created_at.0).unwrap_or(0)),
        created_at: token.created_at,
        expires_at: token.expires_at,
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
        owner: token.owner.clone(),
    };
    row.purge_at = known_end(&row, kind);
    if row.purge_at.is_none() {
        row.due_at = next_due(&row, kind, token.created_at.to_seconds());
    }
    let (tenant, id) = (&token.key.tenant, &token.key.token);
    let subject = token.owner.subject.as_ref();
    let session = token.owner.session.as_deref().unwrap_or_default();
    IssuedItem {
        due_pk: row.due_at.map(|_| due_partition(id, due_shards)),
        owner_pk: subject.map(|subject| owner_partition(tenant.as_str(), subject, owner_bucket(id))),
        owner_sk: subject.map(|_| format!("{session}#{}", id.expose())),
        row: StoredRow::from(&row),
    }
}

/// When a token leaves the vault, where nothing but its own end can come first.
pub fn known_end(row: &VaultRow, kind: &KindPolicy) -> Option<EpochSeconds> {
    let end = row.expires_at?;
    let rule = kind.rule(Trigger::Expired).filter(|rule| rule.action != Action::Ignore)?;
    // One that may go idle sooner is not left to its end.
    let may_idle = next_due(row, kind, row.last_seen()).is_some_and(|at| at < end);
    (!may_idle).then(|| end.plus(rule.cool_off))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Config;
    use crate::row::RowRead;
    use crate::token::{ShardCount, TenantId, TokenId, token_digest};

    /// One case for issuers in other languages.
    #[derive(Serialize, Deserialize)]
    struct Vector {
        name: String,
        tenant: String,
        shards: u16,
        due_shards: u16,
        kind: String,
        token: String,
        created_at_ms: i64,
        expires_at: Option<i64>,
        cool_off_seconds: u64,
        idle_after_seconds: Option<u64>,
        read_granularity_seconds: u64,
        #[serde(default)]
        owner: Owner,
        item: IssuedItem,
    }

    fn kind(vector: &Vector) -> KindPolicy {
        let text = include_str!("../../../lethe.example.toml");
        let mut kind = Config::parse(text).unwrap().kinds["access"].clone();
        kind.idle_after = vector.idle_after_seconds.map(Duration::from_secs);
        kind.read_granularity = Duration::from_secs(vector.read_granularity_seconds);
        kind.rules.get_mut(&Trigger::Expired).unwrap().cool_off =
            Duration::from_secs(vector.cool_off_seconds);
        kind
    }

    fn issued(vector: &Vector) -> IssuedItem {
        let token = TokenId::new(vector.token.clone()).unwrap();
        let shards = ShardCount::new(vector.shards).unwrap();
        let shard = shards.shard_of(&token_digest(token.expose().as_bytes()));
        let new = NewToken {
            key: RowKey { tenant: TenantId::new(vector.tenant.clone()).unwrap(), shard, token },
            kind: vector.kind.clone(),
            created_at: EpochMillis(vector.created_at_ms),
            expires_at: vector.expires_at.map(EpochSeconds),
            owner: vector.owner.clone(),
        };
        issued_item(&new, &kind(vector), vector.due_shards)
    }

    #[test]
    fn the_vectors_for_other_languages_hold() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../vectors/issue.json")).unwrap();
        assert!(5 <= vectors.len());
        for vector in vectors {
            let item = issued(&vector);
            assert_eq!(item, vector.item, "{}: {}", vector.name, serde_json::to_string(&item).unwrap());
            assert!(matches!(RowRead::from_stored(Some(item.row)), RowRead::Token(_)), "{}", vector.name);
        }
    }
}
