//! The model is checked whole, and again without each of its guards.

mod mutations;
mod scans;
mod whole;
