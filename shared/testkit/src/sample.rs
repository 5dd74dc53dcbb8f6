//! A config for tests, as the text that an operator would write.

use std::collections::BTreeMap;
use std::fmt::Write;

use lethe_domain::caller::COMMANDS;
use lethe_domain::config::Config;

/// Into how many shards every sample tenant is cut.
pub const SHARDS: u16 = 2;
/// Into how many partitions the sample's `due` index is cut.
pub const DUE_SHARDS: u16 = 16;
/// The principal that may command everything about the tokens of a sample tenant.
pub const APP: &str = "arn:aws:iam::000000000000:user/app";
/// The attribute of a sample table that says, in epoch milliseconds, when an item changed.
pub const CHANGED_AT: &str = "changed_at";
/// The kinds of every sample tenant.
const KINDS: [&str; 5] = ["vault", "access", "refresh", "session", "auth_code"];

/// A config text in the making: kinds `vault` (format `card`, scanned for), `access`, `refresh`, `session` and
/// `auth_code`, and the tenants that are added, which have all of them.
#[derive(Clone, Debug)]
pub struct Sample {
    shards: u16,
    cadence: String,
    window: Option<String>,
    idle_after: Option<String>,
    idle_waits_for_scan: bool,
    unreferenced: String,
    ratio: (u8, u64),
    rails: BTreeMap<String, String>,
    extra: String,
    reads: String,
    tenants: Vec<Tenant>,
}

#[derive(Clone, Debug)]
struct Tenant {
    name: String,
    callers: String,
    sources: Vec<String>,
}

impl Default for Sample {
    fn default() -> Self {
        Self::new()
    }
}

impl Sample {
    /// No tenant yet.
    pub fn new() -> Self {
        Self {
            shards: SHARDS,
            cadence: "24h".to_owned(),
            window: None,
            idle_after: None,
            idle_waits_for_scan: false,
            unreferenced: "retention = \"7d\"\n".to_owned(),
            // So that a test with a handful of tokens does not meet the ratio; a test of the rails sets it.
            ratio: (15, 1000),
            // Nor slices or shadow runs, which change when things happen; a store of two items loses half of them with
            // one; and a test that reads what is cooling does not pause its tenant.
            rails: [
                ("slice_floor", "1000"),
                ("shadow_runs", "0"),
                ("shrink_percent", "50"),
                ("late_use_percent", "10"),
                ("late_use_floor", "1000"),
            ]
            .map(|(key, value)| (key.into(), value.into()))
            .into(),
            extra: String::new(),
            // So that a test of idleness does not have to prove a feed; a test of the feed sets it.
            reads: "trusted".to_owned(),
            tenants: Vec::new(),
        }
    }

    /// Adds a tenant. [`APP`] and whoever sends to the queue `issuer` may command everything.
    #[must_use]
    pub fn tenant(mut self, name: &str) -> Self {
        let may = format!("may = {COMMANDS:?}");
        let callers = format!(
            "app = {{ principals = [\"{APP}\"], {may} }}\nissuers = {{ queue = \"issuer\", {may} }}\n"
        );
        self.tenants.push(Tenant { name: name.to_owned(), callers, sources: Vec::new() });
        self
    }

