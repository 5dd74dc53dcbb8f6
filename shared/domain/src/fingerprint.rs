//! How the audit names a token without holding it.
//!
//! A fingerprint is `SHA-256(HMAC(K, id) ‖ id)[..16]`. Whoever holds the token and is told its HMAC can check an
//! audit entry without ever learning the key K; whoever holds only the audit learns nothing about any token.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::token::TokenId;

/// A token's name in the audit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 16]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A tenant's secrets: the seed of its marks and the key of its fingerprints.
#[derive(Clone, PartialEq, Eq)]
pub struct TenantKeys {
    /// Seeds the 64-bit hash of marks.
    pub mark_key: u64,
    /// Keys the fingerprints.
    pub fingerprint_key: [u8; 32],
    /// Which key this is; changing it voids candidates.
    pub key_version: u32,
}

impl fmt::Debug for TenantKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantKeys").field("key_version", &self.key_version).finish_non_exhaustive()
    }
}

impl TenantKeys {
    /// The fingerprint of a token.
    pub fn fingerprint(&self, token: &TokenId) -> Fingerprint {
        let keyed = self.hmac(token);
        let digest = Sha256::new().chain_update(keyed).chain_update(token.expose().as_bytes()).finalize();
        let mut fingerprint = [0; 16];
        for (to, from) in fingerprint.iter_mut().zip(digest) {
            *to = from;
        }
        Fingerprint(fingerprint)
    }

    /// The part that a proof may disclose for one token.
    pub fn hmac(&self, token: &TokenId) -> [u8; 32] {
        // HMAC takes keys of any length, so the other branch cannot be reached with 32 bytes.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.fingerprint_key) else { return [0; 32] };
        mac.update(token.expose().as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_the_token_and_on_the_key() {
        let keys = |byte| TenantKeys { mark_key: 1, fingerprint_key: [byte; 32], key_version: 1 };
        let token = |id: &str| TokenId::new(id).unwrap();
        let a = keys(1).fingerprint(&token("tok_a"));
        assert_eq!(a, keys(1).fingerprint(&token("tok_a")));
        assert_ne!(a, keys(1).fingerprint(&token("tok_b")));
        assert_ne!(a, keys(2).fingerprint(&token("tok_a")));
    }

    #[test]
    fn the_disclosed_hmac_and_the_token_prove_the_fingerprint() {
        let keys = TenantKeys { mark_key: 1, fingerprint_key: [7; 32], key_version: 1 };
        let token = TokenId::new("tok_a").unwrap();
        let digest = Sha256::new().chain_update(keys.hmac(&token)).chain_update(b"tok_a").finalize();
        assert_eq!(digest[..16], keys.fingerprint(&token).0);
    }
}
