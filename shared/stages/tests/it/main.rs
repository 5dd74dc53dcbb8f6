//! The stages over the fakes.
#![allow(missing_docs, unreachable_pub, reason = "the helpers of one test binary")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod crash;
mod driver;
mod guards;
mod life;
mod out_of_band;
mod report;
mod voids;
mod world;
