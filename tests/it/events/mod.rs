//! Recorded events of AWS drive the functions' handlers over the fakes, and what becomes of which token, version or
//! message is asserted by identity. They stand for what the local cloud cannot produce: TTL with its identity, removal by
//! lifecycle, the caller of a Function URL.

mod commands;
mod line;
mod purged;
mod shapes;
mod vault_stream;
mod world;
