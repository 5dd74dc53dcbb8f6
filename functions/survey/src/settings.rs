//! What survey reads from its environment.

use lethe_lambda::Reader;
use lethe_stages::settings::Settings as StageSettings;

/// The settings.
pub(crate) struct Settings {
    /// Whether this is a local cloud.
    pub(crate) is_local: bool,
    /// Mode and limits.
    pub(crate) stage: StageSettings,
    /// Config, runs, leases.
    pub(crate) control_table: String,
    /// The record.
    pub(crate) audit_table: String,
    /// Where what is on record is announced.
    pub(crate) event_bus: String,
    /// Manifests, marks, plans.
    pub(crate) work_bucket: String,
    /// Where units wait.
    pub(crate) scan_queue_url: String,
    /// Where shards wait.
    pub(crate) sweep_queue_url: String,
}

/// Reads them.
pub(crate) fn read(from: &mut Reader<'_>) -> Settings {
    let profile = from.profile("LETHE_PROFILE", "LETHE_TIME_SCALE", "LETHE_ACCOUNT_ID");
    let (mode, scan) = (from.mode("LETHE_MODE"), from.switch("LETHE_SCAN"));
    Settings {
        is_local: profile.is_local,
        stage: profile.settings(mode, scan),
        control_table: from.name("LETHE_CONTROL_TABLE"),
        audit_table: from.name("LETHE_AUDIT_TABLE"),
        event_bus: from.name("LETHE_EVENT_BUS"),
        work_bucket: from.name("LETHE_WORK_BUCKET"),
        scan_queue_url: from.url("LETHE_SCAN_QUEUE_URL"),
        sweep_queue_url: from.url("LETHE_SWEEP_QUEUE_URL"),
    }
}
