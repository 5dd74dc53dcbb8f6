//! Opens due runs, lists tenants' stores into units and wakes what waits.
// The SDK's futures nest deeper than the compiler looks by default.
#![recursion_limit = "256"]

mod settings;

use lethe_aws::Clients;
use lethe_lambda::handlers;
use lethe_stages::announce::Announced;
use lethe_stages::survey::Survey;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = lethe_lambda::start(settings::read)?;
    let clients = Clients::load(settings.is_local).await;
    let control = &clients.control(settings.control_table);
    let audit =
        &Announced { audit: clients.audit(settings.audit_table), bus: clients.event_bus(settings.event_bus) };
    let work = &clients.work(settings.work_bucket);
    let scan_queue = &clients.queue(settings.scan_queue_url);
    let sweep_queue = &clients.queue(settings.sweep_queue_url);
    let stores = &clients.stores();
    let stage = Survey { control, audit, work, scan_queue, sweep_queue, stores, settings: &settings.stage };
    lethe_lambda::serve(async |_event, at| handlers::survey(&stage, at).await).await?;
    Ok(())
}
