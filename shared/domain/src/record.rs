//! What the archive keeps of a removed row, and the derived name of the object that holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::fingerprint::Fingerprint;
use crate::policy::Retention;
use crate::row::RowVersion;
use crate::time::{EpochSeconds, date_of};
use crate::token::TenantId;

/// One line of an archive object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArchiveRecord {
    /// Whose token it was; [`UNREADABLE_TENANT`] where the row did not say.
    pub tenant: TenantId,
    /// The row's `sk`: the token.
    pub token: String,
    /// Its kind; empty where the row did not parse.
    pub kind: String,
    /// The row's version at its removal.
    pub version: RowVersion,
    /// Why it left.
    pub reason: Option<String>,
    /// When it left the vault.
    pub removed_at: EpochSeconds,
    /// The whole row as DynamoDB JSON, payload included.
    pub image: serde_json::Value,
}

/// The tenant under which rows are archived whose keys name none.
pub const UNREADABLE_TENANT: &str = "unreadable";

/// Which locked object a record goes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Until its retention ends.
    Kept(Retention),
    /// Under legal hold, until it is released.
    Held,
}

impl Class {
    /// The key prefix, without the slash.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Kept(retention) => retention.prefix(),
            Self::Held => "held",
        }
    }
}

/// The key of the object that holds exactly these records: a retry makes the same key.
///
/// Guard: the tenant is in it. Two tenants may have tokens with the same id and version; the object of the one, taken for
/// that of the other, would leave the other's token without a copy.
pub fn object_key(
    class: Class,
    removed_on: EpochSeconds,
    records: &[(&TenantId, Fingerprint, RowVersion)],
) -> String {
    let mut sorted = records.to_vec();
    sorted.sort_unstable();
    let mut digest = Sha256::new();
    for (tenant, fingerprint, version) in sorted {
        digest.update(tenant.as_str());
        // Ends the name, whose length is open.
        digest.update([0]);
        digest.update(fingerprint.0);
        digest.update(version.0.to_be_bytes());
    }
    format!("{}/{}/{}.ndjson.zst", class.prefix(), date_of(removed_on), hex::encode(digest.finalize()))
}

/// The records' lines, one text a tenant: each becomes a frame of its own, so that a later key can lock it alone.
pub fn lines_by_tenant(records: &[ArchiveRecord]) -> BTreeMap<TenantId, String> {
    let mut texts: BTreeMap<TenantId, String> = BTreeMap::new();
    for record in records {
        let text = texts.entry(record.tenant.clone()).or_default();
        text.push_str(&serde_json::to_string(record).unwrap_or_default());
        text.push('\n');
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_records_in_any_order_make_the_same_key() {
        let [acme, globex] = ["acme", "globex"].map(|name| TenantId::new(name).unwrap());
        let a = (&acme, Fingerprint([1; 16]), RowVersion(5));
        let b = (&acme, Fingerprint([2; 16]), RowVersion(5));
        let class = Class::Kept(Retention::R7);
        let at = EpochSeconds(1_700_000_000);
        assert_eq!(object_key(class, at, &[a, b]), object_key(class, at, &[b, a]));
        assert_ne!(object_key(class, at, &[a]), object_key(class, at, &[a, b]));
        let of_another = (&globex, a.1, a.2);
        assert_ne!(
            object_key(class, at, &[a]),
            object_key(class, at, &[of_another]),
            "another tenant's token"
        );
        assert!(object_key(class, at, &[a]).starts_with("r7/2023-11-14/"));
        assert!(object_key(Class::Held, at, &[a]).starts_with("held/"));
    }
}
