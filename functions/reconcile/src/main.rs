//! Removes what is overdue, wakes what is stuck and counts what is late.
// The SDK's futures nest deeper than the compiler looks by default.
#![recursion_limit = "256"]

mod settings;

use lethe_aws::{Clients, LockMode};
use lethe_lambda::handlers;
use lethe_stages::announce::Announced;
use lethe_stages::reconcile::Reconcile;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = lethe_lambda::start(settings::read)?;
    let clients = Clients::load(settings.is_local).await;
    let control = &clients.control(settings.control_table.clone());
    let audit =
        &Announced { audit: clients.audit(settings.audit_table), bus: clients.event_bus(settings.event_bus) };
    let work = &clients.work(settings.work_bucket);
    let vault = &clients.vault(settings.vault_table, settings.control_table);
    // Nothing is locked here, so the mode of the lock does not matter.
    let archive = &clients.archive(settings.archive_bucket, LockMode::Governance);
    let scan_queue = &clients.queue(settings.scan_queue_url);
    let sweep_queue = &clients.queue(settings.sweep_queue_url);
    let stage = Reconcile {
        control,
        audit,
        work,
        vault,
        archive,
        scan_queue,
        sweep_queue,
        settings: &settings.stage,
    };
    lethe_lambda::serve(async |_event, at| handlers::reconcile(&stage, at).await).await?;
    Ok(())
}
