//! What happens once, before the first event: the log, the panic hook, the settings. A bad setting ends it.

use std::str::FromStr;

use lambda_runtime::tracing::subscriber::{self, EnvFilter, filter::LevelFilter};

use crate::settings::{Reader, SettingFaults};

/// Starts a function: its log, then its settings. The error names every bad setting.
pub fn start<T>(read: impl FnOnce(&mut Reader<'_>) -> T) -> Result<T, SettingFaults> {
    start_log(&environment);
    hide_panic_messages();
    Reader::read(&environment, read)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read here and handed on as a lookup function"
)]
fn environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

fn start_log(lookup: &dyn Fn(&str) -> Option<String>) {
    let level = lookup("AWS_LAMBDA_LOG_LEVEL").or_else(|| lookup("RUST_LOG"));
    let log =
        subscriber::fmt().with_target(false).without_time().with_ansi(false).with_env_filter(filter(level));
    let is_json = lookup("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    if is_json {
        log.json().init();
    } else {
        log.init();
    }
}

/// Guard: no secrets in the log. The runtime and the SDK write whole payloads at their lower levels, so only our own
/// lines follow the chosen level, and none goes below debug. The runtime's span, which carries the request id, is info.
fn filter(level: Option<String>) -> EnvFilter {
    let chosen =
        level.map(|level| if level.eq_ignore_ascii_case("fatal") { "error".to_owned() } else { level });
    let chosen = chosen.and_then(|level| LevelFilter::from_str(&level).ok()).unwrap_or(LevelFilter::INFO);
    let ours = chosen.min(LevelFilter::DEBUG);
    EnvFilter::new(format!("warn,lambda_runtime=info,lethe={ours}"))
}

/// Guard: no secrets in the log. A panic's message may quote what was being read, its place cannot.
fn hide_panic_messages() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(level: Option<&str>, expected: &str) {
        let text = filter(level.map(ToOwned::to_owned)).to_string();
        assert!(text.contains(&format!("lethe={expected}")), "{text}");
        assert!(text.contains("warn"), "{text}");
    }

    #[test]
    fn our_lines_follow_the_functions_log_level() {
        check(None, "info");
        check(Some("WARN"), "warn");
        check(Some("FATAL"), "error");
        check(Some("nonsense"), "info");
    }

    #[test]
    fn payloads_are_never_logged() {
        check(Some("TRACE"), "debug");
    }
}
