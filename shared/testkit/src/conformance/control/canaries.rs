//! The canaries of a tenant's sources.

use lethe_domain::canary::{Canary, CanaryToken};
use lethe_domain::time::EpochSeconds;
use lethe_domain::token::Shard;
use lethe_stages::ports::Control;

use super::NOW;
use crate::tokens::{tenant, token};

pub(super) async fn suite<C: Control>(control: &C) {
    a_source_has_one_canary(control).await;
    only_the_canary_that_stands_is_retired(control).await;
}

fn canary(source: &str, seed: u64) -> Canary {
    let planted_at = EpochSeconds(NOW.0 + i64::try_from(seed).unwrap());
    let tokens = vec![CanaryToken { format: "card".to_owned(), token: token(seed), shard: Shard(1) }];
    Canary { source: source.to_owned(), planted_at, planted_by: "arn:aws:iam::1:user/ops".to_owned(), tokens }
}

async fn a_source_has_one_canary<C: Control>(control: &C) {
    let of = tenant("canaries");
    assert_eq!(control.canaries(&of).await.unwrap(), []);
    assert!(control.plant_canary(&of, &canary("orders", 1)).await.unwrap());
    assert!(!control.plant_canary(&of, &canary("orders", 2)).await.unwrap(), "the source has one");
    assert!(control.plant_canary(&of, &canary("lake", 3)).await.unwrap());
    assert!(control.plant_canary(&tenant("canaries-2"), &canary("orders", 4)).await.unwrap());
    assert_eq!(control.canaries(&of).await.unwrap(), [canary("lake", 3), canary("orders", 1)]);
    assert_eq!(control.canaries(&tenant("canaries-2")).await.unwrap(), [canary("orders", 4)]);
}

async fn only_the_canary_that_stands_is_retired<C: Control>(control: &C) {
    let of = tenant("retired");
    assert!(!control.retire_canary(&of, &canary("orders", 1)).await.unwrap(), "there is none");
    assert!(control.plant_canary(&of, &canary("orders", 2)).await.unwrap());
    assert!(!control.retire_canary(&of, &canary("orders", 1)).await.unwrap(), "another stands now");
    assert_eq!(control.canaries(&of).await.unwrap(), [canary("orders", 2)]);
    assert!(control.retire_canary(&of, &canary("orders", 2)).await.unwrap());
    assert_eq!(control.canaries(&of).await.unwrap(), []);
    assert!(control.plant_canary(&of, &canary("orders", 5)).await.unwrap());
}
