//! The bounds that no setting can pass. They are constants, so that a typing error in the config cannot turn a
//! careful policy into one that deletes what was written a moment ago.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::duration::days;

/// The largest config file: it is stored as one DynamoDB item, which holds 400 KB.
pub const FILE_MAX_BYTES: usize = 256 * 1024;

/// The range of a duration and the reason for it.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The shortest that is allowed.
    pub least: Duration,
    /// The longest that is allowed.
    pub most: Duration,
    /// Why there is a bound; ends the sentence "below the floor of 24h: …".
    pub why: &'static str,
}

/// How long a token must be older than a scan to count as missed (design: the age floor).
pub const GRACE: Bounds = Bounds {
    least: Duration::from_hours(24),
    most: days(365),
    why: "a token younger than a scan may not be in a store yet",
};

/// How old a read stamp may grow before a read writes it again.
pub const READ_GRANULARITY: Bounds =
    Bounds { least: Duration::from_secs(1), most: days(30), why: "every read would be a write" };

/// For how long the use of a spent refresh token passes for a retry.
pub const REUSE_LEEWAY: Bounds =
    Bounds { least: Duration::ZERO, most: Duration::from_mins(10), why: "it cannot be negative" };

/// After how long without a read a token is idle.
pub const IDLE_AFTER: Bounds = Bounds {
    least: Duration::from_hours(24),
    most: days(3650),
    why: "a token is not idle because it had a quiet night",
};

/// The cool-off of what was found unused and may turn out to be in use.
pub const COOL_OFF_UNUSED: Bounds = Bounds {
    least: Duration::from_hours(24),
    most: days(365),
    why: "whoever still uses the token needs time to say so",
};

/// The cool-off of what somebody ended by a command.
pub const COOL_OFF_ENDED: Bounds =
    Bounds { least: Duration::from_secs(0), most: days(365), why: "it cannot be negative" };

/// The cool-off of a spent refresh token, which begins when its family's last live member has ended.
pub const COOL_OFF_SPENT: Bounds = Bounds {
    least: Duration::from_hours(24),
    most: days(365),
    why: "the reuse of a spent refresh token must still be seen",
};

/// How often a tenant's campaign starts.
pub const CADENCE: Bounds = Bounds {
    least: Duration::from_hours(4),
    most: days(365),
    why: "the runs of one campaign are at least 4h apart",
};

/// The drain between the end of a scan and the plan.
pub const IN_FLIGHT_MAX: Bounds = Bounds {
    least: Duration::from_mins(1),
    most: Duration::from_hours(24),
    why: "writes that were under way during the scan must land first",
};

/// Grace and idle times in units of `read_granularity`: a read may be unseen for one granularity.
pub const GRANULARITY_FACTOR: u32 = 2;

/// Runs in a row that must miss a token before it cools.
pub const STRIKES: RangeInclusive<u64> = 2..=10;

/// The share of a tenant's tokens, in percent, that a plan may cool without an approval.
pub const RATIO_PERCENT: RangeInclusive<u64> = 0..=15;

/// The number of tokens that a plan may always cool without an approval.
pub const RATIO_FLOOR: RangeInclusive<u64> = 0..=1000;

/// The share of a tenant's tokens, in percent, that commands may remove in a day without an approval.
pub const COMMAND_PERCENT: RangeInclusive<u64> = 0..=10;

/// The number of tokens that commands may always remove in a day without an approval.
pub const COMMAND_FLOOR: RangeInclusive<u64> = 0..=10_000;

/// The segments of a parallel scan: each is one message and one worker.
pub const SEGMENTS: RangeInclusive<u64> = 1..=4096;

/// The partitions of the `due` index.
pub const DUE_SHARDS: RangeInclusive<u64> = 16..=256;
