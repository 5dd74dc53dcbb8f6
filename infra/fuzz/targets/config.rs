//! The operator's file, alone and as the successor of another.
#![no_main]

use lethe_fuzz::{config, plant};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: plant(config::seeds()), |data: &[u8]| config::run(data));
