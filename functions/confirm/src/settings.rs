//! What confirm reads from its environment.

use lethe_lambda::Reader;

/// The settings.
pub(crate) struct Settings {
    /// The record.
    pub(crate) audit_table: String,
    /// The locked objects.
    pub(crate) archive_bucket: String,
}

/// Reads them.
pub(crate) fn read(from: &mut Reader<'_>) -> Settings {
    // Nothing here waits or is timed, but no function runs where its profile may not.
    from.profile("LETHE_PROFILE", "LETHE_TIME_SCALE", "LETHE_ACCOUNT_ID");
    Settings {
        audit_table: from.name("LETHE_AUDIT_TABLE"),
        archive_bucket: from.name("LETHE_ARCHIVE_BUCKET"),
    }
}
