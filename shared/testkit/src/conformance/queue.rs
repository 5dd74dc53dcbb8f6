//! What every queue must do.

use std::collections::BTreeSet;
use std::time::Duration;

use lethe_domain::message::Wake;
use lethe_domain::run::RunId;
use lethe_domain::token::Shard;
use lethe_stages::ports::Queue;

use crate::tokens::tenant;

/// How a suite takes messages out of a queue.
pub trait QueueSeed {
    /// The bodies of everything that has arrived, taken out.
    async fn drain(&self) -> Vec<String>;
    /// Lets this time pass.
    async fn wait(&self, time: Duration);
}

/// Holds a queue that is empty to what the stages count on.
pub async fn queue_suite<Q: Queue, S: QueueSeed>(queue: &Q, seed: &S) {
    queue.send(&[]).await.unwrap();
    assert_eq!(seed.drain().await, Vec::<String>::new());
    // Below, at and above what one call takes, and more than run side by side.
    for n in [1, 10, 11, 123] {
        let wakes: Vec<_> = (0..n).map(scan).collect();
        queue.send(&wakes).await.unwrap();
        assert_eq!(received(seed).await, wakes.iter().map(Wake::to_json).collect(), "{n}");
    }
    let run = RunId::parse("1800000000-01").unwrap();
    let plan = Wake::Plan { tenant: tenant("acme"), run: run.clone(), shard: Shard(5) };
    let apply = Wake::Apply { tenant: tenant("acme"), run, shard: Shard(5), hash: "ab".repeat(32) };
    queue.send(&[plan.clone(), apply.clone()]).await.unwrap();
    let parsed: Vec<_> = received(seed).await.iter().filter_map(|body| Wake::parse(body)).collect();
    assert!(parsed.len() == 2 && parsed.contains(&plan) && parsed.contains(&apply), "{parsed:?}");
    let delay = Duration::from_secs(2);
    queue.send_later(&apply, delay).await.unwrap();
    assert_eq!(received(seed).await, BTreeSet::new(), "it is kept back");
    seed.wait(delay).await;
    assert_eq!(received(seed).await, [apply.to_json()].into());
}

fn scan(unit: u32) -> Wake {
    Wake::Scan { tenant: tenant("acme"), run: RunId::parse("1800000000-01").unwrap(), unit }
}

/// A set, because any message may arrive twice and in any order.
async fn received<S: QueueSeed>(seed: &S) -> BTreeSet<String> {
    seed.drain().await.into_iter().collect()
}
