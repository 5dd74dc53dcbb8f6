//! `lethe canary` over the fakes.

use lethe_domain::canary::CANARY_KIND;
use lethe_domain::extract::Extractor;
use lethe_domain::row::Phase;
use lethe_domain::source::Encodings;
use lethe_testkit::FaultKind;

use super::*;
use crate::commands::canary::{CanaryDone, list, plant, retire};

async fn planted(cloud: &FakeCloud, source: &str) -> Result<CanaryDone, CliError> {
    let ports = (&cloud.control, &cloud.vault);
    plant((&tenant("acme"), source), &ada(cloud.clock.now()), &LIMITS, ports).await
}

async fn retired(cloud: &FakeCloud, source: &str) -> Result<CanaryDone, CliError> {
    retire((&tenant("acme"), source), &LIMITS, (&cloud.control, &cloud.vault)).await
}

/// The kinds of the vault's rows.
fn kinds(cloud: &FakeCloud) -> Vec<String> {
    cloud.vault.rows().into_values().map(|row| row.kind).collect()
}

#[tokio::test]
async fn planting_writes_the_row_and_says_what_the_tenant_keeps() {
    let cloud = cloud().await;
    for (source, place, shape) in [
        ("orders", "table acme-orders", r#"{"lethe_canary":{"S":""#),
        ("lake", "s3://acme-lake/exports/", r#"{"lethe_canary":""#),
    ] {
        let done = planted(&cloud, source).await.unwrap();
        assert!(done.is_new && done.canary.place.contains(place), "{done:?}");
        assert!(done.canary.lines[0].starts_with(shape), "{done:?}");
        // A scan of that line finds a token which the vault has.
        let formats: Vec<_> = sample().config().formats.into_values().collect();
        let mut found = Vec::new();
        let line = done.canary.lines[0].as_bytes();
        Extractor::new(&formats, &Encodings::none())
            .scan(line, &mut |token| found.push(token.canonical.to_vec()));
        let rows = cloud.vault.rows();
        let [token] = &found[..] else { panic!("{found:?}") };
        let row = &rows[&TokenId::new(String::from_utf8(token.clone()).unwrap()).unwrap()];
        assert_eq!((row.kind.as_str(), row.phase()), (CANARY_KIND, Phase::Active));
    }
}

#[tokio::test]
async fn planting_twice_is_planting_once() {
    let cloud = cloud().await;
    let first = planted(&cloud, "lake").await.unwrap();
    cloud.clock.advance(Duration::from_hours(1));
    let again = planted(&cloud, "lake").await.unwrap();
    assert_eq!((again.is_new, &again.canary), (false, &first.canary));
    assert_eq!(kinds(&cloud), [CANARY_KIND]);
}

#[tokio::test]
async fn an_interrupted_planting_or_retiring_is_finished_by_the_next_one() {
    for kind in FaultKind::ALL {
        for n in 1.. {
            let cloud = cloud().await;
            cloud.faults.fail_call(n, kind);
            let first = planted(&cloud, "lake").await;
            let fired = cloud.faults.fired();
            cloud.faults.calm();
            planted(&cloud, "lake").await.unwrap();
            assert_eq!(kinds(&cloud), [CANARY_KIND], "{kind:?} {n}");
            cloud.faults.fail_call(n, kind);
            let gone = retired(&cloud, "lake").await;
            let also_fired = cloud.faults.fired();
            cloud.faults.calm();
            if gone.is_err() {
                // It may be gone already, when only the answer was lost.
                drop(retired(&cloud, "lake").await);
            }
            assert_eq!(kinds(&cloud), [""; 0], "{kind:?} {n}");
            assert_eq!(cloud.control.canaries(&tenant("acme")).await.unwrap(), []);
            if fired.is_none() && also_fired.is_none() {
                first.unwrap();
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_does_not_exist_is_bad_input() {
    let cloud = cloud().await;
    let error = planted(&cloud, "warehouse").await.unwrap_err();
    assert!(error.to_string().contains("it has lake, orders"), "{error}");
    assert_eq!(error.exit_code(), 2);
    let error = retired(&cloud, "lake").await.unwrap_err();
    assert!(error.to_string().contains("has no canary"), "{error}");
    assert_eq!(kinds(&cloud), [""; 0]);
}

#[tokio::test]
async fn a_list_shows_what_stands_and_what_is_missing() {
    let cloud = cloud().await;
    planted(&cloud, "lake").await.unwrap();
    let view = list(&tenant("acme"), &LIMITS, &cloud.control).await.unwrap();
    assert_eq!(view.without, ["orders"]);
    let [canary] = &view.canaries[..] else { panic!("{view:?}") };
    assert_eq!((canary.source.as_str(), canary.planted_by.as_str(), &canary.last_look), ("lake", ADA, &None));
    // A sealed run that did not see it.
    let run = Run { evidence: Some("ee".into()), scan_started_at: START, ..run_at(Stage::Void) };
    cloud.control.put_run(run.clone());
    let view = list(&tenant("acme"), &LIMITS, &cloud.control).await.unwrap();
    assert_eq!(view.canaries[0].last_look, Some((run.id, false)));
}
