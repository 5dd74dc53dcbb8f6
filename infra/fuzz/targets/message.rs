//! What the queues between the functions hold.
#![no_main]

use lethe_fuzz::{message, plant};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: plant(message::seeds()), |data: &[u8]| message::run(data));
