//! What archive reads from its environment.

use lethe_aws::LockMode;
use lethe_lambda::Reader;
use lethe_stages::settings::{Mode, Settings as StageSettings};

/// The settings.
pub(crate) struct Settings {
    /// Whether this is a local cloud.
    pub(crate) is_local: bool,
    /// Mode and limits.
    pub(crate) stage: StageSettings,
    /// How objects are locked.
    pub(crate) lock_mode: LockMode,
    /// Config, runs, leases.
    pub(crate) control_table: String,
    /// The record.
    pub(crate) audit_table: String,
    /// Where what is on record is announced.
    pub(crate) event_bus: String,
    /// The tokens' rows, and whether their subjects are held.
    pub(crate) vault_table: String,
    /// The locked objects.
    pub(crate) archive_bucket: String,
}

/// Reads them.
pub(crate) fn read(from: &mut Reader<'_>) -> Settings {
    let profile = from.profile("LETHE_PROFILE", "LETHE_TIME_SCALE", "LETHE_ACCOUNT_ID");
    let lock_modes = (("GOVERNANCE", LockMode::Governance), ("COMPLIANCE", LockMode::Compliance));
    Settings {
        is_local: profile.is_local,
        // What has left the vault is archived in either mode.
        stage: profile.settings(Mode::Act, true),
        lock_mode: from.either("LETHE_LOCK_MODE", lock_modes.0, lock_modes.1, "GOVERNANCE or COMPLIANCE"),
        control_table: from.name("LETHE_CONTROL_TABLE"),
        audit_table: from.name("LETHE_AUDIT_TABLE"),
        event_bus: from.name("LETHE_EVENT_BUS"),
        vault_table: from.name("LETHE_VAULT_TABLE"),
        archive_bucket: from.name("LETHE_ARCHIVE_BUCKET"),
    }
}
