//! What confirm reads from its environment.

use lethe_lambda::Reader;

/// The settings.
pub(crate) struct Settings {
    /// Whether this is a local cloud.
    pub(crate) is_local: bool,
    /// The record.
    pub(crate) audit_table: String,
    /// Where what is on record is announced.
    pub(crate) event_bus: String,
    /// The locked objects.
    pub(crate) archive_bucket: String,
}

/// Reads them.
pub(crate) fn read(from: &mut Reader<'_>) -> Settings {
    let profile = from.profile("LETHE_PROFILE", "LETHE_TIME_SCALE", "LETHE_ACCOUNT_ID");
    Settings {
        is_local: profile.is_local,
        audit_table: from.name("LETHE_AUDIT_TABLE"),
        event_bus: from.name("LETHE_EVENT_BUS"),
        archive_bucket: from.name("LETHE_ARCHIVE_BUCKET"),
    }
}
