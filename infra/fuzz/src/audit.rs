//! Packed entries of an audit item: what the operator's command reads back.

use lethe_domain::audit::{ENTRY_BYTES, Entry, Standing, pack, unpack};
use lethe_domain::fingerprint::Fingerprint;
use lethe_domain::policy::Trigger;
use lethe_domain::row::RowVersion;

/// What unpacks is what was packed, byte by byte.
pub fn run(data: &[u8]) {
    let Some(entries) = unpack(data) else { return };
    assert_eq!(entries.len() * ENTRY_BYTES, data.len());
    assert_eq!(pack(&entries), data);
}

/// One entry for each reason, and none.
pub fn seeds() -> Vec<Vec<u8>> {
    let entry = |reason| Entry {
        fingerprint: Fingerprint([0xab; 16]),
        version: RowVersion(1_800_000_000_000),
        from: Standing::Active,
        to: Standing::Cooling,
        reason,
    };
    let all: Vec<Entry> = Trigger::ALL.into_iter().map(Some).chain([None]).map(entry).collect();
    vec![Vec::new(), pack(&all[..1]), pack(&all)]
}
