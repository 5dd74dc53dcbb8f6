//! Configs that were parsed before. A stored version never changes, and a warm function, which is one thread, is woken
//! for the same few versions again and again: each text is parsed once.

use std::cell::RefCell;
use std::sync::Arc;

use lethe_domain::config::Config;
use lethe_domain::time::TimeScale;

/// The version in force, and those that runs under way pin.
const MAX_KEPT: usize = 4;

thread_local! {
    /// The last ones, latest first.
    static KEPT: RefCell<Vec<Parsed>> = const { RefCell::new(Vec::new()) };
}

/// One text with what it says.
struct Parsed {
    text: String,
    scale: TimeScale,
    config: Arc<Config>,
}

/// The config that a text says, its durations scaled; `None` where it says none.
///
/// Guard: what is kept is found by the whole text and the scale. A version's number could be another one's in another
/// deployment.
pub(crate) fn config_of(text: &str, scale: TimeScale) -> Option<Arc<Config>> {
    KEPT.with_borrow_mut(|kept| {
        let parsed = match kept.iter().position(|parsed| parsed.text == text && parsed.scale == scale) {
            Some(at) => kept.remove(at),
            None => parse(text, scale)?,
        };
        let config = Arc::clone(&parsed.config);
        kept.insert(0, parsed);
        kept.truncate(MAX_KEPT);
        Some(config)
    })
}

fn parse(text: &str, scale: TimeScale) -> Option<Parsed> {
    let config = Config::parse_stored(text).ok()?.scaled(scale);
    Some(Parsed { text: text.to_owned(), scale, config: Arc::new(config) })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn text(shards: u16) -> String {
        format!("version = 1\n[kinds.session]\n[tenants.acme]\nshards = {shards}\nkinds = [\"session\"]\n")
    }

    fn config(shards: u16) -> Arc<Config> {
        config_of(&text(shards), TimeScale::REAL).unwrap()
    }

    #[test]
    fn a_text_is_parsed_once() {
        let first = config(1);
        assert!(Arc::ptr_eq(&first, &config(1)));
        assert_eq!(*first, Config::parse(&text(1)).unwrap());
    }

    #[test]
    fn another_text_or_scale_is_another_config() {
        assert_ne!(config(1), config(2));
        let faster = config_of(&text(1), TimeScale::dividing_by(NonZeroU32::new(60).unwrap())).unwrap();
        assert!(!Arc::ptr_eq(&config(1), &faster));
    }

    #[test]
    fn a_text_that_says_nothing_is_never_kept() {
        let n_kept = KEPT.with_borrow(Vec::len);
        assert!(config_of("version = 1\n[tenants", TimeScale::REAL).is_none());
        assert_eq!(KEPT.with_borrow(Vec::len), n_kept);
    }

    #[test]
    fn only_the_latest_are_kept() {
        let first = config(1);
        for shards in [2, 4, 8] {
            config(shards);
        }
        assert!(Arc::ptr_eq(&first, &config(1)), "it was used last");
        for shards in [2, 4, 8, 16] {
            config(shards);
        }
        assert!(!Arc::ptr_eq(&first, &config(1)));
        assert_eq!(KEPT.with_borrow(Vec::len), MAX_KEPT);
    }
}
