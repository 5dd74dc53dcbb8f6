//! The text of a command.
#![no_main]

use lethe_fuzz::{command, plant};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: plant(command::seeds()), |data: &[u8]| command::run(data));
