//! Reads `[tenants.*.sources.*]`: the data stores in which a tenant's tokens are looked for.

use super::floors::SEGMENTS;
use super::report::Report;
use super::section::{Section, suggest};
use crate::source::{ChangedAt, ChangedUnit, Encoding, Encodings, ObjectFormat, SourceConfig};

const DEFAULT_SEGMENTS: u64 = 1;
/// The longest name of an attribute that is worth naming.
const ATTRIBUTE_MAX_BYTES: usize = 255;
const CHANGED_UNITS: [(&str, ChangedUnit); 3] =
    [("s", ChangedUnit::Seconds), ("ms", ChangedUnit::Millis), ("iso8601", ChangedUnit::Iso8601)];
const TYPES: [(&str, Type); 2] = [("dynamodb", Type::Table), ("s3", Type::Bucket)];
const OBJECT_FORMATS: [(&str, ObjectFormat); 4] = [
    ("csv", ObjectFormat::Csv),
    ("jsonl", ObjectFormat::Jsonl),
    ("text", ObjectFormat::Text),
    ("dynamodb-export", ObjectFormat::DynamodbExport),
];

#[derive(Clone, Copy)]
enum Type {
    Table,
    Bucket,
}

/// Reads one source.
pub(super) fn read_source(report: &mut Report, section: &Section<'_>) -> Option<SourceConfig> {
    section.check_name(report);
    match section.required_choice(report, "type", &TYPES)? {
        Type::Table => read_table(report, section),
        Type::Bucket => read_bucket(report, section),
    }
}

fn read_table(report: &mut Report, section: &Section<'_>) -> Option<SourceConfig> {
    section.check_keys(
        report,
        &["type", "table", "segments", "encodings", "region", "changed_at", "changed_at_unit"],
    );
    let table = section.text(report, "table", "the name of a DynamoDB table");
    let table = table.filter(|name| {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let is_name = (3..=255).contains(&name.len()) && name.chars().all(good);
        if !is_name {
            section.fault(
                report,
                "table",
                "a table name has 3 to 255 of a-z, A-Z, 0-9, '_', '.' and '-'; correct it",
            );
        }
        is_name
    });
    let segments = section.number(report, "segments", DEFAULT_SEGMENTS, &SEGMENTS);
    let encodings = read_encodings(report, section);
    let region = read_region(report, section);
    let changed_at = read_changed_at(report, section);
    Some(SourceConfig::DynamoDb {
        table: table?.to_owned(),
        segments: u16::try_from(segments?).ok()?,
        encodings: encodings?,
        region: region?,
        changed_at: changed_at?,
    })
}

/// What says when an item last changed, which may be left out; `None` when it is wrong.
#[expect(
    clippy::option_option,
    reason = "the outer one says whether the value stands, the inner one is the value"
)]
fn read_changed_at(report: &mut Report, section: &Section<'_>) -> Option<Option<ChangedAt>> {
    if !section.has("changed_at") {
        if section.has("changed_at_unit") {
            let problem = "is the unit of nothing; name the attribute in `changed_at`, or remove this";
            section.fault(report, "changed_at_unit", problem);
            return None;
        }
        return Some(None);
    }
    let attribute = section.optional_text(report, "changed_at")?;
    if attribute.is_empty() || ATTRIBUTE_MAX_BYTES < attribute.len() {
        let problem =
            "an attribute's name has 1 to 255 bytes; name the one that every write sets to its time";
        section.fault(report, "changed_at", problem);
        return None;
    }
    let unit = section.required_choice(report, "changed_at_unit", &CHANGED_UNITS)?;
    Some(Some(ChangedAt { attribute: attribute.to_owned(), unit }))
}

