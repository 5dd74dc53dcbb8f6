//! The audit's items: what happened to which tokens, packed, without a token in them.
//!
//! One item holds the entries of one stream batch, tenant, bucket and event. Its sort key comes from the batch's
//! first record and from what the item says: a retry makes the same item, a batch cut at another place one more.
//! Whoever replays folds by (fingerprint, version).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::approval::Principal;
use crate::fingerprint::Fingerprint;
use crate::pause::{Pause, Reach};
use crate::policy::Trigger;
use crate::row::{Phase, RowVersion};
use crate::run::Run;
use crate::time::{EpochMillis, EpochSeconds, hour_of};
use crate::token::TenantId;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the word of the design's dictionary")]
pub enum Event {
    RunOpened,
    RunSealed,
    RunVoid,
    Gated,
    Approved,
    Accepted,
    Applied,
    PolicyChanged,
    Paused,
    Resumed,
    Undone,
    Cooled,
    Sentenced,
    Reinstated,
    Archived,
    Purged,
    Erased,
    OutOfBand,
    Held,
    Released,
    Refused,
}

impl Event {
    /// The word in the audit.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RunOpened => "run_opened",
            Self::RunSealed => "run_sealed",
            Self::RunVoid => "run_void",
            Self::Gated => "gated",
            Self::Approved => "approved",
            Self::Accepted => "accepted",
            Self::Applied => "applied",
            Self::PolicyChanged => "policy_changed",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Undone => "undone",
            Self::Cooled => "cooled",
            Self::Sentenced => "sentenced",
            Self::Reinstated => "reinstated",
            Self::Archived => "archived",
            Self::Purged => "purged",
            Self::Erased => "erased",
            Self::OutOfBand => "out_of_band",
            Self::Held => "held",
            Self::Released => "released",
            Self::Refused => "refused",
        }
    }
}

/// Where a token stood, as one byte of an entry. The numbers never change meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words of the design's dictionary")]
pub enum Standing {
    None,
    Active,
    Cooling,
    Sentenced,
    Archived,
    Purged,
    Erased,
}

impl Standing {
    const ALL: [Self; 7] = [
        Self::None,
        Self::Active,
        Self::Cooling,
        Self::Sentenced,
        Self::Archived,
        Self::Purged,
        Self::Erased,
    ];

    fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Active => 1,
            Self::Cooling => 2,
            Self::Sentenced => 3,
            Self::Archived => 4,
            Self::Purged => 5,
            Self::Erased => 6,
        }
    }

    /// The word that people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "unknown",
            Self::Active => "active",
            Self::Cooling => "cooling",
            Self::Sentenced => "sentenced",
            Self::Archived => "archived",
            Self::Purged => "purged",
            Self::Erased => "erased",
        }
    }
}

impl From<Phase> for Standing {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Active => Self::Active,
            Phase::Cooling => Self::Cooling,
            Phase::Sentenced => Self::Sentenced,
        }
    }
}

/// What one item says of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which token.
    pub fingerprint: Fingerprint,
    /// The row's version after the change, or at its removal.
    pub version: RowVersion,
    /// Where it stood.
    pub from: Standing,
    /// Where it stands now.
    pub to: Standing,
    /// Why.
    pub reason: Option<Trigger>,
}

/// The bytes of one packed entry.
pub const ENTRY_BYTES: usize = 27;

/// Packs entries: fingerprint 16, version 8 (big endian), from 1, to 1, reason 1.
pub fn pack(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len().saturating_mul(ENTRY_BYTES));
    for entry in entries {
        out.extend_from_slice(&entry.fingerprint.0);
        out.extend_from_slice(&entry.version.0.to_be_bytes());
        out.extend_from_slice(&[entry.from.code(), entry.to.code(), reason_code(entry.reason)]);
    }
    out
}

/// Unpacks entries; `None` when the bytes are not whole entries with known codes.
pub fn unpack(bytes: &[u8]) -> Option<Vec<Entry>> {
    let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() {
        return None;
    }
    entries.iter().map(unpack_one).collect()
}

fn unpack_one(bytes: &[u8; ENTRY_BYTES]) -> Option<Entry> {
    let (fingerprint, rest) = bytes.split_first_chunk::<16>()?;
    let (version, rest) = rest.split_first_chunk::<8>()?;
    let [from, to, reason] = *rest else { return None };
    Some(Entry {
        fingerprint: Fingerprint(*fingerprint),
        version: RowVersion(u64::from_be_bytes(*version)),
        from: Standing::ALL.get(usize::from(from)).copied()?,
        to: Standing::ALL.get(usize::from(to)).copied()?,
        reason: match reason.checked_sub(1) {
            None => None,
            Some(at) => Some(Trigger::ALL.get(usize::from(at)).copied()?),
        },
    })
}