    /// Other callers of the tenant added last: lines under `[tenants.NAME.callers]`, as
    /// `auth = { queue = "tenant", may = ["read"] }`, or whole `[tenants.NAME.callers.CLASS]` sections. None at all
    /// means that nobody may command.
    #[must_use]
    pub fn callers(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.tenants.last_mut().unwrap().callers);
        self
    }

    /// Adds a `DynamoDB` source to the tenant added last, a strong one: [`CHANGED_AT`] says when an item changed.
    #[must_use]
    pub fn table(self, name: &str, table: &str, segments: u16) -> Self {
        let changed_at = format!("changed_at = \"{CHANGED_AT}\"\nchanged_at_unit = \"ms\"\n");
        self.source(name, &format!("{}{changed_at}", table_lines(table, segments)))
    }

    /// Adds a `DynamoDB` source that does not say when its items changed to the tenant added last.
    #[must_use]
    pub fn weak_table(self, name: &str, table: &str, segments: u16) -> Self {
        self.source(name, &table_lines(table, segments))
    }

    /// Adds an S3 source to the tenant added last; `format` is the config's word.
    #[must_use]
    pub fn bucket(self, name: &str, bucket: &str, prefix: &str, format: &str) -> Self {
        self.source(
            name,
            &format!("type = \"s3\"\nbucket = \"{bucket}\"\nprefix = \"{prefix}\"\nformat = \"{format}\"\n"),
        )
    }

    fn source(mut self, name: &str, body: &str) -> Self {
        let tenant = self.tenants.last_mut().unwrap();
        tenant.sources.push(format!("[tenants.{}.sources.{name}]\n{body}", tenant.name));
        self
    }

    /// With other shards a tenant.
    #[must_use]
    pub fn shards(mut self, shards: u16) -> Self {
        self.shards = shards;
        self
    }

    /// With another cadence.
    #[must_use]
    pub fn cadence(mut self, cadence: &str) -> Self {
        cadence.clone_into(&mut self.cadence);
        self
    }

    /// Runs work in this window only.
    #[must_use]
    pub fn window(mut self, window: &str) -> Self {
        self.window = Some(window.to_owned());
        self
    }

    /// Tokens of kind `vault` go idle.
    #[must_use]
    pub fn idle_after(mut self, idle_after: &str) -> Self {
        self.idle_after = Some(idle_after.to_owned());
        self
    }

    /// Idle tokens of kind `vault` go only if they are in no store either.
    #[must_use]
    pub fn idle_waits_for_scan(mut self) -> Self {
        self.idle_waits_for_scan = true;
        self
    }

    /// Other lines under `[kinds.vault.on.unreferenced]`.
    #[must_use]
    pub fn unreferenced(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.unreferenced);
        self
    }

    /// Another ratio cap: percent of the tenant's tokens, and the floor in tokens.
    #[must_use]
    pub fn ratio(mut self, percent: u8, floor: u64) -> Self {
        self.ratio = (percent, floor);
        self
    }

    /// A line of `[rails]`, in place of an earlier one of the same key; `value` as the file has it.
    #[must_use]
    pub fn rail(mut self, key: &str, value: &str) -> Self {
        self.rails.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Whether silence must be proven: `proven` or `trusted`.
    #[must_use]
    pub fn reads(mut self, feed: &str) -> Self {
        feed.clone_into(&mut self.reads);
        self
    }

    /// Whole further sections, such as `[kinds.vault.on.revoked]`.
    #[must_use]
    pub fn with(mut self, sections: &str) -> Self {
        self.extra.push_str(sections);
        self.extra.push('\n');
        self
    }

    /// The text of `lethe.toml`.
    pub fn text(&self) -> String {
        let mut text = format!("version = 1\ndue_shards = {DUE_SHARDS}\n\n{CARD}\n{VAULT}");
        if let Some(idle_after) = &self.idle_after {
            writeln!(text, "idle_after = \"{idle_after}\"").unwrap();
        }
        if self.idle_waits_for_scan {
            writeln!(text, "idle_requires = \"unreferenced\"").unwrap();
        }
        write!(text, "\n[kinds.vault.on.unreferenced]\n{}\n{AUTH}\n", self.unreferenced).unwrap();
        let window =
            self.window.as_ref().map(|window| format!("window = \"{window}\"\n")).unwrap_or_default();
        for Tenant { name, callers, sources } in &self.tenants {
            writeln!(
                text,
                "[tenants.{name}]\nshards = {}\ncadence = \"{}\"\n{window}kinds = {KINDS:?}\n\n\
                 [tenants.{name}.callers]\n{callers}\n[tenants.{name}.reads]\nfeed = \"{}\"\n\n{}",
                self.shards,
                self.cadence,
                self.reads,
                sources.join("\n")
            )
            .unwrap();
        }
        let (percent, floor) = self.ratio;
        writeln!(text, "[rails]\nratio_percent = {percent}\nratio_floor = {floor}").unwrap();
        for (key, value) in &self.rails {
            writeln!(text, "{key} = {value}").unwrap();
        }
        write!(text, "\n{}", self.extra).unwrap();
        text
    }

    /// The config that the text says, unscaled.
    pub fn config(&self) -> Config {
        Config::parse(&self.text()).unwrap()
    }
}

fn table_lines(table: &str, segments: u16) -> String {
    format!("type = \"dynamodb\"\ntable = \"{table}\"\nsegments = {segments}\n")
}

const CARD: &str = r#"[formats.card]
type = "pattern"
prefix = "tok_"
alphabet = "base36"
length = 24
checksum = "luhn"
"#;

const VAULT: &str = r#"[kinds.vault]
format = "card"
read_granularity = "1h"
grace = "24h"
"#;

const AUTH: &str = r#"[kinds.access]

[kinds.refresh]
read_granularity = "5m"

[kinds.session]
read_granularity = "5m"

[kinds.auth_code]
"#;

/// The usual sample: tenant `acme` with table `acme-orders` and bucket `acme-lake`, tenant `globex` with one bucket.
pub fn sample() -> Sample {
    Sample::new()
        .tenant("acme")
        .table("orders", "acme-orders", 2)
        .bucket("lake", "acme-lake", "exports/", "jsonl")
        .tenant("globex")
        .bucket("lake", "globex-lake", "", "text")
}

#[cfg(test)]
mod tests {
    use lethe_domain::caller::Identity;

    use super::*;

    #[test]
    fn the_samples_are_good_configs() {
        sample().config();
        let all = sample().shards(8).cadence("12h").idle_after("90d").ratio(5, 10);
        let config = all
            .unreferenced("strikes = 3\n")
            .with("[kinds.session.on.revoked]\nretention = \"90d\"")
            .config();
        assert_eq!(config.tenants.len(), 2);
    }

    #[test]
    fn the_app_and_the_issuers_queue_command_everything_until_somebody_else_is_named() {
        let of = |sample: Sample| sample.config().tenants.into_values().next().unwrap();
        let app = Identity::Principal(APP);
        let issuer = Identity::Queue { class: "issuer", sender: None };
        let tenant = of(Sample::new().tenant("acme").table("orders", "acme-orders", 1));
        let of_tenants = Identity::Queue { class: "tenant", sender: None };
        for command in COMMANDS {
            assert!(tenant.may(&app, command) && tenant.may(&issuer, command), "{command}");
            assert!(!tenant.may(&of_tenants, command), "{command}");
        }
        for one in [
            r#"notices = { queue = "tenant", may = ["created"] }"#,
            "[tenants.acme.callers.notices]\nqueue = \"tenant\"\nmay = [\"created\"]",
        ] {
            let tenant = of(Sample::new().tenant("acme").callers(one).table("orders", "acme-orders", 1));
            assert!(tenant.may(&of_tenants, "created") && !tenant.may(&app, "created"));
        }
        let tenant = of(Sample::new().tenant("acme").callers("").table("orders", "acme-orders", 1));
        assert!(tenant.callers.is_empty());
    }
}
