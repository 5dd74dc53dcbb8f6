//! Packed entries of an audit item.
#![no_main]

use lethe_fuzz::{audit, plant};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: plant(audit::seeds()), |data: &[u8]| audit::run(data));
