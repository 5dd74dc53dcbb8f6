//! Where a token lies: under the id as typed, in its format's other spellings, or under its SHA-256.

use lethe_domain::token::{RowKey, TenantId, TokenId, token_digest};
use lethe_stages::pinned::Pinned;

use crate::error::CliError;

/// One place where the token may lie, with the form that scans hash.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The row's key.
    pub(crate) key: RowKey,
    /// The canonical id, where it has one of the tenant's formats.
    pub(crate) canonical: Option<Vec<u8>>,
}

/// Every place where a token may lie, the likeliest first.
pub(crate) fn places(tenant: &TenantId, typed: &str, pinned: &Pinned) -> Result<Vec<Place>, CliError> {
    let shards = pinned.tenant(tenant)?.shards;
    let formats = pinned.config.scanned_formats(tenant);
    let mut places: Vec<Place> = Vec::new();
    for spelling in spellings(typed) {
        let token = TokenId::new(spelling).map_err(|error| CliError::BadInput(error.to_string()))?;
        if places.iter().any(|place| place.key.token == token) {
            continue;
        }
        let canonical = formats.iter().find_map(|(_, format)| format.canonical(token.expose()));
        let canonical = canonical.map(|canonical| canonical.as_bytes().to_vec());
        let digest = token_digest(canonical.as_deref().unwrap_or(token.expose().as_bytes()));
        let key = RowKey { tenant: tenant.clone(), shard: shards.shard_of(&digest), token };
        places.push(Place { key, canonical });
    }
    Ok(places)
}

/// The id as typed; a UUID with and without dashes in lower and upper case; and what a bearer token is stored as.
fn spellings(typed: &str) -> Vec<String> {
    let mut spellings = vec![typed.to_owned()];
    if let Some(canonical) = lethe_domain::format::TokenFormat::Uuid.canonical(typed) {
        let plain = String::from_utf8_lossy(canonical.as_bytes()).into_owned();
        let dashed = dashed(&plain);
        spellings.extend([dashed.to_ascii_uppercase(), dashed, plain.to_ascii_uppercase(), plain]);
    }
    spellings.push(hex::encode(token_digest(typed.as_bytes())));
    spellings
}

fn dashed(plain: &str) -> String {
    let mut out = String::with_capacity(36);
    for (at, digit) in plain.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_looked_for_as_typed_and_as_its_hash() {
        let spellings = spellings("tok_a");
        assert_eq!(spellings.len(), 2);
        assert_eq!(spellings[0], "tok_a");
        assert_eq!(spellings[1].len(), 64);
    }

    #[test]
    fn a_uuid_is_looked_for_in_every_spelling() {
        let spellings = spellings("550E8400-e29b-41d4-a716-446655440000");
        assert!(spellings.contains(&"550e8400-e29b-41d4-a716-446655440000".to_owned()));
        assert!(spellings.contains(&"550E8400E29B41D4A716446655440000".to_owned()));
        assert!(spellings.contains(&"550e8400e29b41d4a716446655440000".to_owned()));
    }
}
