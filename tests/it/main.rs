//! The tests that belong to no crate: what the template grants and sets, and Lethe as a whole.

// `cfg(test)` tells clippy that the helpers in these modules are tests too.
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod events;
#[cfg(test)]
mod layout;
#[cfg(test)]
mod template;
