//! Canaries: tokens whose fate is known beforehand, so that a scan can be asked whether it still tells the living from
//! the dead.
//!
//! A live canary is a token that the tenant keeps in one of its stores: a scan that does not see it there did not see
//! that store. A dead canary is a token that nobody was ever given: a scan that sees it takes everything for alive.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::fingerprint::TenantKeys;
use crate::format::{Canonical, TokenFormat};
use crate::row::{Owner, RowVersion, State, VaultRow};
use crate::run::RunId;
use crate::time::EpochSeconds;
use crate::token::{RowKey, SUBJECT_PREFIX, Shard, ShardCount, TenantId, TokenId, token_digest};

/// The kind of a live canary's row. No kind of a config may have this name, so that no policy ever decides over one.
pub const CANARY_KIND: &str = "canary";

/// A format with fewer ids than this for each pair of shards has no dead canaries: one could be a real token by chance.
const FEWEST_IDS: u128 = 1 << 40;

/// How often an id is drawn until one lies in a shard, in multiples of the shards: enough that only a format which has
/// no id there fails.
const DRAWS_PER_SHARD: u32 = 64;

/// The live canaries of one source, one of each format that the tenant's stores are scanned for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// The source, as the config names it.
    pub source: String,
    /// When an operator planted it.
    pub planted_at: EpochSeconds,
    /// Which operator (principal ARN).
    pub planted_by: String,
    /// The tokens.
    pub tokens: Vec<CanaryToken>,
}

/// One token of a live canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryToken {
    /// The format that it was made of, as the config named it then.
    pub format: String,
    /// The token.
    pub token: TokenId,
    /// The shard that its row lies in.
    pub shard: Shard,
}

impl Canary {
    /// The rows of its tokens: in service, of a kind of their own, and nobody's.
    pub fn rows(&self, tenant: &TenantId) -> impl Iterator<Item = VaultRow> {
        self.tokens.iter().map(|canary| {
            let (tenant, token) = (tenant.clone(), canary.token.clone());
            row_of(RowKey { tenant, shard: canary.shard, token }, self.planted_at)
        })
    }
}

fn row_of(key: RowKey, planted_at: EpochSeconds) -> VaultRow {
    let created_at = planted_at.to_millis();
    VaultRow {
        key,
        kind: CANARY_KIND.to_owned(),
        state: State::Active,
        version: RowVersion(u64::try_from(created_at.0).unwrap_or(0)),
        created_at,
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
    }
}

/// The live canary of a source: derived from the tenant's keys, so that a repeated attempt makes the same one.
pub fn live_canary(
    keys: &TenantKeys,
    source: &str,
    (formats, shards): (&[(&str, &TokenFormat)], ShardCount),
    (planted_at, planted_by): (EpochSeconds, &str),
) -> Canary {
    let at = planted_at.0.to_string();
    let token_of = |(name, format): &(&str, &TokenFormat)| {
        let id = format.id_of(&seed(keys, &["live", source, name, &at]));
        let shard = shards.shard_of(&token_digest(format.canonical(&id)?.as_bytes()));
        Some(CanaryToken { format: (*name).to_owned(), token: TokenId::new(id).ok()?, shard })
    };
    Canary {
        source: source.to_owned(),
        planted_at,
        planted_by: planted_by.to_owned(),
        tokens: formats.iter().filter_map(token_of).collect(),
    }
}

/// The dead canary of a shard, another one in each run; `None` when the format has so few ids that it could be a real
/// token, or has none in that shard.
pub fn dead_canary(
    keys: &TenantKeys,
    run: &RunId,
    (name, format): (&str, &TokenFormat),
    (shard, shards): (Shard, ShardCount),
) -> Option<Canonical> {
    let n_shards = u128::from(shards.get());
    if format.n_ids() < FEWEST_IDS.saturating_mul(n_shards).saturating_mul(n_shards) {
        return None;
    }
    let (run, place) = (run.to_string(), shard.to_string());
    let n_draws = u32::from(shards.get()).saturating_mul(DRAWS_PER_SHARD);
    let mut drawn = (0..n_draws).filter_map(|draw| {
        let id = format.id_of(&seed(keys, &["dead", &run, name, &place, &draw.to_string()]));
        format.canonical(&id)
    });
    drawn.find(|canonical| shards.shard_of(&token_digest(canonical.as_bytes())) == shard)
}

