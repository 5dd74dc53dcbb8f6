//! What must hold once the world has been calm for long enough, whatever happened before.
//!
//! 5. **Nothing is lost.** Every row that left is in an archived object, as it was, or on record as erased.
//! 6. **Nothing hangs on.** What is condemned has left the vault, what is archived was purged, nothing waits.
//! 7. **Everything is on record.** Replayed, the audit gives the state of every row, without a jump.
//! 8. **No secrets out.** No item of the audit and no event names a token, a subject or a payload.

use std::collections::{BTreeMap, BTreeSet};

use lethe_domain::audit::{AuditItem, Event, Standing};
use lethe_domain::policy::Trigger;
use lethe_domain::row::{RowVersion, State, VaultRow};

use crate::deployment::Deployment;
use crate::promises::refuse;
use crate::truth::{Change, Copied, Known, Truth};

/// What no record may hold beside the tokens.
pub const SECRETS: [&str; 2] = ["subject-of-a-story", "payload-of-a-story"];

/// Judges the end.
pub struct Settled<'a> {
    pub truth: &'a Truth,
    pub deployment: &'a Deployment,
}

impl Settled<'_> {
    pub fn check(&self) -> Result<(), String> {
        let items = self.deployment.cloud.audit.items();
        for (slot, known) in self.truth.tokens.iter().enumerate() {
            let row = self.deployment.cloud.vault.row(&known.key);
            let of_token = |why: String| format!("token {slot}: {why}");
            self.stands_rightly(known, row.as_ref()).map_err(of_token)?;
            self.is_on_record(known, row.as_ref(), &items).map_err(of_token)?;
        }
        self.nothing_is_lost(&items)?;
        self.nothing_waits(&items)?;
        self.nothing_is_told(&items)
    }

    /// Whether a token may be where it is.
    fn stands_rightly(&self, known: &Known, row: Option<&VaultRow>) -> Result<(), String> {
        let is_held = !known.holds.is_empty() || !self.truth.holds_on_subject_of(known).is_empty();
        let was_ended = known.endings.iter().any(|ending| ending.is_taken);
        let Some(row) = row else { return Ok(()) };
        if is_held {
            return Ok(());
        }
        refuse(row.hold.is_some(), "a hold that was released still stands")?;
        // What is referenced and never read goes idle and comes back by turns.
        let may_be_idle = row.reason == Some(Trigger::Idle) && known.is_referenced();
        if row.state == State::Cooling && !may_be_idle {
            return Err(format!("it hangs on, out of service: {:?} {:?}", row.reason, row.phase()));
        }
        refuse(was_ended && !may_be_idle, "a command ended it, and it is in service")?;
        let is_over = row.expires_at.is_some_and(|end| end <= self.deployment.now());
        refuse(is_over, "it hangs on past its end")?;
        let is_unused = known.is_scanned_for() && !known.is_referenced();
        refuse(is_unused, "no store holds it, and it hangs on in service")
    }

    /// Whether the audit, replayed, ends where the row stands.
    fn is_on_record(&self, known: &Known, row: Option<&VaultRow>, items: &[AuditItem]) -> Result<(), String> {
        let keys = self.deployment.cloud.control.keys_now(&known.key.tenant).unwrap();
        let fingerprint = keys.fingerprint(&known.key.token);
        let of_tenant = |item: &&AuditItem| {
            let tenant = item.pk.rsplit_once('#').map(|(tenant, _)| tenant);
            tenant == Some(known.key.tenant.as_str()) && item.event != Event::Refused
        };
        let entries = items.iter().filter(of_tenant).flat_map(|item| &item.entries);
        let steps: BTreeMap<(RowVersion, bool), (Standing, Standing)> = entries
            .filter(|entry| entry.fingerprint == fingerprint)
            .map(|entry| ((entry.version, has_left(entry.to)), (entry.from, entry.to)))
            .collect();
        let mut stands = Standing::Active;
        for (place, (from, to)) in &steps {
            if *from != stands && *from != Standing::None {
                return Err(format!("the record jumps at {place:?}: {steps:?}"));
            }
            stands = *to;
        }
        let is_gone_on_record = has_left(stands);
        match row {
            None => refuse(!is_gone_on_record, &format!("it is gone, and the record says {stands:?}")),
            Some(row) if Standing::from(row.phase()) == stands => Ok(()),
            Some(row) => Err(format!("it is {:?}, and the record says {stands:?}: {steps:?}", row.phase())),
        }
    }

    fn nothing_is_lost(&self, items: &[AuditItem]) -> Result<(), String> {
        let removed: Vec<&Change> = self.truth.changes.iter().filter(|change| change.new.is_none()).collect();
        for change in &removed {
            let is_copy = |copied: &Copied| self.is_copy(copied, change);
            let slot = change.slot;
            let is_kept = self.copies().any(is_copy) && self.says(items, Event::Archived, change);
            let is_erased = self.says(items, Event::Erased, change);
            refuse(!is_kept && !is_erased, &format!("token {slot} left, and no copy is kept"))?;
            // A hold that was released before the copy was made kept nothing any more.
            let stands = self.truth.holds_on_subject_of(&self.truth.tokens[slot]);
            let is_free = change.subject_holds.is_disjoint(&stands);
            let is_safe = is_free || self.held_copies().any(is_copy);
            refuse(
                !is_safe,
                &format!("token {slot} left under a hold on its subject, and its copy is not held"),
            )?;
        }
        let is_known = |copied: &Copied| removed.iter().any(|change| self.is_copy(copied, change));
        refuse(!self.copies().all(is_known), "something is archived that never left")
    }

    fn copies(&self) -> impl Iterator<Item = &Copied> {
        self.truth.objects.values().flat_map(|object| &object.copies)
    }

    fn held_copies(&self) -> impl Iterator<Item = &Copied> {
        let held = self.truth.objects.iter().filter(|(object, _)| object.key.starts_with("held/"));
        held.flat_map(|(_, object)| &object.copies)
    }

    fn is_copy(&self, copied: &Copied, change: &Change) -> bool {
        let (key, old) = (&self.truth.tokens[change.slot].key, change.old.as_ref().unwrap());
        copied.tenant == key.tenant
            && copied.token == key.token.expose()
            && copied.version == old.version
            && Some(&copied.image) == change.raw.as_ref()
    }

    /// Whether this is on record about the row that a change removed.
    fn says(&self, items: &[AuditItem], event: Event, change: &Change) -> bool {
        let (key, old) = (&self.truth.tokens[change.slot].key, change.old.as_ref().unwrap());
        let keys = self.deployment.cloud.control.keys_now(&key.tenant).unwrap();
        let fingerprint = keys.fingerprint(&key.token);
        let mut entries = items.iter().filter(|item| item.event == event).flat_map(|item| &item.entries);
        entries.any(|entry| entry.fingerprint == fingerprint && entry.version == old.version)
    }

    fn nothing_waits(&self, items: &[AuditItem]) -> Result<(), String> {
        let cloud = &self.deployment.cloud;
        let versions = cloud.archive.all_versions();
        let left = versions.iter().find(|version| !version.object.key.starts_with("held/"));
        refuse(
            left.is_some(),
            &format!("an archived version hangs on: {:?}", left.map(|left| &left.object)),
        )?;
        let about = |event| -> BTreeSet<_> {
            let of_event = items.iter().filter(move |item| item.event == event);
            of_event
                .filter_map(|item| item.object.clone())
                .filter(|object| !object.key.starts_with("held/"))
                .collect()
        };
        let (archived, purged) = (about(Event::Archived), about(Event::Purged));
        refuse(archived != purged, "archived and purged versions are not the same on record")?;
        refuse(!cloud.control.all_fan_outs().is_empty(), "a fan-out is not done")
    }

    fn nothing_is_told(&self, items: &[AuditItem]) -> Result<(), String> {
        let tokens = self.truth.tokens.iter().map(|known| known.key.token.expose());
        let secrets: Vec<&str> = tokens.chain(SECRETS).collect();
        let told = items.iter().map(|item| format!("{item:?}"));
        let events = self.deployment.cloud.bus.published();
        let mut told = told.chain(events.iter().map(|event| format!("{event:?}")));
        let leak = told.find(|text| secrets.iter().any(|secret| text.contains(secret)));
        refuse(leak.is_some(), &format!("a secret is out: {}", leak.unwrap_or_default()))
    }
}

fn has_left(stands: Standing) -> bool {
    matches!(stands, Standing::Archived | Standing::Erased | Standing::Purged)
}
