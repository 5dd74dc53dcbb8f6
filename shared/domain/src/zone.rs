//! Time zones by their IANA names, from the database that is built in: what a machine has in its own files, and which zone
//! it is in, changes no decision.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned};

use crate::time::EpochSeconds;

/// The zone of this name, as `UTC` or `Europe/Berlin`.
pub(crate) fn find_zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok().filter(|zone| !zone.is_unknown())
}

/// A moment as a clock in the zone shows it; `None` outside the years -9999 to 9999.
pub(crate) fn shown_in(zone: &TimeZone, at: EpochSeconds) -> Option<Zoned> {
    Some(Timestamp::from_second(at.0).ok()?.to_zoned(zone.clone()))
}

/// The second that a clock's reading lies in.
pub(crate) fn second_of(zoned: &Zoned) -> EpochSeconds {
    EpochSeconds(zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_found_by_its_iana_name_and_nothing_else_is() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Pacific/Chatham"] {
            assert!(find_zone(name).is_some(), "{name}");
        }
        for name in ["", "Berlin", "Europe/Atlantis", "+01:00", "localtime", "Etc/Unknown", "../UTC", "6"] {
            assert!(find_zone(name).is_none(), "{name}");
        }
    }
}
