//! Whatever is in the file: it stands or has faults with a place in it, and no value of it is repeated.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::hostile::{any_text, injured_text};

/// A value that was pasted into the wrong place.
const SECRET: &str = "ZQ7 s3cret\u{1f511}";

fn good() -> Vec<String> {
    let example = include_str!("../../../../../lethe.example.toml");
    [WHOLE, MINIMAL, FULL_OF_FAULTS, example, &format!("{WHOLE}{MORE}")].map(str::to_owned).into()
}

fn injured_file() -> BoxedStrategy<String> {
    let good = good();
    injured_text(&good.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Lines that a hostile or a tired author might mix.
fn any_line() -> impl Strategy<Value = String> {
    let whole: Vec<String> = WHOLE.lines().chain(MORE.lines()).map(str::to_owned).collect();
    prop_oneof![
        6 => select(whole),
        2 => "[a-z_.]{1,12} = [\\[\\]{}\"'0-9a-z, =.-]{0,20}",
        1 => "\\[{0,2}[a-z.\"']{0,20}\\]{0,2}",
        1 => "\\PC{0,40}",
        1 => any::<String>(),
    ]
}

/// The file's own words and signs in any order.
fn any_words() -> BoxedStrategy<String> {
    let words: Vec<String> =
        WHOLE.split_inclusive([' ', '.', '[', ']', '"', '\n']).map(str::to_owned).collect();
    let signs =
        "= \n [ ] [[ ]] { } , . # \" \"\"\" ''' \\ \\u00 0x -1 1e9 +inf 1979-05-27 true \0 \u{feff} \r";
    let signs: Vec<String> = signs.split(' ').map(str::to_owned).collect();
    vec(prop_oneof![3 => select(words), 1 => select(signs)], 0..80).prop_map(|words| words.concat()).boxed()
}

/// Every fault has a place in the text, they are in its order, and each is one line that says something.
fn places_are_right(text: &str, read: Result<Config, Faults>) -> Result<(), TestCaseError> {
    let Err(faults) = read else { return Ok(()) };
    prop_assert!(0 < faults.len());
    let lines: Vec<&str> = text.split('\n').collect();
    let places: Vec<(usize, usize)> = faults.iter().map(|fault| (fault.line, fault.column)).collect();
    prop_assert!(places.is_sorted());
    for fault in faults.iter() {
        let line = lines.get(fault.line.wrapping_sub(1));
        prop_assert!(line.is_some(), "{fault} is not in a file of {} lines", lines.len());
        let n_columns = line.map_or(0, |line| line.chars().count() + 1);
        prop_assert!((1..=n_columns).contains(&fault.column), "{fault} is not in a line of {n_columns}");
        prop_assert!(!fault.problem.is_empty() && !fault.to_string().contains('\n'));
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_answered(text in any_text()) {
        places_are_right(&text, Config::parse(&text))?;
    }

    #[test]
    fn any_words_are_answered(text in any_words()) {
        places_are_right(&text, Config::parse(&text))?;
    }

    #[test]
    fn hostile_lines_are_answered_in_the_order_of_the_file(lines in vec(any_line(), 0..60)) {
        let text = lines.join("\n");
        places_are_right(&text, Config::parse(&text))?;
    }

    #[test]
    fn an_injured_file_is_answered_alone_and_beside_another(text in injured_file(), other in injured_file()) {
        places_are_right(&text, Config::parse(&text))?;
        for current in [WHOLE, &other] {
            places_are_right(&text, Config::parse_successor(&text, current))?;
        }
        places_are_right(WHOLE, Config::parse_successor(WHOLE, &text))?;
    }

    #[test]
    fn what_stands_follows_itself(text in injured_file()) {
        if let Ok(config) = Config::parse(&text) {
            prop_assert_eq!(Config::parse_successor(&text, &text), Ok(config));
        }
    }

    #[test]
    fn a_value_in_the_wrong_place_is_never_repeated(places in vec(any::<Index>(), 1..6), whole in any::<bool>()) {
        let mut lines: Vec<String> = WHOLE.lines().chain(MORE.lines()).map(str::to_owned).collect();
        for place in places {
            let line = &mut lines[place.index(WHOLE.lines().count() + MORE.lines().count())];
            if let Some((key, value)) = line.split_once(" = ") {
                let list = value.starts_with('[') == whole;
                *line = if list { format!("{key} = [\"{SECRET}\"]") } else { format!("{key} = \"{SECRET}\"") };
            }
        }
        let text = lines.join("\n");
        let read = Config::parse(&text);
        if let Err(faults) = &read {
            let report = faults.to_string();
            prop_assert!(!report.contains("s3cret") && !report.contains("ZQ7"), "{report}");
        }
        places_are_right(&text, read)?;
    }

    #[test]
    fn a_file_that_was_cut_short_never_stands_for_nobody(cut in 0..WHOLE.len() + MORE.len()) {
        let text = format!("{WHOLE}{MORE}");
        if let Ok(config) = Config::parse(&text[..cut]) {
            prop_assert!(!config.tenants.is_empty());
        }
    }
}
