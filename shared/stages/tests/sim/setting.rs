//! In what kind of world a seed's story takes place.

use std::time::Duration;

use lethe_domain::limits::Limits;
use lethe_domain::source::UnitLimits;
use lethe_domain::token::TenantId;
use lethe_stages::settings::{Mode, Settings};
use lethe_testkit::{Sample, tenant};

use crate::dice::Dice;

pub const HOUR: Duration = Duration::from_hours(1);
pub const DAY: Duration = Duration::from_hours(24);

/// The tenant that every world has, with a table and a bucket, and the one that some have beside it, with a bucket.
pub const TENANTS: [&str; 2] = ["acme", "globex"];

/// Nobody issues more tokens.
pub const MAX_TOKENS: u64 = 12;

/// A seed's world.
#[derive(Clone, Debug)]
pub struct Setting {
    pub tenants: Vec<TenantId>,
    pub n_tokens: u64,
    pub storm: Duration,
    /// Faults in a thousand calls.
    pub faults: u64,
    /// What people do in a thousand turns.
    pub bustle: u64,
    cadence: &'static str,
    cool_off: &'static str,
    idle_after: Option<&'static str>,
    ratio_floor: u64,
    command_floor: u64,
    /// What a day's slice of a first purge may take.
    slice_floor: u64,
    shadow_runs: u8,
    /// Whether DynamoDB's TTL removes rows too, and reconcile only what it leaves too long.
    pub has_ttl: bool,
    pub page_size: Option<u8>,
    plan_rows: usize,
}

impl Setting {
    pub fn thrown(dice: &mut Dice) -> Self {
        let n_tenants = if dice.chance(350) { 2 } else { 1 };
        Self {
            tenants: TENANTS.into_iter().take(n_tenants).map(tenant).collect(),
            n_tokens: dice.between(4, 8),
            storm: Duration::from_hours(dice.between(50, 120)),
            faults: dice.pick(&[0, 4, 15, 40]),
            bustle: dice.pick(&[3, 8, 16]),
            cadence: dice.pick(&["8h", "12h", "24h"]),
            cool_off: dice.pick(&["24h", "24h", "36h"]),
            idle_after: dice.pick(&[None, None, Some("36h")]),
            ratio_floor: dice.pick(&[0, 1, 1000]),
            command_floor: dice.pick(&[0, 10, 10]),
            slice_floor: dice.pick(&[1000, 1000, 2]),
            shadow_runs: dice.pick(&[0, 0, 1]),
            has_ttl: dice.chance(300),
            page_size: dice.pick(&[None, Some(2), Some(3)]),
            plan_rows: dice.pick(&[2, 3, 100]),
        }
    }

    fn sample(&self, cadence: &str) -> Sample {
        let mut sample = Sample::new();
        for (tenant, name) in self.tenants.iter().zip(TENANTS) {
            sample = sample.tenant(tenant.as_str());
            if name == "acme" {
                sample = sample.table("orders", "acme-orders", 2);
            }
            sample = sample.bucket("lake", &format!("{name}-lake"), "exports/", "jsonl");
        }
        if let Some(idle_after) = self.idle_after {
            sample = sample
                .idle_after(idle_after)
                .with("[kinds.vault.on.idle]\nretention = \"7d\"\ncool_off = \"24h\"");
        }
        let unreferenced = format!("retention = \"7d\"\ncool_off = \"{}\"\n", self.cool_off);
        let rules = "[kinds.vault.on.revoked]\nretention = \"7d\"\n[kinds.session.on.expired]\nretention = \"7d\"\n\
                     [kinds.session.on.logout]\nretention = \"7d\"\n[kinds.session.on.revoked]\nretention = \"7d\"\n\
                     [kinds.session.on.superseded]\nretention = \"7d\"";
        let sample = sample
            .rail("slice_floor", &self.slice_floor.to_string())
            .rail("shadow_runs", &self.shadow_runs.to_string());
        sample.cadence(cadence).unreferenced(&unreferenced).ratio(15, self.ratio_floor).with(rules)
    }

    /// How long condemned tokens may take to leave once it is calm: a grace, a campaign of the calm's cadence, its
    /// spacing, its cool-off and verdict, the notice, the patience, and a void run or two; the slices of a first purge
    /// before that.
    pub fn to_leave(&self) -> Duration {
        let n_slices = if self.slice_floor < MAX_TOKENS { MAX_TOKENS.div_ceil(self.slice_floor) } else { 0 };
        DAY * (12 + u32::try_from(n_slices).unwrap())
    }

    /// The config while the storm lasts.
    pub fn config(&self) -> String {
        self.with_rails(&self.sample(self.cadence))
    }

    /// The config after it: campaigns that begin less often, so that a calm fortnight is told in few steps.
    pub fn calm_config(&self) -> String {
        self.with_rails(&self.sample("72h"))
    }

    /// The config once all has left: no campaign begins any more.
    pub fn quiet_config(&self) -> String {
        self.with_rails(&self.sample("365d"))
    }

    fn with_rails(&self, sample: &Sample) -> String {
        let rails = format!("[rails]\ncommand_floor = {}\ncommand_percent = 0\n", self.command_floor);
        sample.text().replace("[rails]\n", &rails)
    }

    pub fn settings(&self) -> Settings {
        let mut limits = Limits::production();
        if !self.has_ttl {
            limits.patience = Duration::ZERO;
        }
        limits.walk_period = Duration::ZERO;
        Settings { limits, units: UnitLimits::LOCAL, mode: Mode::Act, scan: true, plan_rows: self.plan_rows }
    }
}
