//! Batches of the vault's stream.
#![no_main]

use lethe_fuzz::{plant, stream};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: plant(stream::seeds()), |data: &[u8]| stream::run(data));
