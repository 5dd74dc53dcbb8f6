//! The only place that prints. Answers go to standard output, progress and complaints to standard error.

use serde::Serialize;

/// Prints an answer, as JSON or as the text that `as_text` makes of it.
#[expect(clippy::print_stdout, reason = "the answer of a command belongs on standard output")]
pub(crate) fn answer<T: Serialize>(json: bool, view: &T, as_text: impl Fn(&T) -> String) {
    if !json {
        println!("{}", as_text(view));
        return;
    }
    match serde_json::to_string_pretty(view) {
        Ok(text) => println!("{text}"),
        // The views have string keys only, which always serialize.
        Err(error) => complain(&error.to_string()),
    }
}

/// Prints a line of progress.
#[expect(clippy::print_stderr, reason = "progress must not mix with the answer")]
pub(crate) fn progress(line: &str) {
    eprintln!("{line}");
}

/// Prints what went wrong.
#[expect(clippy::print_stderr, reason = "complaints belong on standard error")]
pub(crate) fn complain(text: &str) {
    eprintln!("lethe: {text}");
}
