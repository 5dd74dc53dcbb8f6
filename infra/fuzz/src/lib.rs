//! What the fuzz targets do with hostile bytes, a module an entry point. A target fails by a panic: one of ours that
//! bytes from outside can reach, or an assertion here about what holds whatever the bytes are.

pub mod audit;
pub mod command;
pub mod config;
pub mod intake;
pub mod marks;
pub mod message;
pub mod stream;

mod world;

use std::path::Path;

/// The directory that a target's seeds are written to.
const SEED_DIRECTORY: &str = "LETHE_FUZZ_SEEDS";

/// Called before libFuzzer reads its corpus: writes the target's first inputs to where `cargo xtask fuzz` says.
pub fn plant(seeds: Vec<Vec<u8>>) {
    let Some(directory) = std::env::var_os(SEED_DIRECTORY) else { return };
    for (at, seed) in seeds.into_iter().enumerate() {
        std::fs::write(Path::new(&directory).join(format!("seed-{at:03}")), seed).expect("write a seed");
    }
}

/// The text of a file of this repository as a seed.
fn seed(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}
