//! One table of the file, read key by key. Every reader returns `None` for a value that is wrong and reports it, so
//! that the caller compares only values that stand.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::duration::{parse_duration, show_duration};
use super::floors::Bounds;
use super::report::{Report, shown_key};

const NAME_MAX_CHARS: usize = 64;

/// A table of the file, with its path and its place.
#[derive(Clone, Debug)]
pub(super) struct Section<'t> {
    /// The name of the table: the last part of the path.
    pub(super) name: &'t str,
    /// The place in the file's own words; empty for the whole file.
    pub(super) path: String,
    /// The byte where it is named.
    pub(super) at: usize,
    table: &'t DeTable<'t>,
}

/// A value with its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'t> {
    pub(super) at: usize,
    pub(super) value: &'t DeValue<'t>,
}

impl<'t> Section<'t> {
    /// The whole file.
    pub(super) fn root(table: &'t DeTable<'t>) -> Self {
        Self { name: "", path: String::new(), at: 0, table }
    }

    /// The path of a key of this table.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { shown_key(key) } else { format!("{}.{}", self.path, shown_key(key)) }
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The value of a key.
    pub(super) fn entry(&self, key: &str) -> Option<Entry<'t>> {
        let (name, value) = self.table.get_key_value(key)?;
        Some(Entry { at: place(name, value), value: value.get_ref() })
    }

    /// Reports every key that is not one of `known`.
    pub(super) fn check_keys(&self, report: &mut Report, known: &[&str]) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let problem = format!("unknown key; {}", suggest(name, known));
                report.fault(key.span().start, &self.path_of(name), problem);
            }
        }
    }

    /// Reports a fault of the value of `key`, at its place or, when it is not there, at the table's.
    pub(super) fn fault(&self, report: &mut Report, key: &str, problem: impl Into<String>) {
        let at = self.entry(key).map_or(self.at, |entry| entry.at);
        report.fault(at, &self.path_of(key), problem);
    }

    /// Reports that `key` is missing.
    pub(super) fn missing(&self, report: &mut Report, key: &str, problem: impl Into<String>) {
        report.missing(self.at, &self.path_of(key), problem);
    }

    /// The table under `key`; `None` when there is none.
    pub(super) fn table(&self, report: &mut Report, key: &str) -> Option<Self> {
        let (name, value) = self.table.get_key_value(key)?;
        self.child(report, name, value)
    }

    /// The tables of a table of tables, as `[formats.*]`, in the file's order: every value must be a table.
    pub(super) fn tables(&self, report: &mut Report) -> Vec<Self> {
        let mut tables: Vec<Self> =
            self.table.iter().filter_map(|(name, value)| self.child(report, name, value)).collect();
        tables.sort_by_key(|table| table.at);
        tables
    }

    fn child(
        &self,
        report: &mut Report,
        name: &'t Spanned<std::borrow::Cow<'t, str>>,
        value: &'t Spanned<DeValue<'t>>,
    ) -> Option<Self> {
        let path = self.path_of(name.get_ref());
        let Some(table) = value.get_ref().as_table() else {
            report.fault(place(name, value), &path, is_a("a table", value.get_ref()));
            return None;
        };
        Some(Self { name: name.get_ref(), path, at: name.span().start, table })
    }

    /// A text that may be left out.
    pub(super) fn optional_text(&self, report: &mut Report, key: &str) -> Option<&'t str> {
        let entry = self.entry(key)?;
        let text = entry.value.as_str();
        if text.is_none() {
            report.fault(entry.at, &self.path_of(key), is_a("a text in quotes", entry.value));
        }
        text
    }

    /// A text that must be there; `what` says what it is for.
    pub(super) fn text(&self, report: &mut Report, key: &str, what: &str) -> Option<&'t str> {
        if !self.has(key) {
            self.missing(report, key, format!("is missing; set it to {what}"));
        }
        self.optional_text(report, key)
    }

    fn word(&self, report: &mut Report, key: &str, words: &[&'static str]) -> Option<&'static str> {
        let given = self.text(report, key, &format!("one of {}", words.join(", ")))?;
        let found = words.iter().find(|word| **word == given).copied();
        if found.is_none() {
            self.fault(report, key, format!("is not one of the known words; {}", suggest(given, words)));
        }
        found
    }

    /// A text that stands for one of `choices`; `default` when it is left out.
    pub(super) fn choice<T: Copy>(
        &self,
        report: &mut Report,
        key: &str,
        default: T,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        if self.has(key) { self.required_choice(report, key, choices) } else { Some(default) }
    }

    /// A text that stands for one of `choices`.
    pub(super) fn required_choice<T: Copy>(
        &self,
        report: &mut Report,
        key: &str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let words: Vec<&'static str> = choices.iter().map(|(word, _)| *word).collect();
        let word = self.word(report, key, &words)?;
        choices.iter().find(|(known, _)| *known == word).map(|(_, choice)| *choice)
    }

    /// Reports a name that rows, keys and metrics could not carry.
    pub(super) fn check_name(&self, report: &mut Report) {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if self.name.is_empty() || NAME_MAX_CHARS < self.name.len() || !self.name.chars().all(good) {
            report.fault(self.at, &self.path, "a name has 1 to 64 of a-z, 0-9, '-' and '_'; rename it");
        }
    }

    /// A whole number; `default` when it is left out.
    pub(super) fn number(
        &self,
        report: &mut Report,
        key: &str,
        default: u64,
        range: &RangeInclusive<u64>,
    ) -> Option<u64> {
        let Some(entry) = self.entry(key) else { return Some(default) };
        let number = self.whole_number(report, key, entry)?;
        if !range.contains(&number) {
            let problem =
                format!("{number} is not from {} to {}; use a number in it", range.start(), range.end());
            report.fault(entry.at, &self.path_of(key), problem);
            return None;
        }
        Some(number)
    }

    /// A whole number without a range.
    pub(super) fn whole_number(&self, report: &mut Report, key: &str, entry: Entry<'t>) -> Option<u64> {
        let Some(number) = entry.value.as_integer() else {
            report.fault(entry.at, &self.path_of(key), is_a("a whole number", entry.value));
            return None;
        };
        let number = u64::from_str_radix(number.as_str(), number.radix()).ok();
        if number.is_none() {
            report.fault(
                entry.at,
                &self.path_of(key),
                "is not a number from 0 to 18446744073709551615; use one",
            );
        }
        number
    }

    /// `true` or `false`; `default` when it is left out.
    pub(super) fn flag(&self, report: &mut Report, key: &str, default: bool) -> Option<bool> {
        let Some(entry) = self.entry(key) else { return Some(default) };
        let flag = entry.value.as_bool();
        if flag.is_none() {
            report.fault(entry.at, &self.path_of(key), is_a("true or false", entry.value));
        }
        flag
    }

    /// A duration within its bounds; `default` when it is left out.
    pub(super) fn duration(
        &self,
        report: &mut Report,
        key: &str,
        default: Duration,
        bounds: &Bounds,
    ) -> Option<Duration> {
        if !self.has(key) {
            return Some(default);
        }
        let text = self.optional_text(report, key)?;
        let Some(duration) = parse_duration(text) else {
            self.fault(report, key, "is not a duration; write a whole number and s, m, h or d, as \"24h\"");
            return None;
        };
        let shown = show_duration(duration);
        if duration < bounds.least {
            let floor = show_duration(bounds.least);
            let problem =
                format!("{shown} is below the floor of {floor}: {}; use {floor} or more", bounds.why);
            self.fault(report, key, problem);
            return None;
        }
        if bounds.most < duration {
            let most = show_duration(bounds.most);
            self.fault(report, key, format!("{shown} is above the ceiling of {most}; use {most} or less"));
            return None;
        }
        Some(duration)
    }

    /// The texts of a list, each with its place. What is not a text is reported and left out.
    pub(super) fn texts(&self, report: &mut Report, key: &str) -> Option<Vec<(usize, &'t str)>> {
        let entry = self.entry(key)?;
        let Some(list) = entry.value.as_array() else {
            report.fault(entry.at, &self.path_of(key), is_a("a list of texts, as [\"vault\"]", entry.value));
            return None;
        };
        let mut texts = Vec::new();
        for item in list {
            if let Some(text) = item.get_ref().as_str() {
                texts.push((item.span().start, text));
            } else {
                let problem = format!("one item {}", is_a("a text in quotes", item.get_ref()));
                report.fault(item.span().start, &self.path_of(key), problem);
            }
        }
        Some(texts)
    }
}

/// Where a fault of this value is shown: at the value, or at its key when the parser made the value up.
fn place(name: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>) -> usize {
    if value.span().is_empty() || value.get_ref().is_table() { name.span().start } else { value.span().start }
}

fn is_a(expected: &str, value: &DeValue<'_>) -> String {
    let given = match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    format!("is {given}; use {expected}")
}

/// "did you mean …?" when a known word is near, and all of them otherwise. The unknown word is not repeated.
pub(super) fn suggest(given: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&head(given), word), *word))
        .filter(|(distance, word)| *distance <= word.len().div_ceil(3))
        .min();
    match near {
        Some((_, word)) => format!("did you mean `{word}`?"),
        None if known.is_empty() => "nothing is known here; remove it".to_owned(),
        None => format!("use one of {}", known.join(", ")),
    }
}

/// The start of a text, long enough to compare it with a word: the comparison's cost grows with the square.
fn head(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        let known = ["cadence", "kinds", "shards"];
        assert_eq!(suggest("cadense", &known), "did you mean `cadence`?");
        assert_eq!(suggest("kind", &known), "did you mean `kinds`?");
        assert_eq!(suggest("password", &known), "use one of cadence, kinds, shards");
        assert_eq!(suggest("x", &[]), "nothing is known here; remove it");
    }
}
