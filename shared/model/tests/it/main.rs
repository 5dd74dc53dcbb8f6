//! The model is checked whole, and again without each of its guards.

mod mutations;
mod scans;
mod second_lock;
mod whole;
