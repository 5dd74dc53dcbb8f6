//! Mark files and their ends.
#![no_main]

use lethe_fuzz::{marks, plant};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: plant(marks::seeds()), |data: &[u8]| marks::run(data));
