//! Where things are: the repository, the build directory, and what is made beside the builds.

use std::path::{Path, PathBuf};

/// The nine functions, in the order of the line.
pub const FUNCTIONS: [&str; 9] =
    ["survey", "scan", "sweep", "expire", "intake", "react", "archive", "confirm", "reconcile"];

/// The repository's root. Cargo names this package's directory when it runs us, so a moved checkout still works.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(built_in, PathBuf::from);
    here.ancestors().nth(2).map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn built_in() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The build directory.
pub fn target() -> PathBuf {
    root().join("target")
}

/// Log, stack description and temporary files of one local cloud: a demo must not disturb the one left running.
pub fn cloud(name: &str) -> PathBuf {
    target().join("cloud").join(name)
}

/// Fuzz targets, their corpora and what they found.
pub fn fuzz() -> PathBuf {
    target().join("fuzz")
}

/// The Python that speaks to the local cloud.
pub fn local() -> PathBuf {
    root().join("infra").join("local")
}
