//! What each function does with an event: plain functions over the stages' ports, so that a recorded event drives the
//! very code that Lambda runs.

mod intake;
mod queue;
mod tick;
mod vault_stream;

pub use intake::intake;
pub use queue::{confirm, scan, sweep};
pub use tick::{expire, reconcile, survey};
pub use vault_stream::{archive, react};

use futures::future::LocalBoxFuture;
use lethe_stages::error::StageError;
use serde::Serialize;

use crate::clock::Stopwatch;
use crate::failure::{Failure, guarded};
use crate::metrics::{self, Measured};

/// Runs a stage once: a panic becomes a failure, a report one line of the log and its metrics.
async fn run<R: Serialize + Measured>(
    stage: &'static str,
    work: LocalBoxFuture<'_, Result<R, StageError>>,
) -> Result<R, Failure> {
    let watch = Stopwatch::start();
    let report = guarded(work).await?;
    log(stage, &report, watch);
    metrics::emit(&report);
    Ok(report)
}

/// The one line of a stage run.
fn log(stage: &'static str, report: &impl Serialize, watch: Stopwatch) {
    let report = serde_json::to_string(report).unwrap_or_default();
    tracing::info!(stage, report, duration_ms = watch.elapsed_ms(), "stage run done");
}