fn reason_code(reason: Option<Trigger>) -> u8 {
    let place = reason.and_then(|reason| Trigger::ALL.iter().position(|trigger| *trigger == reason));
    place.and_then(|place| u8::try_from(place).ok()).map_or(0, |place| place.saturating_add(1))
}

/// Into how many partitions a tenant's token events are cut: enough for the write limit of a partition, few enough
/// that a batch still packs well.
pub const AUDIT_BUCKETS: u8 = 4;

/// The bucket of a token.
pub fn bucket_of(fingerprint: &Fingerprint) -> u8 {
    let [first, ..] = fingerprint.0;
    first.checked_rem(AUDIT_BUCKETS).unwrap_or(0)
}

/// One item of the audit table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditItem {
    /// Partition key; see the functions below.
    pub pk: String,
    /// Sort key, derived, so that a retry makes the same item.
    pub sk: String,
    /// What happened.
    pub event: Event,
    /// When it was written, in seconds; its hour feeds the seals.
    pub written_at: EpochSeconds,
    /// The run that caused it.
    pub run: Option<String>,
    /// The config version behind it.
    pub policy: Option<u64>,
    /// The digest of the evidence behind it.
    pub evidence: Option<String>,
    /// Who acted, where a person or a caller did.
    pub actor: Option<String>,
    /// What they or Lethe said about it. Never a token.
    pub reason_text: Option<String>,
    /// The archive object and version it is about.
    pub object: Option<ObjectVersion>,
    /// Until when that version is locked.
    pub retain_until: Option<EpochSeconds>,
    /// How many tokens of each tenant it is about, where the entries do not say: those of an object, or of a plan that
    /// waits.
    pub tenants: BTreeMap<TenantId, u64>,
    /// The tokens.
    pub entries: Vec<Entry>,
}

/// One version of an archive object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectVersion {
    /// The object's key.
    pub key: String,
    /// The version's id.
    pub version: String,
}

impl AuditItem {
    /// An item with nothing but its key and its time.
    pub fn new(pk: String, sk: String, event: Event, written_at: EpochSeconds) -> Self {
        Self {
            pk,
            sk,
            event,
            written_at,
            run: None,
            policy: None,
            evidence: None,
            actor: None,
            reason_text: None,
            object: None,
            retain_until: None,
            tenants: BTreeMap::new(),
            entries: Vec::new(),
        }
    }

    /// The hour it was written in.
    pub fn period(&self) -> String {
        hour_of(self.written_at)
    }

    /// An event of a run: one item a run and event, however often it is written.
    pub fn of_run(run: &Run, event: Event, now: EpochSeconds) -> Self {
        let sk = format!("{}#{}", run.id, event.as_str());
        // What a person is asked about, in tokens.
        let waiting = (event == Event::Gated).then(|| (run.tenant.clone(), run.tally.n_cool));
        Self {
            tenants: waiting.into_iter().collect(),
            run: Some(run.id.to_string()),
            policy: Some(run.config),
            evidence: run.evidence.clone(),
            reason_text: run.note.clone(),
            ..Self::new(run_partition(&run.tenant), sk, event, now)
        }
    }

    /// A person's yes to the plan of a run: one item a person, beside that of the run, which goes on when enough have.
    pub fn of_approval(run: &Run, actor: &str, now: EpochSeconds) -> Self {
        let of_run = Self::of_run(run, Event::Approved, now);
        let sk = format!("{}#{}", of_run.sk, Principal::of(actor).as_str());
        Self { sk, actor: Some(actor.to_owned()), ..of_run }
    }

    /// A pause that reaches the tenant, or its end: one item each, however often it is written.
    pub fn of_pause(
        tenant: &TenantId,
        reach: &Reach,
        pause: &Pause,
        event: Event,
        now: EpochSeconds,
    ) -> Self {
        let whose = if reach.tenant().is_some() { "own" } else { "all" };
        let sk = format!("pause#{:012}#{whose}#{}", pause.since.0, event.as_str());
        let freezes = if pause.freezes { ", dates of removal are lifted" } else { "" };
        let said = pause.by.reason_text.as_ref().map_or_else(String::new, |text| format!(": {text}"));
        Self {
            actor: Some(pause.by.actor.clone()),
            reason_text: Some(format!("decisions for {reach}{freezes}{said}")),
            ..Self::new(run_partition(tenant), sk, event, now)
        }
    }

    /// The entries of one batch, tenant, bucket and event. `first` is the time and sequence of the batch's first
    /// record of them. A batch that comes again may be cut at another place and hold more from the same record on, so
    /// the key says what is in it: the longer item must not be taken for the shorter one that is there.
    pub fn of_tokens(
        (tenant, bucket): (&TenantId, u8),
        event: Event,
        (at, sequence): (EpochMillis, &str),
        entries: Vec<Entry>,
        now: EpochSeconds,
    ) -> Self {
        let sk = format!("{:013}#{}#{sequence}#{}", at.0, event.as_str(), short_digest(&[&pack(&entries)]));
        Self { entries, ..Self::new(token_partition(tenant, bucket), sk, event, now) }
    }

