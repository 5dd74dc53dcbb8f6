//! The kill switch.

use std::collections::BTreeSet;

use futures::future::join_all;
use lethe_domain::pause::{Pause, Pauses, Reach};
use lethe_domain::row::By;
use lethe_domain::time::EpochSeconds;
use lethe_stages::ports::Control;

use super::NOW;
use crate::tokens::tenant;

const LATER: EpochSeconds = EpochSeconds(NOW.0 + 60);
const LAST: EpochSeconds = EpochSeconds(NOW.0 + 120);

pub(super) async fn suite<C: Control>(control: &C) {
    a_pause_stands_until_it_is_ended_by_its_name(control).await;
    a_pause_gives_way_only_to_a_freeze(control).await;
    a_pause_of_all_reaches_every_tenant(control).await;
    late_uses_sum_up_by_tenant_and_day_until_they_are_forgotten(control).await;
}

fn pause(actor: &str, since: EpochSeconds, freezes: bool) -> Pause {
    Pause { by: By { actor: actor.to_owned(), reason_text: None }, since, freezes }
}

fn own(pause: &Pause) -> Pauses {
    Pauses { own: Some(pause.clone()), ..Pauses::default() }
}

async fn a_pause_stands_until_it_is_ended_by_its_name<C: Control>(control: &C) {
    let (of, other) = (tenant("paused"), tenant("paused-2"));
    let reach = Reach::Tenant(of.clone());
    assert_eq!(control.pauses(&of).await.unwrap(), Pauses::default());
    assert!(!control.resume(&reach, NOW, NOW).await.unwrap(), "nothing stands");
    let mut said = pause("arn:ops", NOW, false);
    said.by.reason_text = Some("INC-7".to_owned());
    assert!(control.pause(&reach, &said).await.unwrap());
    assert_eq!(control.pauses(&of).await.unwrap(), own(&said));
    assert_eq!(control.pauses(&other).await.unwrap(), Pauses::default());
    assert!(!control.resume(&reach, LATER, NOW).await.unwrap(), "another pause was meant");
    assert_eq!(control.pauses(&of).await.unwrap(), own(&said));
    assert!(control.resume(&reach, NOW, LATER).await.unwrap());
    // It is over, and that it stood is known.
    let ended = |at| Pauses { ended_at: Some(at), ..Pauses::default() };
    assert_eq!(control.pauses(&of).await.unwrap(), ended(LATER));
    assert!(!control.resume(&reach, NOW, LAST).await.unwrap(), "it ended once");
    assert_eq!(control.pauses(&of).await.unwrap(), ended(LATER));
    assert!(control.pause(&reach, &said).await.unwrap() && control.resume(&reach, NOW, LAST).await.unwrap());
    assert_eq!(control.pauses(&of).await.unwrap(), ended(LAST));
}

async fn a_pause_gives_way_only_to_a_freeze<C: Control>(control: &C) {
    let of = tenant("frozen");
    let reach = Reach::Tenant(of.clone());
    let (first, freeze) = (pause("arn:ops", NOW, false), pause("arn:lead", LATER, true));
    assert!(control.pause(&reach, &first).await.unwrap());
    assert!(!control.pause(&reach, &pause("arn:other", LATER, false)).await.unwrap());
    assert_eq!(control.pauses(&of).await.unwrap(), own(&first));
    assert!(control.pause(&reach, &freeze).await.unwrap());
    for late in [pause("arn:other", NOW, true), pause("arn:other", NOW, false)] {
        assert!(!control.pause(&reach, &late).await.unwrap());
    }
    assert_eq!(control.pauses(&of).await.unwrap(), own(&freeze));
    assert!(control.resume(&reach, LATER, LATER).await.unwrap());
}

async fn a_pause_of_all_reaches_every_tenant<C: Control>(control: &C) {
    let (of, reach) = (tenant("paused-3"), Reach::Tenant(tenant("paused-3")));
    let (all, its_own) = (pause("arn:ops", NOW, true), pause("arn:ops", LATER, false));
    assert!(control.pause(&Reach::Everybody, &all).await.unwrap());
    assert!(control.pause(&reach, &its_own).await.unwrap());
    let stand = control.pauses(&of).await.unwrap();
    assert_eq!((stand.of_all, stand.own), (Some(all), Some(its_own)));
    // Left as it was, for the suites that follow.
    assert!(control.resume(&Reach::Everybody, NOW, LAST).await.unwrap());
    assert!(control.pauses(&of).await.unwrap().is_paused(), "its own stands");
    assert!(control.resume(&reach, LATER, LATER).await.unwrap());
    assert_eq!(control.pauses(&of).await.unwrap().ended_at, Some(LAST), "the later end of the two");
}

async fn late_uses_sum_up_by_tenant_and_day_until_they_are_forgotten<C: Control>(control: &C) {
    let (of, other) = (tenant("late"), tenant("late-2"));
    assert_eq!(control.late_uses(&of, NOW).await.unwrap(), 0);
    let sums = join_all((1..=8).map(|n_tokens| control.count_late_uses(&of, NOW, n_tokens, LATER))).await;
    let sums: BTreeSet<u64> = sums.into_iter().map(|sum| sum.unwrap()).collect();
    assert_eq!((sums.len(), sums.last()), (8, Some(&36)), "each saw a sum of its own: {sums:?}");
    assert_eq!(control.count_late_uses(&of, LATER, 2, LATER).await.unwrap(), 2);
    assert_eq!(control.count_late_uses(&other, NOW, 1, LATER).await.unwrap(), 1);
    control.forget_late_uses(&of, NOW).await.unwrap();
    control.forget_late_uses(&of, NOW).await.unwrap();
    assert_eq!(control.late_uses(&of, NOW).await.unwrap(), 0);
    assert_eq!(control.late_uses(&of, LATER).await.unwrap(), 2);
    assert_eq!(control.late_uses(&other, NOW).await.unwrap(), 1);
}
