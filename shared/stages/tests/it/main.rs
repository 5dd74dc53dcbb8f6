//! The stages over the fakes.
#![allow(missing_docs, unreachable_pub, reason = "the helpers of one test binary")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod barrier;
mod callers;
mod canaries;
mod cleanup;
mod crash;
mod driver;
mod events;
mod families;
mod feed;
mod gate;
mod groups;
mod guards;
mod holds;
mod house;
mod joined;
mod life;
mod model;
mod notices;
mod out_of_band;
mod pauses;
mod recall;
mod recut;
mod regret;
mod report;
mod shrunk;
mod triggers;
mod undo;
mod verify;
mod voids;
mod windows;
mod world;
