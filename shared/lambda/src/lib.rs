//! The edge that the nine functions share: the cold start, the clock, the settings, the events of AWS and what is
//! answered to them. The only crate of the functions that reads the clock and the environment.

pub mod clock;
pub mod cold_start;
pub mod failure;
pub mod handlers;
#[cfg(test)]
mod hostile;
pub mod invocation;
pub mod message;
pub mod metrics;
pub mod notice;
pub mod request;
pub mod settings;
pub mod stream;

pub use cold_start::start;
pub use invocation::serve;
pub use settings::Reader;
