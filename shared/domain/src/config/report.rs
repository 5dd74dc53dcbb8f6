//! Collects faults while a file is read, so that a person sees all of them at once.

use super::fault::{Fault, Faults};

/// How many characters of a key from the file a message repeats.
const SHOWN_KEY_CHARS: usize = 32;

/// What one reading of a file has found so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Whether the text stood before and is stored: what takes long to check was checked then.
    pub(super) is_stored: bool,
    found: Vec<Found>,
}

#[derive(Debug)]
struct Found {
    at: usize,
    path: String,
    problem: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The text is not TOML here.
    Syntax,
    /// A value is wrong.
    Value,
    /// Something is not there.
    Missing,
}

impl Report {
    /// Of a text that is stored.
    pub(super) fn of_stored() -> Self {
        Self { is_stored: true, ..Self::default() }
    }

    /// The text is not TOML at this byte.
    pub(super) fn syntax(&mut self, at: usize, problem: String) {
        self.add(at, "", problem, Kind::Syntax);
    }

    /// The value at this byte is wrong.
    pub(super) fn fault(&mut self, at: usize, path: &str, problem: impl Into<String>) {
        self.add(at, path, problem.into(), Kind::Value);
    }

    /// Something is missing in the section at this byte.
    pub(super) fn missing(&mut self, at: usize, path: &str, problem: impl Into<String>) {
        self.add(at, path, problem.into(), Kind::Missing);
    }

    fn add(&mut self, at: usize, path: &str, problem: String, kind: Kind) {
        self.found.push(Found { at, path: path.to_owned(), problem, kind });
    }

    /// All faults in the order of the text; `None` when there is none.
    ///
    /// After a syntax error the rest of the file is still read, but what is missing then, or wrong in the same line,
    /// is a consequence and not a second fault.
    pub(super) fn finish(mut self, text: &str) -> Option<Faults> {
        self.found.sort_by_key(|found| found.at);
        let mut places = Places::new(text);
        let located: Vec<(Kind, Fault)> = self
            .found
            .into_iter()
            .map(|found| {
                let (line, column) = places.find(found.at);
                (found.kind, Fault { line, column, path: found.path, problem: found.problem })
            })
            .collect();
        let broken_lines: Vec<usize> =
            located.iter().filter(|(kind, _)| *kind == Kind::Syntax).map(|(_, fault)| fault.line).collect();
        let is_own = |kind: Kind, line: usize| match kind {
            Kind::Syntax => true,
            Kind::Value => broken_lines.binary_search(&line).is_err(),
            Kind::Missing => broken_lines.is_empty(),
        };
        let mut faults: Vec<Fault> = located
            .into_iter()
            .filter(|(kind, fault)| is_own(*kind, fault.line))
            .map(|(_, fault)| fault)
            .collect();
        faults.dedup();
        Faults::new(faults)
    }
}

/// Turns rising byte offsets into lines and columns, in one pass over the text.
struct Places<'t> {
    rest: std::str::CharIndices<'t>,
    line: usize,
    column: usize,
}

impl<'t> Places<'t> {
    fn new(text: &'t str) -> Self {
        Self { rest: text.char_indices(), line: 1, column: 1 }
    }

    fn find(&mut self, at: usize) -> (usize, usize) {
        while self.rest.offset() < at {
            let Some((_, c)) = self.rest.next() else { break };
            if c == '\n' {
                self.line = self.line.saturating_add(1);
                self.column = 1;
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        (self.line, self.column)
    }
}

/// A key as a path shows it: short, in one line, whatever the file contains.
pub(super) fn shown_key(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut shown: String = key.chars().take(SHOWN_KEY_CHARS).collect();
    if !shown.chars().all(plain) {
        shown = format!("{shown:?}");
    }
    if SHOWN_KEY_CHARS < key.chars().count() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_fault_is_no_report() {
        assert!(Report::default().finish("a = 1").is_none());
    }

    #[test]
    fn faults_come_in_the_order_of_the_text_with_line_and_column() {
        let mut report = Report::default();
        report.fault(9, "b", "second");
        report.fault(0, "a", "first");
        let shown = report.finish("a = 'é'\nb = 2").unwrap().to_string();
        assert_eq!(shown, "lethe.toml:1:1 a: first\nlethe.toml:2:1 b: second");
    }

    #[test]
    fn an_offset_past_the_end_is_the_end() {
        let mut report = Report::default();
        report.fault(100, "a", "late");
        assert_eq!(report.finish("a\nb").unwrap().to_string(), "lethe.toml:2:2 a: late");
    }

    #[test]
    fn a_syntax_error_hides_what_follows_from_it() {
        let mut report = Report::default();
        report.syntax(5, "not toml".to_owned());
        report.fault(0, "a", "in the same line");
        report.missing(0, "c", "is missing");
        report.fault(8, "b", "in another line");
        let shown = report.finish("a = ==\nb = 2").unwrap().to_string();
        assert_eq!(shown, "lethe.toml:1:6 not toml\nlethe.toml:2:2 b: in another line");
    }

    #[test]
    fn a_hostile_key_is_shown_short_and_in_one_line() {
        assert_eq!(shown_key("acme-1_x"), "acme-1_x");
        assert_eq!(shown_key("a\nb"), r#""a\nb""#);
        assert_eq!(shown_key(&"k".repeat(40)), format!("{}…", "k".repeat(32)));
    }
}
