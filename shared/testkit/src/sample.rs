//! A config for tests, as the text that an operator would write.

use std::fmt::Write;

use lethe_domain::config::Config;

/// Into how many shards every sample tenant is cut.
pub const SHARDS: u16 = 2;
/// Into how many partitions the sample's `due` index is cut.
pub const DUE_SHARDS: u16 = 16;

/// A config text in the making: kinds `vault` (format `card`, scanned for) and `session`, and the tenants that are added.
#[derive(Clone, Debug)]
pub struct Sample {
    shards: u16,
    cadence: String,
    idle_after: Option<String>,
    unreferenced: String,
    ratio: (u8, u64),
    extra: String,
    tenants: Vec<(String, Vec<String>)>,
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
            idle_after: None,
            unreferenced: "retention = \"7d\"\n".to_owned(),
            // So that a test with a handful of tokens does not meet the ratio; a test of the rails sets it.
            ratio: (15, 1000),
            extra: String::new(),
            tenants: Vec::new(),
        }
    }

    /// Adds a tenant.
    #[must_use]
    pub fn tenant(mut self, name: &str) -> Self {
        self.tenants.push((name.to_owned(), Vec::new()));
        self
    }

    /// Adds a `DynamoDB` source to the tenant added last.
    #[must_use]
    pub fn table(self, name: &str, table: &str, segments: u16) -> Self {
        self.source(name, &format!("type = \"dynamodb\"\ntable = \"{table}\"\nsegments = {segments}\n"))
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
        let (tenant, sources) = self.tenants.last_mut().unwrap();
        sources.push(format!("[tenants.{tenant}.sources.{name}]\n{body}"));
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

    /// Tokens of kind `vault` go idle.
    #[must_use]
    pub fn idle_after(mut self, idle_after: &str) -> Self {
        self.idle_after = Some(idle_after.to_owned());
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
        write!(text, "\n[kinds.vault.on.unreferenced]\n{}\n{SESSION}\n", self.unreferenced).unwrap();
        for (name, sources) in &self.tenants {
            writeln!(
                text,
                "[tenants.{name}]\nshards = {}\ncadence = \"{}\"\nkinds = [\"vault\", \"session\"]\n\n{}",
                self.shards,
                self.cadence,
                sources.join("\n")
            )
            .unwrap();
        }
        let (percent, floor) = self.ratio;
        write!(text, "[rails]\nratio_percent = {percent}\nratio_floor = {floor}\n\n{}", self.extra).unwrap();
        text
    }

    /// The config that the text says, unscaled.
    pub fn config(&self) -> Config {
        Config::parse(&self.text()).unwrap()
    }
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

const SESSION: &str = r#"[kinds.session]
read_granularity = "5m"
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
}
