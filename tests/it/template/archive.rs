//! Lock and lifecycle of the archive: a version goes soon after its lock opens, and never before.

use lethe_domain::policy::Retention;
use lethe_domain::record::Class;
use serde_json::{Value, json};

use super::stack::{Stack, items, number};
use super::{caught, sound, template, with, without};

/// Per class, the lock's days are fewer than the days to expiry: the first attempt finds the lock open.
fn class_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let rules = items(&stack.properties("ArchiveBucket")["LifecycleConfiguration"]["Rules"]);
    let mut faults = Vec::new();
    for retention in Retention::ALL {
        let class = format!("{}/", retention.prefix());
        let retention = i64::from(retention.days());
        let mut own = rules.iter().filter(|rule| rule["Prefix"] == *class && rule["Status"] == "Enabled");
        let (Some(rule), None) = (own.next(), own.next()) else {
            faults.push(format!("{class} does not have one lifecycle rule"));
            continue;
        };
        let expiry = number(&rule["ExpirationInDays"]).unwrap_or(0);
        if expiry <= retention {
            faults.push(format!("{class} expires after {expiry} days, while the lock holds"));
        }
        if expiry > retention + 1 || number(&rule["NoncurrentVersionExpiration"]["NoncurrentDays"]) != Some(1)
        {
            faults.push(format!("{class} keeps versions longer than it says"));
        }
    }
    for rule in rules {
        let prefix = rule["Prefix"].as_str().unwrap_or_default();
        let known = Retention::ALL.iter().any(|class| prefix == format!("{}/", class.prefix()));
        let expires = ["ExpirationInDays", "ExpirationDate", "NoncurrentVersionExpiration"];
        if !known && expires.iter().any(|key| rule.get(key).is_some()) {
            faults.push(format!("a rule ends objects of no class: {prefix:?}"));
        }
    }
    faults
}

/// Object Lock is on, no default hides a forgotten lock, and what goes is told to the purged queue.
fn lock_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let mut faults = Vec::new();
    for id in ["ArchiveBucket", "SealBucket"] {
        let bucket = stack.properties(id);
        if bucket["ObjectLockEnabled"] != true || bucket["VersioningConfiguration"]["Status"] != "Enabled" {
            faults.push(format!("{id} is not locked"));
        }
        if bucket["ObjectLockConfiguration"].get("Rule").is_some() {
            faults.push(format!("{id} has a default retention"));
        }
    }
    if items(&stack.properties("SealBucket")["LifecycleConfiguration"]["Rules"])
        .into_iter()
        .any(|rule| rule.get("ExpirationInDays").is_some())
    {
        faults.push("seals expire".to_owned());
    }
    let told = items(&stack.properties("ArchiveBucket")["NotificationConfiguration"]["QueueConfigurations"]);
    for event in ["s3:LifecycleExpiration:Delete", "s3:ObjectRemoved:Delete"] {
        let queue = "arn:aws:sqs:eu-central-1:111122223333:lethe-purged";
        if !told.iter().any(|one| one["Event"] == event && one["Queue"] == queue) {
            faults.push(format!("nobody hears of {event}"));
        }
    }
    faults
}

/// In the work bucket a run's own files last a week; what the next run builds on has no age.
fn work_faults(template: &Value) -> Vec<String> {
    let stack = Stack::new(template, &[]);
    let rules = items(&stack.properties("WorkBucket")["LifecycleConfiguration"]["Rules"]);
    let expiring = rules.iter().filter(|rule| rule.get("ExpirationInDays").is_some());
    let mut found: Vec<_> = expiring
        .map(|rule| (rule["Prefix"].as_str().unwrap_or(""), number(&rule["ExpirationInDays"])))
        .collect();
    found.sort_unstable();
    let week = Some(7);
    if found == [("manifests/", week), ("marks/", week), ("plans/", week)] {
        return Vec::new();
    }
    vec![format!("the work bucket ends {found:?}")]
}

#[test]
fn every_class_expires_after_its_lock() {
    sound(&class_faults(&template()));
}

#[test]
fn the_archive_is_locked_and_tells() {
    sound(&lock_faults(&template()));
}

#[test]
fn the_work_bucket_forgets_runs_after_a_week() {
    sound(&work_faults(&template()));
}

#[test]
fn an_expiry_under_the_lock_is_caught() {
    let held = format!("{}/", Class::Held.prefix());
    let rules = "/Resources/ArchiveBucket/Properties/LifecycleConfiguration/Rules";
    caught(
        &class_faults(&with(&format!("{rules}/0/ExpirationInDays"), json!(7))),
        "r7/ expires after 7 days",
    );
    caught(
        &class_faults(&with(&format!("{rules}/3/ExpirationInDays"), json!(400))),
        "r365/ keeps versions longer",
    );
    caught(&class_faults(&without(&format!("{rules}/1/NoncurrentVersionExpiration"))), "r30/ keeps versions");
    caught(&class_faults(&with(&format!("{rules}/2/Status"), json!("Disabled"))), "r90/ does not have one");
    caught(
        &class_faults(&with(&format!("{rules}/2/Prefix"), json!(held))),
        &format!("of no class: {held:?}"),
    );
}

#[test]
fn an_unlocked_or_silent_archive_is_caught() {
    caught(&lock_faults(&without("/Resources/ArchiveBucket/Properties/ObjectLockEnabled")), "not locked");
    let spoiled = with(
        "/Resources/ArchiveBucket/Properties/ObjectLockConfiguration",
        json!({"Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}}),
    );
    caught(&lock_faults(&spoiled), "default retention");
    let spoiled = without("/Resources/ArchiveBucket/Properties/NotificationConfiguration");
    caught(&lock_faults(&spoiled), "s3:ObjectRemoved:Delete");
}

#[test]
fn an_end_to_the_candidates_is_caught() {
    let spoiled =
        with("/Resources/WorkBucket/Properties/LifecycleConfiguration/Rules/0/Prefix", json!("candidates/"));
    caught(&work_faults(&spoiled), "candidates/");
}
