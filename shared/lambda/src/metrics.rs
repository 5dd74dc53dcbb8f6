//! Metrics as lines of `CloudWatch`'s embedded metric format: one JSON object on standard output, no agent and no call.
//! They have no dimensions, so that alarms can name them without knowing a tenant or a function.

use lethe_domain::time::EpochMillis;
use serde_json::{Map, Value, json};

use crate::clock;

mod reports;

/// Where all of them live.
const NAMESPACE: &str = "Lethe";

/// One measured number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// `Count` or `Seconds`.
    pub unit: &'static str,
    /// The number.
    pub value: u64,
}

impl Metric {
    /// Something counted.
    pub fn count(name: &'static str, value: u64) -> Self {
        Self { name, unit: "Count", value }
    }

    /// A time.
    pub fn seconds(name: &'static str, value: u64) -> Self {
        Self { name, unit: "Seconds", value }
    }
}

/// A report that has something to measure.
pub trait Measured {
    /// What it measured. A count of zero that no alarm waits for is left out.
    fn metrics(&self) -> Vec<Metric>;
}

/// Writes what a report measured.
#[expect(
    clippy::print_stdout,
    reason = "the log's own writer would wrap the object, and metrics are read from the top"
)]
pub fn emit(report: &impl Measured) {
    if let Some(line) = line(&report.metrics(), clock::now_millis()) {
        println!("{line}");
    }
}

fn line(metrics: &[Metric], at: EpochMillis) -> Option<String> {
    if metrics.is_empty() {
        return None;
    }
    let names: Vec<Value> = metrics.iter().map(|it| json!({ "Name": it.name, "Unit": it.unit })).collect();
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": names });
    let mut object = Map::new();
    object.insert("_aws".to_owned(), json!({ "Timestamp": at.0, "CloudWatchMetrics": [directive] }));
    for metric in metrics {
        object.insert(metric.name.to_owned(), json!(metric.value));
    }
    Some(Value::Object(object).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_measured_is_no_line() {
        assert_eq!(line(&[], EpochMillis(1)), None);
    }

    #[test]
    fn a_line_is_one_object_in_the_embedded_format() {
        let metrics = [Metric::count("OverdueRows", 0), Metric::seconds("TtlLagSeconds", 7200)];
        let line = line(&metrics, EpochMillis(1_800_000_000_123)).unwrap();
        insta::assert_snapshot!(line, @r#"{"OverdueRows":0,"TtlLagSeconds":7200,"_aws":{"CloudWatchMetrics":[{"Dimensions":[[]],"Metrics":[{"Name":"OverdueRows","Unit":"Count"},{"Name":"TtlLagSeconds","Unit":"Seconds"}],"Namespace":"Lethe"}],"Timestamp":1800000000123}}"#);
    }
}
