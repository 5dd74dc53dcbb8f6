//! Who a token is: its tenant, its id, and the place in the vault that both give it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Why a name was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NameError {
    /// A tenant name is part of keys, paths and metrics, so its alphabet is small.
    #[error("a tenant name has 1 to 64 of a-z, 0-9 and '-'")]
    Tenant,
    /// Subject rows live beside tokens; a token must not pass for one.
    #[error("a token id is 1 to 1024 bytes long and does not start with 'subject#'")]
    Token,
    /// See [`ShardCount`].
    #[error("a shard count is a power of two from 1 to 4096")]
    ShardCount,
}

/// The name of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

impl TenantId {
    /// Checks and takes a name.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 64 || !name.chars().all(good) {
            return Err(NameError::Tenant);
        }
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TenantId {
    type Error = NameError;
    fn try_from(name: String) -> Result<Self, NameError> {
        Self::new(name)
    }
}

impl From<TenantId> for String {
    fn from(tenant: TenantId) -> Self {
        tenant.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The prefix of subject rows, refused for token ids.
pub const SUBJECT_PREFIX: &str = "subject#";

/// A token id as the vault stores it (`sk`). It is a secret: neither `Debug` nor an error shows it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenId(String);

impl TokenId {
    /// Checks and takes an id.
    pub fn new(id: impl Into<String>) -> Result<Self, NameError> {
        let id = id.into();
        if id.is_empty() || id.len() > 1024 || id.starts_with(SUBJECT_PREFIX) {
            return Err(NameError::Token);
        }
        Ok(Self(id))
    }

    /// The secret itself, for keys, hashing and the archive only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TokenId {
    type Error = NameError;
    fn try_from(id: String) -> Result<Self, NameError> {
        Self::new(id)
    }
}

impl From<TokenId> for String {
    fn from(token: TokenId) -> Self {
        token.0
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenId(secret)")
    }
}

/// SHA-256 of a canonical token id; its leading bits choose the shard.
pub fn token_digest(canonical: &[u8]) -> [u8; 32] {
    Sha256::digest(canonical).into()
}

/// Into how many shards a tenant's rows are cut: a power of two from 1 to 4096, fixed for life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct ShardCount(u16);

impl ShardCount {
    /// Checks and takes a count.
    pub fn new(count: u16) -> Result<Self, NameError> {
        if count.is_power_of_two() && count <= 4096 { Ok(Self(count)) } else { Err(NameError::ShardCount) }
    }

    /// How many shards there are.
    pub fn get(self) -> u16 {
        self.0
    }

    /// All shards, from 0.
    pub fn all(self) -> impl Iterator<Item = Shard> {
        (0..self.0).map(Shard)
    }

    /// The shard of a token with this digest: its leading bits.
    pub fn shard_of(self, digest: &[u8; 32]) -> Shard {
        let [first, second, ..] = *digest;
        let leading = u32::from(u16::from_be_bytes([first, second]));
        let bits = self.0.trailing_zeros();
        let shard = leading.checked_shr(16_u32.saturating_sub(bits)).unwrap_or(0);
        Shard(u16::try_from(shard).unwrap_or(0))
    }
}

impl TryFrom<u16> for ShardCount {
    type Error = NameError;
    fn try_from(count: u16) -> Result<Self, NameError> {
        Self::new(count)
    }
}

impl From<ShardCount> for u16 {
    fn from(count: ShardCount) -> Self {
        count.0
    }
}

/// One shard of a tenant's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shard(pub u16);

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

/// Where a row lives in the vault: `pk` is `{tenant}#{shard:04x}`, `sk` the token id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The tenant that the token belongs to.
    pub tenant: TenantId,
    /// The shard that the row lies in.
    pub shard: Shard,
    /// The token.
    pub token: TokenId,
}

impl RowKey {
    /// The vault's partition key of this row.
    pub fn pk(&self) -> String {
        partition(&self.tenant, self.shard)
    }

    /// Reads a partition key and a sort key back; `None` when either does not have the form above.
    pub fn parse(pk: &str, sk: &str) -> Option<Self> {
        let (tenant, shard) = pk.rsplit_once('#')?;
        // Guard: one shard has one name. Under another the row is at a place that nobody would find it at again.
        let is_name =
            shard.len() == 4 && shard.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let shard = u16::from_str_radix(shard, 16).ok().filter(|_| is_name)?;
        Some(Self { tenant: TenantId::new(tenant).ok()?, shard: Shard(shard), token: TokenId::new(sk).ok()? })
    }
}

/// The vault's partition key of one tenant's shard.
pub fn partition(tenant: &TenantId, shard: Shard) -> String {
    format!("{tenant}#{shard}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_shard_holds_every_token() {
        let count = ShardCount::new(1).unwrap();
        assert_eq!(count.shard_of(&[0xff; 32]), Shard(0));
    }

    #[test]
    fn the_leading_bits_choose_the_shard() {
        let mut digest = [0; 32];
        digest[0] = 0b1010_0000;
        assert_eq!(ShardCount::new(8).unwrap().shard_of(&digest), Shard(0b101));
        assert_eq!(ShardCount::new(4096).unwrap().shard_of(&digest), Shard(0b1010_0000_0000));
    }

    #[test]
    fn a_shard_count_is_a_power_of_two_up_to_4096() {
        for bad in [0, 3, 6, 8192] {
            assert_eq!(ShardCount::new(bad), Err(NameError::ShardCount), "{bad}");
        }
    }

    #[test]
    fn a_key_reads_back_and_a_malformed_one_does_not() {
        let key = RowKey {
            tenant: TenantId::new("acme").unwrap(),
            shard: Shard(0x1f),
            token: TokenId::new("tok_a").unwrap(),
        };
        assert_eq!(RowKey::parse(&key.pk(), "tok_a"), Some(key));
        for (pk, sk) in
            [("acme", "tok"), ("acme#1f", "tok"), ("Acme#001f", "tok"), ("acme#001f", "subject#1")]
        {
            assert_eq!(RowKey::parse(pk, sk), None, "{pk} {sk}");
        }
        for shard in ["001F", "+01f", "-001", "0x1f", "00 1"] {
            assert_eq!(RowKey::parse(&format!("acme#{shard}"), "tok"), None, "{shard}");
        }
    }

    #[test]
    fn a_token_never_shows_itself() {
        assert_eq!(format!("{:?}", TokenId::new("tok_secret").unwrap()), "TokenId(secret)");
    }
}
