//! Tokens for tests: valid ones of the sample's `card` format, each from a number.

use lethe_domain::format::Alphabet;
use lethe_domain::token::{RowKey, ShardCount, TenantId, TokenId, token_digest};

const PREFIX: &str = "tok_";
/// Characters between the prefix and the check character.
const BODY_CHARACTERS: usize = 23;

/// The token with this number: `tok_`, 23 base36 characters and a Luhn check character.
pub fn token(seed: u64) -> TokenId {
    let symbols = Alphabet::Base36.symbols();
    let digest = token_digest(&seed.to_be_bytes());
    let body: Vec<u8> =
        digest.iter().take(BODY_CHARACTERS).map(|byte| symbols[usize::from(*byte) % symbols.len()]).collect();
    let check = Alphabet::Base36.luhn_check(&body).unwrap();
    let text = String::from_utf8([PREFIX.as_bytes(), &body, &[check]].concat()).unwrap();
    TokenId::new(text).unwrap()
}

/// A token with this id, valid or not.
pub fn token_named(id: &str) -> TokenId {
    TokenId::new(id).unwrap()
}

/// A tenant's name.
pub fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

/// Where a token of a tenant with so many shards lives. Of a UUID the canonical form decides.
pub fn key(tenant_name: &str, token: &TokenId, shards: u16) -> RowKey {
    let id = token.expose();
    let is_uuid = id.len() == 36 && id.matches('-').count() == 4;
    let canonical = if is_uuid { id.replace('-', "").to_ascii_lowercase() } else { id.to_owned() };
    let shard = ShardCount::new(shards).unwrap().shard_of(&token_digest(canonical.as_bytes()));
    RowKey { tenant: tenant(tenant_name), shard, token: token.clone() }
}

#[cfg(test)]
mod tests {
    use lethe_domain::format::{Checksum, TokenFormat};

    use super::*;

    #[test]
    fn every_number_makes_another_valid_token() {
        let card = TokenFormat::pattern(PREFIX, Alphabet::Base36, 24, Some(Checksum::Luhn)).unwrap();
        let tokens: std::collections::BTreeSet<_> = (0..500).map(token).collect();
        assert_eq!(tokens.len(), 500);
        for token in tokens {
            assert!(card.canonical(token.expose()).is_some());
        }
    }
}
