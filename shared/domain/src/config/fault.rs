//! What is wrong with a config file, where, and what to do about it.

use std::fmt;

/// How the file is called in a message unless the caller names another.
const DEFAULT_FILE: &str = "lethe.toml";

/// One thing that is wrong with a config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The place in the file's own words, as `tenants.acme.shards`; empty for a syntax error.
    pub path: String,
    /// What is wrong and what to do. Text values of the file are not repeated: one of them may be a secret that
    /// was pasted into the wrong place.
    pub problem: String,
}

impl Fault {
    /// The fault as one line about `file`.
    pub fn in_file(&self, file: &str) -> String {
        let Self { line, column, path, problem } = self;
        if path.is_empty() {
            return format!("{file}:{line}:{column} {problem}");
        }
        format!("{file}:{line}:{column} {path}: {problem}")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_file(DEFAULT_FILE))
    }
}

/// Everything that is wrong with a config file, in the file's order; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// `None` when there is no fault.
    pub(super) fn new(faults: Vec<Fault>) -> Option<Self> {
        if faults.is_empty() { None } else { Some(Self(faults)) }
    }

    /// A report of one fault.
    pub(super) fn one(fault: Fault) -> Self {
        Self(vec![fault])
    }

    /// The faults in the order of their lines.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    /// The faults as lines about `file`.
    pub fn in_file(&self, file: &str) -> String {
        self.0.iter().map(|fault| fault.in_file(file)).collect::<Vec<_>>().join("\n")
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "a report without a fault is not made")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_file(DEFAULT_FILE))
    }
}

impl std::error::Error for Faults {}
