//! The record replayed over what the stages really did: in order whatever happened, and each tampering found.

use std::collections::BTreeSet;

use futures::executor::block_on;
use lethe_domain::audit::{AuditItem, Event, ObjectVersion};
use lethe_domain::replay::{Fault, Finding, confirm};
use lethe_domain::row::Phase;
use lethe_stages::verify::{Look, Verify};
use lethe_testkit::{row, tenant, token};
use serde_json::json;

use crate::driver::World;
use crate::world::{DAY, HOUR, cold_store};

impl World {
    /// One look at everything of a tenant.
    pub fn look_at(&self, name: &str) -> Look {
        let verify = Verify {
            control: &self.cloud.control,
            audit: &self.cloud.audit,
            vault: &self.cloud.vault,
            archive: &self.cloud.archive,
            limits: &self.settings.limits,
        };
        block_on(verify.look(&tenant(name), self.now(), &|_| ())).unwrap()
    }

    /// The faults that a look finds.
    pub fn faults_of(&self, name: &str) -> BTreeSet<Fault> {
        self.look_at(name).findings.into_iter().map(|finding| finding.fault).collect()
    }
}

fn is_clean(world: &World) {
    assert_eq!(world.look_at("acme").findings, BTreeSet::new());
}

/// Token 2 cools, 5 is revoked, 6 is held, 7 was archived, 8 was archived and purged.
fn told_world() -> World {
    let world = cold_store();
    for seed in 5..=8 {
        world.cloud.vault.insert(row("acme", &token(seed)));
        world.store("acme-orders", &token(seed));
    }
    world.round_quietly();
    world.revoke("acme", &token(8));
    world.rounds(3, DAY);
    world.rounds(2, DAY * 18);
    world.rounds(2, DAY);
    world.revoke("acme", &token(7));
    world.rounds(3, DAY);
    for (command, seed, more) in [("revoked", 5, ""), ("hold", 6, r#","hold_id":"case-1""#)] {
        let id = token(seed);
        let body =
            format!(r#"{{"v":1,"tenant":"acme","command":"{command}","tokens":["{}"]{more}}}"#, id.expose());
        assert_eq!(world.command(&body).status, 200, "{command}");
    }
    world
}

#[test]
fn a_vault_that_nothing_happened_to_is_in_order() {
    let world = cold_store();
    is_clean(&world);
    assert_eq!(world.look_at("acme").counted.n_rows, 4);
}

#[test]
fn a_whole_life_is_in_order_at_every_moment() {
    let world = cold_store();
    for _ in 0..2 {
        for step in [HOUR, HOUR * 6, DAY * 7, HOUR * 4, DAY, DAY * 11] {
            world.rounds(2, step);
            is_clean(&world);
        }
    }
    assert!(!world.cloud.audit.items_of(Event::Purged).is_empty());
    assert!(world.failures.borrow().is_empty());
}

#[test]
fn what_others_do_to_rows_is_on_record_and_in_order() {
    let world = told_world();
    let key = row("acme", &token(5)).key();
    world.cloud.vault.set_attribute(&key, "kind", json!({ "S": "other" }));
    world.cloud.vault.delete(&row("acme", &token(1)).key());
    world.cloud.vault.reissue(&row("acme", &token(3)).key());
    world.drain();
    world.round();
    is_clean(&world);
}

#[test]
fn what_the_stream_has_not_brought_yet_is_too_recent_to_judge() {
    let world = told_world();
    let body = format!(r#"{{"v":1,"tenant":"acme","command":"revoked","tokens":["{}"]}}"#, token(3).expose());
    world.try_command(&body).unwrap();
    world.cloud.vault.delete(&row("acme", &token(5)).key());
    let first = world.look_at("acme").findings;
    let faults: Vec<Fault> = first.iter().map(|finding| finding.fault).collect();
    assert_eq!(faults, [Fault::EndNotOnRecord, Fault::GoneWithoutRecord]);
    world.drain();
    let second = world.look_at("acme").findings;
    let confirmed = confirm(&first, &second);
    assert_eq!((confirmed.findings, confirmed.n_too_recent), (BTreeSet::new(), 2));
}

#[test]
fn a_row_that_is_gone_behind_the_back_of_the_record_is_found() {
    let world = told_world();
    // Without a stream record, as no service would do it.
    world.cloud.vault.delete(&row("acme", &token(5)).key());
    world.cloud.vault.drain_stream();
    assert_eq!(world.faults_of("acme"), BTreeSet::from([Fault::GoneWithoutRecord]));
}

#[test]
fn a_row_that_was_changed_behind_the_back_of_the_record_is_found() {
    for (seed, attribute, value, fault) in [
        (5, "version", json!({ "N": "7" }), Fault::VersionBehind),
        (5, "reason", json!({ "S": "compromised" }), Fault::OtherReason),
        (6, "hold", json!({ "S": "" }), Fault::HoldLost),
    ] {
        let world = told_world();
        let key = row("acme", &token(seed)).key();
        world.cloud.vault.edit(&key, |row| {
            row.insert(attribute.to_owned(), value);
            if attribute == "hold" {
                row.remove("hold");
            }
        });
        world.cloud.vault.drain_stream();
        assert_eq!(world.faults_of("acme"), BTreeSet::from([fault]), "{attribute}");
    }
    let world = told_world();
    world.cloud.vault.reissue(&row("acme", &token(5)).key());
    world.cloud.vault.drain_stream();
    assert_eq!(world.faults_of("acme"), BTreeSet::from([Fault::ReturnNotOnRecord]));
    // The same on record: what was revoked must not come back, whoever handed it out again.
    let world = told_world();
    world.cloud.vault.reissue(&row("acme", &token(5)).key());
    world.drain();
    assert_eq!(world.faults_of("acme"), BTreeSet::from([Fault::Revived]));
}

#[test]
fn every_item_that_is_taken_out_of_the_record_is_found() {
    let world = told_world();
    let mut n_found = 0;
    for item in world.cloud.audit.items() {
        // A hold on a token in service leaves it where it stands.
        let moves = item.entries.iter().any(|entry| entry.from != entry.to);
        if !moves && item.object.is_none() {
            continue;
        }
        let world = told_world();
        world
            .cloud
            .audit
            .tamper(|items| items.retain(|other| (&other.pk, &other.sk) != (&item.pk, &item.sk)));
        assert_ne!(world.faults_of("acme"), BTreeSet::new(), "{item:?}");
        n_found += 1;
    }
    assert!(n_found >= 7, "{n_found}");
}

#[test]
fn an_entry_whose_version_was_altered_is_found() {
    let world = told_world();
    for item in world.cloud.audit.items_of(Event::Sentenced) {
        let world = told_world();
        world.cloud.audit.tamper(|items| {
            let same = items.iter_mut().find(|other| (&other.pk, &other.sk) == (&item.pk, &item.sk));
            let entry = &mut same.unwrap().entries[0];
            entry.version.0 += 5;
        });
        assert_ne!(world.faults_of("acme"), BTreeSet::new(), "{item:?}");
    }
}

#[test]
fn a_forged_purge_and_a_silent_one_are_found() {
    let world = told_world();
    let version = world.cloud.archive.all_versions().pop().unwrap();
    let forged = AuditItem::of_object(&version.object, Event::Purged, world.now());
    world.cloud.audit.tamper(|items| items.push(forged));
    let faults = BTreeSet::from([Fault::PurgedButThere, Fault::PurgedTooSoon]);
    assert_eq!(world.faults_of("acme"), faults);

    let world = told_world();
    let version = world.cloud.archive.all_versions().pop().unwrap();
    world.cloud.archive.expire(&version.object);
    world.cloud.archive.drain_removed();
    assert_eq!(world.faults_of("acme"), BTreeSet::from([Fault::GoneWithoutPurged]));
}

#[test]
fn a_version_that_nobody_put_on_record_is_found() {
    let world = told_world();
    let is_of_object = |item: &AuditItem| item.pk.starts_with("object#");
    let object: Vec<ObjectVersion> =
        world.cloud.archive.all_versions().into_iter().map(|version| version.object).collect();
    world
        .cloud
        .audit
        .tamper(|items| items.retain(|item| !is_of_object(item) && item.event != Event::Archived));
    let findings = world.look_at("acme").findings;
    for object in object {
        let expected = Finding { fault: Fault::VersionNotOnRecord, about: (&object).into() };
        assert!(findings.contains(&expected), "{findings:?}");
    }
}

#[test]
fn a_look_reads_every_page_and_writes_nothing() {
    let world = told_world();
    let calm = world.look_at("acme");
    assert_eq!(calm.findings, BTreeSet::new());
    world.cloud.set_page_size(1);
    let n_writes = world.cloud.vault.n_writes();
    assert_eq!(world.look_at("acme"), calm);
    assert_eq!(world.cloud.vault.n_writes(), n_writes);
    assert_eq!(world.phases()[&token(5)], Phase::Sentenced);
    // What was purged is still on record.
    assert!(0 < calm.counted.n_versions && calm.counted.n_versions < calm.counted.n_objects);
}
