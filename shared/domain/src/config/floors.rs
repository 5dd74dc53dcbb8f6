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

/// The longest time without a firing that a cron may have: a leap year.
pub const CRON_GAP_MAX: Duration = days(366);

/// For how long a window is open each day, and for how long closed.
pub const WINDOW: Bounds = Bounds {
    least: Duration::from_hours(1),
    most: Duration::from_hours(23),
    why: "a run reads, waits and looks again in it",
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

/// Runs in a row that must miss a token of a tenant with a weak source. A reference that moves twice can slip between
/// the two reads of one scan; each further scan must meet the same chance again.
pub const WEAK_STRIKES: u8 = 3;

/// The least cool-off of what was found unused, for a tenant with a weak source: a fortnight, so that what is used once
/// a week or on every other pay day is asked for before it goes.
pub const WEAK_COOL_OFF: Duration = days(14);

/// The share of a tenant's tokens, in percent, that a plan may cool without an approval.
pub const RATIO_PERCENT: RangeInclusive<u64> = 0..=15;

/// The share, in percent, of what a source held in the last good run that it must still hold. At the least half: a store
/// that loses more between two runs is looked at by a person.
pub const SHRINK_PERCENT: RangeInclusive<u64> = 50..=100;

/// The number of tokens that a plan may always cool without an approval.
pub const RATIO_FLOOR: RangeInclusive<u64> = 0..=1000;

/// How much more than usual a plan may cool without an approval, in percent of the tenant's tokens.
pub const RATIO_SLACK_PERCENT: RangeInclusive<u64> = 0..=5;

/// How many median absolute deviations from usual a plan may be without an approval.
pub const RATIO_MADS: RangeInclusive<u64> = 0..=10;

/// The share of a tenant's tokens, in percent, above which two persons must approve a plan.
pub const TWO_PERSONS_PERCENT: RangeInclusive<u64> = 1..=15;

/// The first slice of a first purge, in percent of a tenant's tokens: small, since it is there to show a fault.
pub const COHORT_PERCENT: RangeInclusive<u64> = 1..=5;

/// The daily slice of a first purge, in percent of a tenant's tokens.
pub const SLICE_PERCENT: RangeInclusive<u64> = 1..=5;

/// The number of tokens that a slice may always have; not zero, or a small tenant's backlog would never end.
pub const SLICE_FLOOR: RangeInclusive<u64> = 1..=1000;

/// The runs that only report after a change of what runs depend on.
pub const SHADOW_RUNS: RangeInclusive<u64> = 0..=10;

/// The age of a plan, from the beginning of its scan, up to which it is carried out.
pub const PLAN_MAX_AGE: Bounds = Bounds {
    least: Duration::from_hours(1),
    most: Duration::from_hours(48),
    why: "a large plan takes its time, and so does a person",
};

/// The age of marks, from the beginning of their scan, up to which they are planned from.
pub const MARKS_MAX_AGE: Bounds = Bounds {
    least: Duration::from_hours(1),
    most: Duration::from_hours(24),
    why: "a large scan takes its time",
};

/// The tokens of a tenant that are taken out of service or sentenced in a minute.
pub const DEMOTIONS_PER_MINUTE: RangeInclusive<u64> = 60..=60_000;

/// The share of a tenant's tokens, in percent, that commands may remove in a day without an approval.
pub const COMMAND_PERCENT: RangeInclusive<u64> = 0..=10;

/// The number of tokens that commands may always remove in a day without an approval.
pub const COMMAND_FLOOR: RangeInclusive<u64> = 0..=10_000;

/// By how many percentage points recall may not fall below its trailing median.
pub const RECALL_FALL_POINTS: RangeInclusive<u64> = 1..=5;

/// The recall in percent below which a run is void before a person has accepted a value: half of what is known to be alive
/// in no store is no first value that one may wave through.
pub const RECALL_FIRST_PERCENT: RangeInclusive<u64> = 50..=100;

/// The fewest witnesses of a kind on which a run relies without a person: with fewer than 100 the lower bound of a
/// perfect recall is below 97.4 %.
pub const WITNESSES_MIN: RangeInclusive<u64> = 100..=1_000_000;

/// How long after a canary was planted a run need not see it yet.
pub const CANARY_GRACE: Bounds =
    Bounds { least: Duration::ZERO, most: days(7), why: "a canary that may be missing proves nothing" };
/// The share of a tenant's cooling tokens, in percent, that may be read in a day before its decisions stop.
pub const LATE_USE_PERCENT: RangeInclusive<u64> = 0..=10;

/// The number of cooling tokens that may always be read in a day.
pub const LATE_USE_FLOOR: RangeInclusive<u64> = 0..=1000;
/// The share of the usual reads, in percent, below which an hour does not count as silence.
pub const FEED_PERCENT: RangeInclusive<u64> = 25..=100;

/// The segments of a parallel scan: each is one message and one worker.
pub const SEGMENTS: RangeInclusive<u64> = 1..=4096;

/// The partitions of the `due` index.
pub const DUE_SHARDS: RangeInclusive<u64> = 16..=256;
