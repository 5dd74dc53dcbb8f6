//! Reads a function's settings through a lookup function and reports all faults at once, each with its variable, its
//! value and its rule. The variables' names stand in each function's own `settings.rs`.

use std::fmt;
use std::num::NonZeroU32;

use lethe_domain::limits::Limits;
use lethe_domain::source::UnitLimits;
use lethe_domain::time::TimeScale;
use lethe_stages::settings::{Mode, PLAN_ROWS, Settings};

mod endpoint;

/// The account that emulators answer with, and the only one that the local profile runs in.
const LOCAL_ACCOUNT: &str = "000000000000";

/// Looks a variable up.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// One bad setting.
#[derive(Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// The variable.
    pub variable: String,
    /// What it holds; `None` when it is not set.
    pub value: Option<String>,
    /// What it must be.
    pub rule: &'static str,
}

/// Every bad setting of a function.
#[derive(PartialEq, Eq)]
pub struct SettingFaults(Vec<SettingFault>);

impl fmt::Display for SettingFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read settings: {} at fault", self.0.len())?;
        for SettingFault { variable, value, rule } in &self.0 {
            match value {
                Some(value) => write!(f, "\n{variable} is '{value}', it must be {rule}")?,
                None => write!(f, "\n{variable} is not set, it must be {rule}")?,
            }
        }
        Ok(())
    }
}

/// A cold start that fails prints this: the same lines.
impl fmt::Debug for SettingFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for SettingFaults {}

/// Where a function runs and by which numbers.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Whether this is a local cloud.
    pub is_local: bool,
    /// The stages' limits, on the profile's time scale.
    pub limits: Limits,
    /// How units are cut.
    pub units: UnitLimits,
}

impl Profile {
    /// The stages' settings under this profile.
    pub fn settings(&self, mode: Mode, scan: bool) -> Settings {
        Settings { limits: self.limits, units: self.units, mode, scan, plan_rows: PLAN_ROWS }
    }
}

/// Reads settings one by one and collects what is wrong with them. What it returns for a bad one is a placeholder
/// that nobody sees, since [`Reader::read`] then returns the faults.
pub struct Reader<'a> {
    lookup: Lookup<'a>,
    faults: Vec<SettingFault>,
}

impl<'a> Reader<'a> {
    /// Reads settings, or reports every fault in them.
    pub fn read<T>(lookup: Lookup<'a>, read: impl FnOnce(&mut Self) -> T) -> Result<T, SettingFaults> {
        let mut reader = Self { lookup, faults: Vec::new() };
        let settings = read(&mut reader);
        if reader.faults.is_empty() { Ok(settings) } else { Err(SettingFaults(reader.faults)) }
    }

    /// The profile, the time scale and the account that belong together.
    pub fn profile(&mut self, profile: &str, time_scale: &str, account: &str) -> Profile {
        let is_local = self.either(profile, ("production", false), ("local", true), "production or local");
        let scale = self.time_scale(time_scale, is_local);
        let is_account = |id: &str| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
        let account_id = self.checked(account, is_account, "an account id of 12 digits");
        if !is_local {
            return Profile { is_local, limits: Limits::production(), units: UnitLimits::PRODUCTION };
        }
        // Guard: short times never meet real data. The emulator's account and a foreign endpoint prove that it is one.
        if !account_id.is_empty() && account_id != LOCAL_ACCOUNT {
            self.fault(account, Some(account_id), "000000000000 in the local profile");
        }
        self.check_endpoints();
        Profile { is_local, limits: Limits::local(scale), units: UnitLimits::LOCAL }
    }

    /// Whether the function may change anything.
    pub fn mode(&mut self, variable: &str) -> Mode {
        self.either(variable, ("report", Mode::Report), ("act", Mode::Act), "report or act")
    }

    /// Whether tenants' stores are scanned.
    pub fn switch(&mut self, variable: &str) -> bool {
        self.either(variable, ("off", false), ("on", true), "on or off")
    }

    /// The name of a table or a bucket.
    pub fn name(&mut self, variable: &str) -> String {
        let is_good = |c: u8| c.is_ascii_alphanumeric() || b"_.-".contains(&c);
        let is_name = |name: &str| (3..=255).contains(&name.len()) && name.bytes().all(is_good);
        self.checked(variable, is_name, "a name of 3 to 255 of a-z, A-Z, 0-9, '_', '.' and '-'")
    }

    /// The URL of a queue.
    pub fn url(&mut self, variable: &str) -> String {
        self.checked(variable, |url| endpoint::host(url).is_some(), "an http or https URL")
    }

    /// One of two words, each with what it means. The rule names both.
    pub fn either<T>(
        &mut self,
        variable: &str,
        first: (&str, T),
        second: (&str, T),
        rule: &'static str,
    ) -> T {
        let value = (self.lookup)(variable);
        if value.as_deref() == Some(second.0) {
            return second.1;
        }
        if value.as_deref() != Some(first.0) {
            self.fault(variable, value, rule);
        }
        first.1
    }

    fn checked(&mut self, variable: &str, is_good: impl Fn(&str) -> bool, rule: &'static str) -> String {
        match (self.lookup)(variable) {
            Some(value) if is_good(&value) => value,
            value => {
                self.fault(variable, value, rule);
                String::new()
            }
        }
    }

    fn time_scale(&mut self, variable: &str, is_local: bool) -> TimeScale {
        let value = (self.lookup)(variable);
        let divisor = value.as_deref().and_then(|text| text.parse::<NonZeroU32>().ok());
        let Some(divisor) = divisor else {
            self.fault(variable, value, "a whole number from 1 to 4294967295");
            return TimeScale::REAL;
        };
        if !is_local && divisor != NonZeroU32::MIN {
            self.fault(variable, value, "1 in the production profile");
        }
        TimeScale::dividing_by(divisor)
    }

    fn check_endpoints(&mut self) {
        for fault in endpoint::faults(self.lookup) {
            self.faults.push(fault);
        }
    }

    fn fault(&mut self, variable: &str, value: Option<String>, rule: &'static str) {
        self.faults.push(SettingFault { variable: variable.to_owned(), value, rule });
    }
}

#[cfg(test)]
mod tests;
