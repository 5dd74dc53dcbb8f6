//! What can be seen of every token from outside: the reader's answer, the row, the archive, and the record, by identity.

use std::collections::{BTreeMap, BTreeSet};

use lethe_domain::audit::{AuditItem, Entry, Event as Told, Standing};
use lethe_domain::policy::Trigger;
use lethe_domain::reader::{Found, answer};
use lethe_domain::row::{Phase, RowRead, VaultRow};
use lethe_domain::subject::{SubjectKey, SubjectRow};
use lethe_domain::token::{RowKey, ShardCount, token_digest};
use lethe_stages::ports::{Control, ShardRef};
use lethe_testkit::{SHARDS, tenant};

use super::plan::{Spec, Story, TENANTS};
use crate::driver::World;

/// One token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub stands: Stands,
    /// Why it is out of service, and of what is gone why it left; nothing where its own end has come and nobody had to
    /// write that down.
    pub why: Option<Trigger>,
    /// Whose command that was, by the record.
    pub by: Option<String>,
    /// Whether a read brings it back.
    pub may_return: bool,
    /// Its own holds and its subject's.
    pub holds: BTreeSet<String>,
    /// Of what is gone: whether there is a copy in the archive.
    pub is_archived: Option<bool>,
    /// What the ledger says.
    pub copies: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stands {
    #[default]
    Nowhere,
    InService,
    Out,
    Gone,
}

/// Every token of the story, by its place in it.
pub type Picture = Vec<Seen>;

/// What the record says of one token, by version.
type History<'a> = Vec<(&'a AuditItem, Entry)>;

pub fn key_of(spec: &Spec) -> RowKey {
    lethe_testkit::key(TENANTS[spec.tenant], &spec.id, SHARDS)
}

pub fn subject_name(subject: usize) -> String {
    ["subject-ann", "subject-bob"][subject].to_owned()
}

fn subject_row(world: &World, spec: &Spec) -> SubjectRow {
    let shards = ShardCount::new(SHARDS).unwrap();
    let key = SubjectKey::new(&tenant(TENANTS[spec.tenant]), &subject_name(spec.subject), shards);
    world.cloud.vault.subject_row(&key).unwrap_or_default()
}

/// Looks at every token.
pub fn look(world: &World, story: &Story) -> Picture {
    let items = world.cloud.audit.items();
    let histories = histories(world, story, &items);
    story.tokens.iter().zip(&histories).map(|(spec, history)| look_at(world, spec, history)).collect()
}

fn histories<'a>(world: &World, story: &Story, items: &'a [AuditItem]) -> Vec<History<'a>> {
    let mut by_place: BTreeMap<(&str, [u8; 16]), History<'a>> = BTreeMap::new();
    for item in items {
        let owner = item.pk.rsplit_once('#').map_or("", |(owner, _)| owner);
        // What is refused changes nothing.
        for entry in item.entries.iter().filter(|_| item.event != Told::Refused) {
            by_place.entry((owner, entry.fingerprint.0)).or_default().push((item, *entry));
        }
    }
    let history_of = |spec: &Spec| {
        let name = TENANTS[spec.tenant];
        let fingerprint = world.cloud.control.keys_now(&tenant(name)).unwrap().fingerprint(&spec.id);
        let mut history = by_place.get(&(name, fingerprint.0)).cloned().unwrap_or_default();
        history.sort_by_key(|(item, entry)| (entry.version, has_left(entry.to), item.event));
        history
    };
    story.tokens.iter().map(history_of).collect()
}

/// What leaves has the version of the last write before it.
pub fn has_left(standing: Standing) -> bool {
    match standing {
        Standing::Archived | Standing::Erased | Standing::Purged => true,
        Standing::None | Standing::Active | Standing::Cooling | Standing::Sentenced => false,
    }
}

fn look_at(world: &World, spec: &Spec, history: &History<'_>) -> Seen {
    let copies = copies_of(world, spec);
    let (why, by) = last_end(history);
    let Some(row) = world.cloud.vault.row(&key_of(spec)) else {
        let Some((_, end)) = history.last() else { return Seen { copies, ..Seen::default() } };
        let is_archived = match end.to {
            Standing::Archived => Some(true),
            Standing::Erased => Some(false),
            Standing::None
            | Standing::Active
            | Standing::Cooling
            | Standing::Sentenced
            | Standing::Purged => None,
        };
        let why = end.reason;
        return Seen { stands: Stands::Gone, why, by, is_archived, copies, ..Seen::default() };
    };
    assert_eq!(row.reason, why, "the record says otherwise of {spec:?}: {history:?}");
    assert_eq!(stand_of(&row), last_standing(history), "the record says otherwise of {spec:?}: {history:?}");
    let subject = subject_row(world, spec);
    let now = world.now();
    let holds = [&row.hold, &subject.hold].into_iter().flatten().flat_map(|hold| hold.split(' '));
    let holds = holds.map(str::to_owned).collect();
    let read = RowRead::Token(Box::new(row.clone()));
    let told = answer(Found::Row(&read), Some(&subject), now);
    Seen {
        stands: if told.valid { Stands::InService } else { Stands::Out },
        why: row.reason,
        by,
        may_return: told.may_return,
        holds,
        is_archived: None,
        copies,
    }
}

fn stand_of(row: &VaultRow) -> Standing {
    Standing::from(row.phase())
}

fn last_standing(history: &History<'_>) -> Standing {
    history.last().map_or(Standing::from(Phase::Active), |(_, entry)| entry.to)
}

/// The reason that stands, and who brought it.
fn last_end(history: &History<'_>) -> (Option<Trigger>, Option<String>) {
    let mut end: (Option<Trigger>, Option<String>) = (None, None);
    for (item, entry) in history {
        match entry.to {
            Standing::Active => end = (None, None),
            Standing::Cooling | Standing::Sentenced if entry.reason != end.0 => {
                end = (entry.reason, item.actor.as_deref().map(name_of));
            }
            Standing::None
            | Standing::Cooling
            | Standing::Sentenced
            | Standing::Archived
            | Standing::Purged
            | Standing::Erased => {}
        }
    }
    end
}

/// The session's name of an assumed role.
pub fn name_of(actor: &str) -> String {
    actor.rsplit('/').next().unwrap_or(actor).to_owned()
}

fn copies_of(world: &World, spec: &Spec) -> Option<i64> {
    let key = key_of(spec);
    let at = ShardRef { tenant: key.tenant.clone(), shard: key.shard };
    let hash = hex::encode(token_digest(spec.id.expose().as_bytes()));
    // Looking is no call that may fail.
    futures::executor::block_on(world.cloud.control.references(&at, &hash)).unwrap()
}
