//! Events that intake is invoked with, and bodies of commands in such events.
#![no_main]

use lethe_fuzz::{intake, plant};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: plant(intake::seeds()), |data: &[u8]| intake::run(data));