/// What a canary is made from. No token's id begins like this label, so it is no HMAC that a proof could disclose.
fn seed(keys: &TenantKeys, label: &[&str]) -> [u8; 32] {
    // HMAC takes keys of any length, so the other branch cannot be reached with 32 bytes.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&keys.fingerprint_key) else { return [0; 32] };
    mac.update(SUBJECT_PREFIX.as_bytes());
    mac.update(CANARY_KIND.as_bytes());
    for part in label {
        // The length first, so that two labels never run into the same bytes.
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::format::{Alphabet, Checksum};

    const NOW: EpochSeconds = EpochSeconds(1_800_000_000);

    fn keys(byte: u8) -> TenantKeys {
        TenantKeys { mark_key: 1, fingerprint_key: [byte; 32], key_version: 1 }
    }

    fn card() -> TokenFormat {
        TokenFormat::pattern("tok_", Alphabet::Base36, 24, Some(Checksum::Luhn)).unwrap()
    }

    fn run(ordinal: u8) -> RunId {
        RunId { slot: NOW, ordinal }
    }

    #[test]
    fn a_dead_canary_lies_in_its_shard_and_is_another_in_each_run() {
        for n_shards in [1, 2, 64] {
            let shards = ShardCount::new(n_shards).unwrap();
            let mut seen = BTreeSet::new();
            for shard in shards.all() {
                for ordinal in [1, 2] {
                    let canary =
                        dead_canary(&keys(1), &run(ordinal), ("card", &card()), (shard, shards)).unwrap();
                    assert_eq!(shards.shard_of(&token_digest(canary.as_bytes())), shard);
                    assert!(seen.insert(canary));
                }
            }
            assert_eq!(seen.len(), 2 * usize::from(n_shards));
        }
    }

    #[test]
    fn a_dead_canary_is_derived_from_the_tenants_key() {
        let place = (Shard(0), ShardCount::new(1).unwrap());
        let of = |byte| dead_canary(&keys(byte), &run(1), ("card", &card()), place);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn a_format_with_few_ids_has_no_dead_canary() {
        let digits = |length| TokenFormat::pattern("t", Alphabet::Digits, length, None).unwrap();
        let of = |length, n_shards| {
            let place = (Shard(0), ShardCount::new(n_shards).unwrap());
            dead_canary(&keys(1), &run(1), ("card", &digits(length)), place).is_some()
        };
        // 10^12 is below 2^40, 10^13 above it; four shards ask for sixteen times as many.
        assert_eq!([of(12, 1), of(13, 1), of(13, 4), of(14, 4)], [false, true, false, true]);
    }

    #[test]
    fn a_live_canary_has_a_token_of_each_format_and_its_source_alone() {
        let (card, shards) = (card(), ShardCount::new(64).unwrap());
        let planted = |source| {
            let formats = [("card", &card), ("id", &TokenFormat::Uuid)];
            live_canary(&keys(1), source, (&formats, shards), (NOW, "arn:ops"))
        };
        let (orders, lake) = (planted("orders"), planted("lake"));
        assert_eq!(orders, planted("orders"), "a repeated attempt makes the same one");
        for (canary, format) in orders.tokens.iter().zip([&card, &TokenFormat::Uuid]) {
            let canonical = format.canonical(canary.token.expose()).unwrap();
            assert_eq!(shards.shard_of(&token_digest(canonical.as_bytes())), canary.shard);
        }
        assert!(orders.tokens.iter().zip(&lake.tokens).all(|(one, other)| one.token != other.token));
    }

    #[test]
    fn a_canarys_row_is_in_service_nobodys_and_due_never() {
        let formats = [("card", &card())];
        let shards = ShardCount::new(1).unwrap();
        let canary = live_canary(&keys(1), "lake", (&formats, shards), (NOW, "arn:ops"));
        let [row] = &canary.rows(&TenantId::new("acme").unwrap()).collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!(
            (row.kind.as_str(), row.state, row.due_at, row.purge_at),
            (CANARY_KIND, State::Active, None, None)
        );
        assert_eq!((&row.key.token, &row.owner), (&canary.tokens[0].token, &Owner::default()));
    }

    #[test]
    fn a_seed_is_no_tokens_hmac() {
        assert!(TokenId::new(format!("{SUBJECT_PREFIX}{CANARY_KIND}")).is_err());
    }
}
