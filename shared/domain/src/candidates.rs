//! The candidate list: which tokens earlier runs missed, and how often. It lives in the work bucket and never on the
//! row, so that a token which survives costs no write.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

use crate::time::EpochSeconds;

/// What is remembered about a missed token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// How many runs in a row missed it.
    pub strikes: u8,
    /// When the scan of the first of them began.
    pub first_scan_at: EpochSeconds,
}

/// Why a list cannot be used. Its tokens start again without strikes, which keeps them longer.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the candidate list is cut short or damaged")]
pub struct DamagedList;

const MAGIC: &[u8; 8] = b"lethecn1";
const ENTRY: usize = 17;

/// Writes a list; entries must be sorted by hash.
pub fn encode(entries: &[(u64, Candidate)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len().saturating_mul(ENTRY).saturating_add(16));
    out.extend_from_slice(MAGIC);
    for (hash, candidate) in entries {
        out.extend_from_slice(&hash.to_be_bytes());
        out.push(candidate.strikes);
        out.extend_from_slice(&candidate.first_scan_at.0.to_be_bytes());
    }
    let checksum = xxh3_64(&out);
    out.extend_from_slice(&checksum.to_be_bytes());
    out
}

/// Reads a list.
pub fn decode(bytes: &[u8]) -> Result<Vec<(u64, Candidate)>, DamagedList> {
    let (body, checksum) = bytes.split_last_chunk::<8>().ok_or(DamagedList)?;
    if xxh3_64(body) != u64::from_be_bytes(*checksum) {
        return Err(DamagedList);
    }
    let entries = body.strip_prefix(MAGIC).ok_or(DamagedList)?;
    let (entries, rest) = entries.as_chunks::<ENTRY>();
    if !rest.is_empty() {
        return Err(DamagedList);
    }
    entries.iter().map(|entry| decode_entry(entry).ok_or(DamagedList)).collect()
}

fn decode_entry(entry: &[u8; ENTRY]) -> Option<(u64, Candidate)> {
    let (hash, rest) = entry.split_first_chunk::<8>()?;
    let (strikes, first_scan_at) = rest.split_first()?;
    let first_scan_at = EpochSeconds(i64::from_be_bytes(first_scan_at.try_into().ok()?));
    Some((u64::from_be_bytes(*hash), Candidate { strikes: *strikes, first_scan_at }))
}

/// The entry of a hash in a sorted list.
pub fn find(entries: &[(u64, Candidate)], hash: u64) -> Option<&Candidate> {
    let at = entries.binary_search_by_key(&hash, |(hash, _)| *hash).ok()?;
    entries.get(at).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Vec<(u64, Candidate)> {
        vec![
            (3, Candidate { strikes: 1, first_scan_at: EpochSeconds(100) }),
            (9, Candidate { strikes: 2, first_scan_at: EpochSeconds(50) }),
        ]
    }

    #[test]
    fn a_list_reads_back_and_an_empty_one_too() {
        assert_eq!(decode(&encode(&[])), Ok(vec![]));
        assert_eq!(decode(&encode(&list())), Ok(list()));
        assert_eq!(find(&list(), 9).map(|candidate| candidate.strikes), Some(2));
        assert_eq!(find(&list(), 4), None);
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_seen() {
        let whole = encode(&list());
        for cut in 0..whole.len() {
            assert_eq!(decode(&whole[..cut]), Err(DamagedList), "cut at {cut}");
            let mut flipped = whole.clone();
            flipped[cut] ^= 1;
            assert_eq!(decode(&flipped), Err(DamagedList), "flipped at {cut}");
        }
    }
}
