//! Survey.
fn main() {}
