//! The locked archive's port.

use lethe_domain::audit::ObjectVersion;
use lethe_domain::time::EpochSeconds;

use crate::error::PortError;

/// An object for the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveObject {
    /// Its derived key.
    pub key: String,
    /// Its bytes.
    pub body: Vec<u8>,
    /// How it is locked.
    pub lock: Lock,
}

/// How an archived version is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Until this moment.
    Until(EpochSeconds),
    /// By legal hold.
    Hold,
}

/// A version in the archive bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// Which.
    pub object: ObjectVersion,
    /// Whether it is only a delete marker.
    pub is_delete_marker: bool,
}

/// Some versions of the archive bucket, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionPage {
    /// The versions.
    pub versions: Vec<ListedVersion>,
    /// After which the next page begins.
    pub next: Option<ObjectVersion>,
}

/// What became of the removal of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone, or was before.
    Gone,
    /// It is still locked.
    Locked,
}

/// The locked archive. Nothing here reads an object's bytes.
pub trait Archive {
    /// Writes an object once (`If-None-Match: *`) and returns its version; one that exists is left as it is and its
    /// version returned.
    async fn put(&self, object: &ArchiveObject) -> Result<ObjectVersion, PortError>;
    /// Versions and delete markers under a prefix.
    async fn versions(&self, prefix: &str, after: Option<&ObjectVersion>) -> Result<VersionPage, PortError>;
    /// How a version is locked; `None` when it is gone.
    async fn lock_of(&self, object: &ObjectVersion) -> Result<Option<Lock>, PortError>;
    /// Deletes one version for good, if no lock stands.
    async fn remove(&self, object: &ObjectVersion) -> Result<Removal, PortError>;
}
