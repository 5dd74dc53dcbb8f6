//! Durations as the config writes them: a whole number and one unit, as `90d`.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A number of days; at the end of `u64` it stays there.
pub(super) const fn days(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(DAY))
}

/// Reads `<whole number><s|m|h|d>`; `None` for anything else, and for what does not fit.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let number = text.strip_suffix(unit)?;
    let unit = match unit {
        's' => 1,
        'm' => MINUTE,
        'h' => HOUR,
        'd' => DAY,
        _ => return None,
    };
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(unit).map(Duration::from_secs)
}

/// A duration in whole seconds, in the largest unit that divides it.
pub fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    for (unit, name) in [(DAY, 'd'), (HOUR, 'h'), (MINUTE, 'm')] {
        // From 2 days on people count in days; 24 h and 36 h read better in hours.
        let least = if unit == DAY { 2 * DAY } else { unit };
        if least <= seconds && seconds.is_multiple_of(unit) {
            return format!("{}{name}", seconds.div_euclid(unit));
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_one_unit() {
        for (text, expected) in [
            ("0s", Duration::from_secs(0)),
            ("90s", Duration::from_secs(90)),
            ("15m", Duration::from_mins(15)),
            ("24h", Duration::from_hours(24)),
            ("7d", days(7)),
        ] {
            assert_eq!(parse_duration(text), Some(expected), "{text}");
        }
        for bad in ["", "h", "24", "-1h", "+1h", "1.5h", "1 h", "1w", "1H", "1h30m", "99999999999999999999d"]
        {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
        assert_eq!(parse_duration(&format!("{}d", u64::MAX)), None);
    }

    #[test]
    fn a_duration_shows_in_its_largest_unit() {
        for text in ["0s", "90s", "15m", "24h", "36h", "7d", "365d"] {
            assert_eq!(show_duration(parse_duration(text).unwrap()), text);
        }
    }
}
