//! Gathers the marks of one part while its bytes are scanned.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::{Mark, MarkHash, MarkKey, PartHeader, file};
use crate::token::{Shard, ShardCount, token_digest};

/// The unique tokens after which a part is full: seven eighths of a power of two, so that the table, which doubles,
/// holds them in about 30 MB.
pub const MAX_MARKS_PER_PART: usize = 7 << 17;

#[derive(Clone, Copy)]
struct Slot {
    count: u64,
    shard: Shard,
}

/// Counts tokens by their keyed hash.
pub struct MarkBuilder {
    key: MarkKey,
    shards: ShardCount,
    slots: HashMap<u64, Slot, BuildHasherDefault<AlreadyHashed>>,
    n_tokens: u64,
}

impl MarkBuilder {
    /// An empty builder for a tenant with this key and so many shards.
    pub fn new(key: MarkKey, shards: ShardCount) -> Self {
        Self { key, shards, slots: HashMap::default(), n_tokens: 0 }
    }

    /// Counts one reference to a token, given in its canonical form.
    pub fn add(&mut self, canonical: &[u8]) {
        self.n_tokens = self.n_tokens.saturating_add(1);
        let shards = self.shards;
        // The shard takes a SHA-256, so it is worked out when a token is first met and never again.
        let new = || Slot { count: 0, shard: shards.shard_of(&token_digest(canonical)) };
        let slot = self.slots.entry(self.key.hash(canonical).0).or_insert_with(new);
        slot.count = slot.count.saturating_add(1);
    }

    /// Whether a token was counted, given in its canonical form.
    pub fn holds(&self, canonical: &[u8]) -> bool {
        self.slots.contains_key(&self.key.hash(canonical).0)
    }

    /// How many references were counted.
    pub fn n_tokens(&self) -> u64 {
        self.n_tokens
    }

    /// How many different tokens there are.
    pub fn n_unique(&self) -> usize {
        self.slots.len()
    }

    /// Whether the part should end here. More can still be added: this bounds memory, not truth.
    pub fn is_full(&self) -> bool {
        MAX_MARKS_PER_PART <= self.slots.len()
    }

    /// The part as a file.
    pub fn encode(self, header: &PartHeader) -> Vec<u8> {
        let mut sections: Vec<Vec<Mark>> = vec![Vec::new(); usize::from(self.shards.get())];
        for (hash, slot) in self.slots {
            if let Some(section) = sections.get_mut(usize::from(slot.shard.0)) {
                section.push(Mark { hash: MarkHash(hash), count: slot.count });
            }
        }
        let mut writer = file::Writer::default();
        for (shard, mut marks) in self.shards.all().zip(sections) {
            marks.sort_unstable_by_key(|mark| mark.hash);
            writer.add_section(shard, &marks);
        }
        writer.finish(header)
    }
}

/// The keys of the table are keyed hashes already: hashing them again would cost time and spread them no better.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