    /// The same entries, with the archive object that holds their rows and the end of its lock. The same rows may lie
    /// in two objects, of which both have to be gone before they are purged: each has its own item.
    #[must_use]
    pub fn in_object(self, object: &ObjectVersion, retain_until: Option<EpochSeconds>) -> Self {
        let sk = format!("{}#{}", self.sk, short_digest(&[object.key.as_bytes(), object.version.as_bytes()]));
        Self { sk, object: Some(object.clone()), retain_until, ..self }
    }

    /// What happened to one version of an archive object.
    pub fn of_object(object: &ObjectVersion, event: Event, now: EpochSeconds) -> Self {
        let sk = format!("{}#{}", event.as_str(), object.version);
        Self { object: Some(object.clone()), ..Self::new(object_partition(&object.key), sk, event, now) }
    }

    /// Something that was refused: `id` is the message's own, so that a redelivery makes the same item.
    pub fn refused(tenant: Option<&TenantId>, id: &str, why: &str, now: EpochSeconds) -> Self {
        let pk = tenant.map_or_else(|| "refused".to_owned(), run_partition);
        let sk = format!("refused#{id}");
        Self { reason_text: Some(why.to_owned()), ..Self::new(pk, sk, Event::Refused, now) }
    }
}

/// Enough of a digest to tell apart the few items that begin with the same record.
fn short_digest(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    let digest = digest.finalize();
    hex::encode(digest.first_chunk::<8>().unwrap_or(&[0; 8]))
}

/// The partition of a tenant's run events.
pub fn run_partition(tenant: &TenantId) -> String {
    format!("{tenant}#run")
}

/// The partition of one bucket of a tenant's token events.
pub fn token_partition(tenant: &TenantId, bucket: u8) -> String {
    format!("{tenant}#{bucket:02x}")
}

/// The partition of an archive object's events.
pub fn object_partition(key: &str) -> String {
    format!("object#{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_back_with_every_reason_and_standing() {
        let mut entries = Vec::new();
        for (at, reason) in Trigger::ALL.into_iter().map(Some).chain([None]).enumerate() {
            let to = Standing::ALL[at % Standing::ALL.len()];
            let fingerprint = Fingerprint([u8::try_from(at).unwrap(); 16]);
            entries.push(Entry { fingerprint, version: RowVersion(7), from: Standing::None, to, reason });
        }
        let packed = pack(&entries);
        assert_eq!(packed.len(), entries.len() * ENTRY_BYTES);
        assert_eq!(unpack(&packed), Some(entries));
    }

    #[test]
    fn the_codes_never_change_meaning() {
        let entry = Entry {
            fingerprint: Fingerprint([0xab; 16]),
            version: RowVersion(1),
            from: Standing::Active,
            to: Standing::Cooling,
            reason: Some(Trigger::Unreferenced),
        };
        assert_eq!(pack(&[entry])[16..], [0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 10]);
    }

    #[test]
    fn a_longer_batch_and_another_object_make_another_item_and_a_retry_the_same() {
        let tenant = TenantId::new("acme").unwrap();
        let entry = |n| Entry {
            fingerprint: Fingerprint([n; 16]),
            version: RowVersion(1),
            from: Standing::Sentenced,
            to: Standing::Archived,
            reason: None,
        };
        let item = |entries: &[u8]| {
            let entries = entries.iter().copied().map(entry).collect();
            let first = (EpochMillis(7), "0001");
            AuditItem::of_tokens((&tenant, 0), Event::Archived, first, entries, EpochSeconds(9))
        };
        let object = |version: &str| ObjectVersion { key: "r7/a".to_owned(), version: version.to_owned() };
        assert_eq!(item(&[1, 2]).sk, item(&[1, 2]).sk);
        assert_ne!(item(&[1]).sk, item(&[1, 2]).sk);
        let (one, other) =
            (item(&[1]).in_object(&object("v1"), None), item(&[1]).in_object(&object("v2"), None));
        assert_ne!(one.sk, other.sk);
        assert_eq!(one.object, Some(object("v1")));
        assert!(one.sk.starts_with("0000000000007#archived#0001#"));
    }

    #[test]
    fn what_is_not_whole_entries_is_not_read() {
        assert_eq!(unpack(&[0; 26]), None);
        let mut unknown = vec![0; ENTRY_BYTES];
        unknown[24] = 99;
        assert_eq!(unpack(&unknown), None);
    }
}
