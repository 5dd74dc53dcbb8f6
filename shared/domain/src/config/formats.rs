//! Reads `[formats.*]`: what a token looks like in a store.

use std::collections::BTreeMap;

use super::report::Report;
use super::section::Section;
use crate::format::{Alphabet, Checksum, TokenFormat};

const TYPES: [(&str, Type); 2] = [("pattern", Type::Pattern), ("uuid", Type::Uuid)];
const ALPHABETS: [(&str, Alphabet); 7] = [
    ("digits", Alphabet::Digits),
    ("hex", Alphabet::Hex),
    ("base32", Alphabet::Base32),
    ("base36", Alphabet::Base36),
    ("base58", Alphabet::Base58),
    ("base62", Alphabet::Base62),
    ("base64url", Alphabet::Base64url),
];
const CHECKSUMS: [(&str, Checksum); 1] = [("luhn", Checksum::Luhn)];

#[derive(Clone, Copy)]
enum Type {
    Pattern,
    Uuid,
}

/// Reads `[formats.*]`. A format that does not stand is `None`, so that kinds may still name it.
pub(super) fn read_formats(report: &mut Report, root: &Section<'_>) -> BTreeMap<String, Option<TokenFormat>> {
    let Some(formats) = root.table(report, "formats") else { return BTreeMap::new() };
    let sections = formats.tables(report);
    let read: Vec<Option<TokenFormat>> =
        sections.iter().map(|section| read_format(report, section)).collect();
    check_formats_differ(report, &sections, &read);
    sections.iter().map(|section| section.name.to_owned()).zip(read).collect()
}

fn read_format(report: &mut Report, section: &Section<'_>) -> Option<TokenFormat> {
    section.check_name(report);
    match section.required_choice(report, "type", &TYPES)? {
        Type::Uuid => {
            section.check_keys(report, &["type"]);
            Some(TokenFormat::Uuid)
        }
        Type::Pattern => read_pattern(report, section),
    }
}

fn read_pattern(report: &mut Report, section: &Section<'_>) -> Option<TokenFormat> {
    section.check_keys(report, &["type", "prefix", "alphabet", "length", "checksum"]);
    let prefix = section.text(report, "prefix", "the characters that every token starts with");
    let alphabet = section.required_choice(report, "alphabet", &ALPHABETS);
    if !section.has("length") {
        section.missing(report, "length", "is missing; set it to the number of characters after the prefix");
    }
    let length = section.entry("length").and_then(|entry| section.whole_number(report, "length", entry));
    let checksum = if section.has("checksum") {
        section.required_choice(report, "checksum", &CHECKSUMS).map(Some)
    } else {
        Some(None)
    };
    let length = usize::try_from(length?).unwrap_or(usize::MAX);
    match TokenFormat::pattern(prefix?, alphabet?, length, checksum?) {
        Ok(format) => Some(format),
        Err(error) => {
            report.fault(section.at, &section.path, format!("{error}; correct it"));
            None
        }
    }
}

/// Guard: a token that two formats find would be counted for the wrong kind.
fn check_formats_differ(report: &mut Report, sections: &[Section<'_>], read: &[Option<TokenFormat>]) {
    for (index, (section, later)) in sections.iter().zip(read).enumerate() {
        let Some(later) = later else { continue };
        let earlier = sections.iter().zip(read).take(index);
        for (other, _) in earlier.filter(|(_, earlier)| earlier.as_ref().is_some_and(|e| e.overlaps(later))) {
            let problem = format!(
                "overlaps with the format `{}`: one text could be a token of both; give them different prefixes",
                other.name
            );
            report.fault(section.at, &section.path, problem);
        }
    }
}