fn read_bucket(report: &mut Report, section: &Section<'_>) -> Option<SourceConfig> {
    section.check_keys(report, &["type", "bucket", "prefix", "format", "encodings", "region"]);
    let bucket = section.text(report, "bucket", "the name of an S3 bucket");
    let bucket = bucket.filter(|name| {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        let is_name = (3..=63).contains(&name.len()) && name.chars().all(good);
        if !is_name {
            section.fault(report, "bucket", "a bucket name has 3 to 63 of a-z, 0-9, '.' and '-'; correct it");
        }
        is_name
    });
    let prefix = if section.has("prefix") { section.optional_text(report, "prefix") } else { Some("") };
    let prefix = prefix.filter(|prefix| {
        let fits = prefix.len() <= 1024;
        if !fits {
            section.fault(report, "prefix", "is longer than the 1024 bytes of an object key; shorten it");
        }
        fits
    });
    let format = section.required_choice(report, "format", &OBJECT_FORMATS);
    let encodings = read_encodings(report, section);
    let region = read_region(report, section);
    Some(SourceConfig::S3 {
        bucket: bucket?.to_owned(),
        prefix: prefix?.to_owned(),
        format: format?,
        encodings: encodings?,
        region: region?,
    })
}

/// The encodings that are undone. Where nothing is said all of them are: what is not looked for looks unused.
fn read_encodings(report: &mut Report, section: &Section<'_>) -> Option<Encodings> {
    if !section.has("encodings") {
        return Some(Encodings::default());
    }
    let known = Encoding::ALL.map(Encoding::as_str);
    let mut encodings = Vec::new();
    for (_, word) in section.texts(report, "encodings")? {
        let Some(encoding) = Encoding::ALL.into_iter().find(|encoding| encoding.as_str() == word) else {
            let problem = format!("names an encoding that is not known; {}", suggest(word, &known));
            section.fault(report, "encodings", problem);
            return None;
        };
        encodings.push(encoding);
    }
    Some(encodings.into_iter().collect())
}

/// The region, which may be left out; `None` when it is wrong.
#[expect(
    clippy::option_option,
    reason = "the outer one says whether the value stands, the inner one is the value"
)]
fn read_region(report: &mut Report, section: &Section<'_>) -> Option<Option<String>> {
    if !section.has("region") {
        return Some(None);
    }
    let region = section.optional_text(report, "region")?;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !(4..=32).contains(&region.len()) || !region.chars().all(good) {
        section.fault(
            report,
            "region",
            "is not the name of a region; write it as eu-central-1, or leave it out",
        );
        return None;
    }
    Some(Some(region.to_owned()))
}

/// Guard: a store that is listed twice would be counted twice.
pub(super) fn check_sources_differ(
    report: &mut Report,
    sections: &[Section<'_>],
    read: &[Option<(String, SourceConfig)>],
) {
    for (index, (section, later)) in sections.iter().zip(read).enumerate() {
        let Some((_, later)) = later else { continue };
        let first = read.iter().take(index).flatten().find(|(_, earlier)| holds_the_same(earlier, later));
        if let Some((name, _)) = first {
            let key = if matches!(later, SourceConfig::DynamoDb { .. }) { "table" } else { "prefix" };
            let problem =
                format!("the source `{name}` already covers this; remove one, or the tokens count twice");
            section.fault(report, key, problem);
        }
    }
}

fn holds_the_same(one: &SourceConfig, other: &SourceConfig) -> bool {
    match (one, other) {
        (
            SourceConfig::DynamoDb { table, region, segments: _, encodings: _, changed_at: _ },
            SourceConfig::DynamoDb {
                table: other_table,
                region: other_region,
                segments: _,
                encodings: _,
                changed_at: _,
            },
        ) => table == other_table && region == other_region,
        (
            SourceConfig::S3 { bucket, prefix, format: _, region: _, encodings: _ },
            SourceConfig::S3 {
                bucket: other_bucket,
                prefix: other_prefix,
                format: _,
                region: _,
                encodings: _,
            },
        ) => {
            bucket == other_bucket
                && (prefix.starts_with(other_prefix.as_str()) || other_prefix.starts_with(prefix.as_str()))
        }
        (SourceConfig::DynamoDb { .. }, SourceConfig::S3 { .. })
        | (SourceConfig::S3 { .. }, SourceConfig::DynamoDb { .. }) => false,
    }
}
