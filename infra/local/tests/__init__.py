"""Unit tests of the pure parts of infra/local; `cargo xtask test` runs them from that directory."""
