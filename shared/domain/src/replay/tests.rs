use crate::audit::{Entry, Event, ObjectVersion, Standing};
use crate::policy::Trigger;
use crate::row::{Owner, Phase, State, VaultRow};
use crate::time::{EpochMillis, EpochSeconds};
use crate::token::RowKey;

use super::*;
use Standing::{Active, Archived, Cooling, Erased, Sentenced};

const UNUSED: Option<Trigger> = Some(Trigger::Unreferenced);
const REVOKED: Option<Trigger> = Some(Trigger::Revoked);

type Step = (Event, u64, Standing, Standing, Option<Trigger>);

const COOLED: Step = (Event::Cooled, 11, Active, Cooling, UNUSED);
const SENTENCED: Step = (Event::Sentenced, 12, Cooling, Sentenced, UNUSED);
const ARCHIVED: Step = (Event::Archived, 12, Sentenced, Archived, UNUSED);
const REINSTATED: Step = (Event::Reinstated, 13, Sentenced, Active, UNUSED);

fn told((event, version, from, to, reason): Step) -> Told {
    let version = RowVersion(version);
    Told::new(event, &Entry { fingerprint: Fingerprint([1; 16]), version, from, to, reason })
}

fn row(phase: Phase, version: u64, reason: Option<Trigger>) -> VaultRow {
    VaultRow {
        key: RowKey::parse("acme#0001", "tok_a").unwrap(),
        kind: "vault".into(),
        state: if phase == Phase::Active { State::Active } else { State::Cooling },
        version: RowVersion(version),
        created_at: EpochMillis(1),
        expires_at: None,
        last_read_at: None,
        purge_at: (phase == Phase::Sentenced).then_some(EpochSeconds(99)),
        due_at: None,
        reason,
        cooling_since: Some(EpochSeconds(5)),
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

fn seen(phase: Phase, version: u64, reason: Option<Trigger>) -> Seen {
    Seen::new(Fingerprint([1; 16]), &row(phase, version, reason))
}

#[track_caller]
fn check(steps: &[Step], rows: &[Seen], expected: &[Fault]) {
    let faults = |told: Vec<Told>| {
        let findings = judge_bucket(told, rows.to_vec());
        findings.into_iter().map(|finding| finding.fault).collect::<Vec<_>>()
    };
    let in_order: Vec<Told> = steps.iter().copied().map(told).collect();
    assert_eq!(faults(in_order.clone()), expected);
    // A retry and a batch that was cut anew, and in any order.
    let doubled: Vec<Told> = in_order.iter().rev().chain(&in_order).copied().collect();
    assert_eq!(faults(doubled), expected, "doubled and backwards");
}

#[test]
fn what_is_nowhere_and_what_was_only_issued_is_in_order() {
    check(&[], &[], &[]);
    check(&[], &[seen(Phase::Active, 10, None)], &[]);
}

#[test]
fn a_whole_life_is_in_order_at_every_moment() {
    check(&[COOLED], &[seen(Phase::Cooling, 11, UNUSED)], &[]);
    // Reads and new dates step the version and are not on record.
    check(&[COOLED], &[seen(Phase::Cooling, 19, UNUSED)], &[]);
    check(&[COOLED, SENTENCED], &[seen(Phase::Sentenced, 12, UNUSED)], &[]);
    check(&[COOLED, SENTENCED, REINSTATED], &[seen(Phase::Active, 13, None)], &[]);
    check(&[COOLED, SENTENCED, ARCHIVED], &[], &[]);
    check(&[(Event::Archived, 10, Active, Archived, None)], &[], &[]);
    check(&[(Event::Erased, 10, Active, Erased, None)], &[], &[]);
}

#[test]
fn a_token_that_was_handed_out_again_begins_a_new_life() {
    let again = (Event::Cooled, 31, Active, Cooling, REVOKED);
    check(&[COOLED, SENTENCED, ARCHIVED], &[seen(Phase::Active, 30, None)], &[]);
    check(&[COOLED, SENTENCED, ARCHIVED, again], &[seen(Phase::Cooling, 31, REVOKED)], &[]);
    check(&[COOLED, SENTENCED, ARCHIVED], &[seen(Phase::Cooling, 30, UNUSED)], &[Fault::EndNotOnRecord]);
}

#[test]
fn an_entry_that_is_missing_is_a_hole() {
    check(&[SENTENCED], &[seen(Phase::Sentenced, 12, UNUSED)], &[Fault::Hole]);
    check(&[COOLED, ARCHIVED], &[], &[Fault::Hole]);
    check(&[SENTENCED, ARCHIVED], &[], &[Fault::Hole]);
    let reissued = (Event::Sentenced, 31, Cooling, Sentenced, UNUSED);
    let row = seen(Phase::Sentenced, 31, UNUSED);
    check(&[COOLED, SENTENCED, ARCHIVED, reissued], &[row], &[Fault::Hole]);
}

#[test]
fn a_step_that_the_lifecycle_does_not_have_is_found() {
    for (step, fault) in [
        ((Event::Cooled, 11, Active, Sentenced, UNUSED), Fault::NotAStep),
        ((Event::Sentenced, 11, Active, Sentenced, None), Fault::NotAStep),
        ((Event::Reinstated, 11, Active, Active, None), Fault::NotAStep),
        ((Event::Purged, 11, Active, Standing::Purged, None), Fault::NotAStep),
        ((Event::Held, 11, Active, Cooling, UNUSED), Fault::NotAStep),
    ] {
        let findings = judge_bucket(vec![told(step)], Vec::new());
        assert_eq!(findings.first().map(|finding| finding.fault), Some(fault), "{step:?}");
    }
    check(&[COOLED, (Event::Archived, 11, Cooling, Archived, UNUSED)], &[], &[Fault::LeftUnsentenced]);
}

#[test]
fn what_ended_for_good_must_not_come_back() {
    let revoked = (Event::Sentenced, 11, Active, Sentenced, REVOKED);
    let back = (Event::Reinstated, 12, Sentenced, Active, REVOKED);
    check(&[revoked, back], &[seen(Phase::Active, 12, None)], &[Fault::Revived]);
    let overwritten = (Event::OutOfBand, 12, Sentenced, Active, REVOKED);
    check(&[revoked, overwritten], &[seen(Phase::Active, 12, None)], &[Fault::Revived]);
}

#[test]
fn a_row_that_stands_elsewhere_than_the_record_is_found() {
    check(&[], &[seen(Phase::Cooling, 10, UNUSED)], &[Fault::EndNotOnRecord]);
    check(&[COOLED], &[seen(Phase::Active, 12, None)], &[Fault::ReturnNotOnRecord]);
    check(&[COOLED], &[seen(Phase::Sentenced, 12, UNUSED)], &[Fault::ChangeNotOnRecord]);
    check(&[COOLED], &[seen(Phase::Cooling, 12, REVOKED)], &[Fault::OtherReason]);
    check(&[COOLED], &[], &[Fault::GoneWithoutRecord]);
    check(&[COOLED], &[seen(Phase::Cooling, 10, UNUSED)], &[Fault::VersionBehind]);
    check(&[COOLED, SENTENCED, ARCHIVED], &[seen(Phase::Sentenced, 12, UNUSED)], &[Fault::StillThere]);
}

#[test]
fn a_hold_is_followed() {
    let held = (Event::Held, 13, Sentenced, Cooling, UNUSED);
    let released = (Event::Released, 14, Cooling, Sentenced, UNUSED);
    let row = |phase, version, hold: Option<&str>| {
        let row = VaultRow { hold: hold.map(str::to_owned), ..row(phase, version, UNUSED) };
        Seen::new(Fingerprint([1; 16]), &row)
    };
    check(&[COOLED, SENTENCED, held], &[row(Phase::Cooling, 13, Some("case-1"))], &[]);
    check(&[COOLED, SENTENCED, held], &[row(Phase::Cooling, 13, None)], &[Fault::HoldLost]);
    check(&[COOLED, SENTENCED, held, released], &[row(Phase::Sentenced, 14, None)], &[]);
}

#[test]
fn what_others_wrote_is_followed_though_it_has_no_version_of_its_own() {
    let foreign = (Event::OutOfBand, 11, Cooling, Sentenced, UNUSED);
    let lifted = (Event::OutOfBand, 12, Sentenced, Cooling, UNUSED);
    check(&[COOLED, foreign, lifted], &[seen(Phase::Cooling, 12, UNUSED)], &[]);
    // Nobody knows which of them came last.
    for phase in [Phase::Cooling, Phase::Sentenced] {
        check(&[COOLED, foreign], &[seen(phase, 11, UNUSED)], &[]);
    }
    let inserted = (Event::OutOfBand, 10, Standing::None, Sentenced, UNUSED);
    check(&[inserted], &[seen(Phase::Sentenced, 10, UNUSED)], &[]);
    // A row that nobody could read left under the version 0.
    check(&[COOLED, (Event::Archived, 0, Standing::None, Archived, None)], &[], &[]);
}

#[test]
fn a_copy_of_a_batch_may_erase_what_the_first_one_archived() {
    check(&[COOLED, SENTENCED, ARCHIVED, (Event::Erased, 12, Sentenced, Erased, UNUSED)], &[], &[]);
}

#[test]
fn every_fault_of_an_archived_version_is_found() {
    let object = ObjectVersion { key: "r7/2027-01-15/aa".into(), version: "v1".into() };
    let locked = ObjectFacts { n_named: 2, retain_until: Some(EpochSeconds(100)), is_there: true };
    let told = ObjectTold { is_archived: true, n_tokens: 2, purged_at: None };
    let gone = ObjectFacts { is_there: false, ..locked };
    let purged = |at| ObjectTold { purged_at: Some(EpochSeconds(at)), ..told };
    for (facts, told, expected) in [
        (locked, told, &[][..]),
        (gone, purged(100), &[]),
        (gone, told, &[Fault::GoneWithoutPurged]),
        (locked, purged(100), &[Fault::PurgedButThere]),
        (gone, purged(99), &[Fault::PurgedTooSoon]),
        (locked, ObjectTold { n_tokens: 1, ..told }, &[Fault::MoreThanItHolds]),
        // The rest of a batch that died half-way is named by another object.
        (locked, ObjectTold { n_tokens: 3, ..told }, &[]),
        (locked, ObjectTold::default(), &[Fault::ObjectNotOnRecord]),
        (ObjectFacts { retain_until: Some(EpochSeconds(79)), ..locked }, told, &[Fault::Overdue]),
        (ObjectFacts { retain_until: Some(EpochSeconds(80)), ..locked }, told, &[]),
        // Under a legal hold nothing is late.
        (ObjectFacts { retain_until: None, ..locked }, told, &[]),
    ] {
        let findings = judge_object(&object, &facts, &told, EpochSeconds(80));
        let faults: Vec<Fault> = findings.into_iter().map(|finding| finding.fault).collect();
        assert_eq!(faults, expected, "{facts:?} {told:?}");
    }
    let unnamed = |told: ObjectTold| judge_unnamed(&object, &told).first().map(|finding| finding.fault);
    assert_eq!(unnamed(ObjectTold { n_tokens: 0, ..told }), None);
    assert_eq!(unnamed(told), None);
    assert_eq!(unnamed(ObjectTold { n_tokens: 0, ..purged(7) }), Some(Fault::PurgedButThere));
    assert_eq!(unnamed(ObjectTold::default()), Some(Fault::VersionNotOnRecord));
}

#[test]
fn only_what_two_looks_saw_is_a_fault() {
    let finding = |version| {
        let about = About::Token { fingerprint: Fingerprint([1; 16]), version: RowVersion(version) };
        Finding { fault: Fault::EndNotOnRecord, about }
    };
    let look = |versions: &[u64]| versions.iter().copied().map(finding).collect::<BTreeSet<_>>();
    assert_eq!(confirm(&look(&[]), &look(&[])), Confirmed::default());
    let confirmed = confirm(&look(&[1, 2]), &look(&[2, 3]));
    assert_eq!(confirmed, Confirmed { findings: look(&[2]), n_too_recent: 2 });
}

#[test]
fn findings_are_words_and_digests() {
    let about = About::Token { fingerprint: Fingerprint([0xab; 16]), version: RowVersion(7) };
    let json = serde_json::to_string(&Finding { fault: Fault::GoneWithoutRecord, about }).unwrap();
    let expected = format!(
        r#"{{"fault":"gone_without_record","of":"token","fingerprint":"{}","version":7}}"#,
        "ab".repeat(16)
    );
    assert_eq!(json, expected);
    for fault in [Fault::Hole, Fault::VersionNotOnRecord, Fault::PurgedTooSoon] {
        assert_eq!(serde_json::to_value(fault).unwrap(), fault.as_str());
    }
}
