use proptest::prelude::*;

use super::*;
use crate::format::{Alphabet, Checksum};

fn card() -> TokenFormat {
    TokenFormat::pattern("tok_", Alphabet::Base36, 8, None).unwrap()
}

fn checked() -> TokenFormat {
    TokenFormat::pattern("ck.", Alphabet::Digits, 8, Some(Checksum::Luhn)).unwrap()
}

type Finds = Vec<(String, u64, usize)>;

fn note(finds: &mut Finds, found: Found<'_>) {
    finds.push((String::from_utf8(found.canonical.to_vec()).unwrap(), found.start, found.format));
}

fn sorted(mut finds: Finds) -> Finds {
    finds.sort();
    finds
}

fn scan(formats: &[TokenFormat], text: &[u8]) -> Finds {
    let mut finds = Vec::new();
    Extractor::new(formats, &Encodings::none()).scan(text, &mut |found| note(&mut finds, found));
    sorted(finds)
}

fn stream(formats: &[TokenFormat], syntax: Syntax, pieces: &[&[u8]]) -> Finds {
    let extractor = Extractor::new(formats, &Encodings::none());
    let mut finds = Vec::new();
    let mut stream = Stream::new(&extractor, syntax, 0);
    for piece in pieces {
        stream.push(piece, &mut |found| note(&mut finds, found));
    }
    stream.finish(&mut |found| note(&mut finds, found));
    sorted(finds)
}

#[track_caller]
fn check(formats: &[TokenFormat], text: &str, expected: &[(&str, u64, usize)]) {
    let expected: Finds =
        expected.iter().map(|(id, start, format)| ((*id).to_owned(), *start, *format)).collect();
    assert_eq!(scan(formats, text.as_bytes()), sorted(expected), "{text}");
}

#[test]
fn nothing_is_found_in_nothing() {
    check(&[card(), TokenFormat::Uuid], "", &[]);
    check(&[card(), TokenFormat::Uuid], "no tokens here, tok_ and tok_abc and 0123", &[]);
    check(&[], "tok_abcd1234", &[]);
}

#[test]
fn a_token_needs_no_boundary_on_either_side() {
    check(&[card()], "tok_abcd1234", &[("tok_abcd1234", 0, 0)]);
    check(&[card()], "xtok_abcd1234yz", &[("tok_abcd1234", 1, 0)]);
    check(&[card()], "tok_tok_abcd1234tok_abcd1234", &[("tok_abcd1234", 4, 0), ("tok_abcd1234", 16, 0)]);
}

#[test]
fn look_alikes_are_not_found() {
    for text in
        ["TOK_abcd1234", "tok-abcd1234", "tok_abcd123", "tok_abcd123\"4", "tok_abcD1234", "tok _abcd1234"]
    {
        check(&[card()], text, &[]);
    }
}

#[test]
fn overlapping_prefixes_are_all_tried() {
    let format = TokenFormat::pattern("aa", Alphabet::Base36, 4, None).unwrap();
    check(&[format], "aaaa123", &[("aaaa12", 0, 0), ("aaa123", 1, 0)]);
}

#[test]
fn a_check_character_that_does_not_fit_is_no_token() {
    check(&[checked()], "ck.79927399", &[]);
    let good = Alphabet::Digits.luhn_check(b"7992739").unwrap();
    let id = format!("ck.7992739{}", char::from(good));
    check(&[checked()], &format!("x{id}1"), &[(&id, 1, 0)]);
}

#[test]
fn uuids_are_found_in_any_case_with_dashes_or_without() {
    let id = "0123456789abcdef0123456789abcdef";
    for text in [
        "01234567-89ab-cdef-0123-456789abcdef",
        "01234567-89AB-CDEF-0123-456789ABCDEF",
        "0123456789abcdef0123456789ABCDEF",
    ] {
        check(&[TokenFormat::Uuid], text, &[(id, 0, 0)]);
        check(&[TokenFormat::Uuid], &format!("{{\"id\":\"{text}\"}}"), &[(id, 7, 0)]);
        check(&[TokenFormat::Uuid], &format!("a-{text}-x"), &[(id, 2, 0)]);
    }
    for text in [
        "0123456789abcdef0123456789abcde",
        "01234567-89ab-cdef-0123_456789abcdef",
        "--------------------------------------------",
    ] {
        check(&[TokenFormat::Uuid], text, &[]);
    }
}

#[test]
fn every_window_of_a_longer_run_is_found() {
    let run = "0123456789abcdef0123456789abcdef01";
    check(&[TokenFormat::Uuid], run, &[(&run[0..32], 0, 0), (&run[1..33], 1, 0), (&run[2..34], 2, 0)]);
    let both = "0123456789abcdef0123456701234567-89ab-cdef-0123-456789abcdef";
    check(&[TokenFormat::Uuid], both, &[(&both[0..32], 0, 0), ("0123456789abcdef0123456789abcdef", 24, 0)]);
}

#[test]
fn several_formats_say_which_one_it_was() {
    let text = "tok_abcd1234 01234567-89ab-cdef-0123-456789abcdef";
    check(
        &[TokenFormat::Uuid, card()],
        text,
        &[("0123456789abcdef0123456789abcdef", 13, 0), ("tok_abcd1234", 0, 1)],
    );
}

#[test]
fn turns_miss_nothing_and_double_nothing() {
    let mut text = vec![b' '; 3 * TURN];
    for at in [TURN - 12, TURN - 11, TURN - 1, TURN, 2 * TURN - 36, 3 * TURN - 12] {
        let mut one = text.clone();
        one[at..at + 12].copy_from_slice(b"tok_abcd1234");
        assert_eq!(scan(&[card()], &one), [("tok_abcd1234".to_owned(), at as u64, 0)], "{at}");
    }
    text.fill(b'a');
    let windows: Vec<u64> =
        scan(&[TokenFormat::Uuid], &text).into_iter().map(|(_, start, _)| start).collect();
    assert_eq!(windows, (0..=(3 * TURN as u64) - 32).collect::<Vec<_>>());
}

#[test]
fn escapes_are_undone_once_and_starts_are_raw() {
    let found = |text: &str| stream(&[card()], Syntax::Json, &[text.as_bytes()]);
    let token = |start| vec![("tok_abcd1234".to_owned(), start, 0)];
    assert_eq!(found(r#"{"a":"tok_abcd1234"}"#), token(6));
    assert_eq!(found(r#"{"a\n":"tok\u005fabcd1234"}"#), token(8));
    assert_eq!(found(r#""\u0074\u006fk_abcd123\u0034""#), token(1));
    assert_eq!(found(r#""\\tok_abcd1234""#), token(3));
    assert_eq!(found(r#""\/tok_abcd1234\n""#), token(3));
    // A tab and `ok_…`, not a token; nor is an escaped backslash before `u005f`.
    assert_eq!(found(r#""\tok_abcd1234""#), vec![]);
    assert_eq!(found(r#""tok\\u005fabcd1234""#), vec![]);
}

#[test]
fn raw_text_keeps_its_backslashes() {
    assert_eq!(stream(&[card()], Syntax::Raw, &[br"tok\u005fabcd1234"]), vec![]);
}

#[test]
fn what_is_pending_is_told() {
    let extractor = Extractor::new(&[card()], &Encodings::none());
    let mut stream = Stream::new(&extractor, Syntax::Json, 100);
    assert_eq!(stream.pending_from(), 100);
    stream.push(br"0123456789abcdef", &mut |_| ());
    assert_eq!(stream.pending_from(), 100 + 16 - 11);
    stream.push(br"0123456789\u00", &mut |_| ());
    assert_eq!(stream.pending_from(), 100 + 26 - 11);
}

/// Text in which tokens, escapes and edges are frequent.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        Just("tok_abcd1234".to_owned()),
        Just(r"tok\u005fzzzz9999".to_owned()),
        Just(r"\u0074ok_1111222\u0033".to_owned()),
        Just("01234567-89ab-cdef-0123-456789abcdef".to_owned()),
        Just("0123456789abcdef0123456789ABCDEF0".to_owned()),
        Just("tok_".to_owned()),
        Just("ck.18".to_owned()),
        r#"[\\\\u05fn"/ a-f0-9-]{0,12}"#,
    ];
    prop::collection::vec(fragment, 0..12).prop_map(|fragments| fragments.concat().into_bytes())
}

fn cut<'a>(text: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|at| at % (text.len() + 1)).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

/// The rule itself, slowly: try every place.
fn by_definition(formats: &[TokenFormat], text: &[u8]) -> Finds {
    let mut finds = Vec::new();
    for start in 0..text.len() {
        for (format, shape) in formats.iter().enumerate() {
            for end in start + 1..=text.len().min(start + shape.max_len()) {
                let id = std::str::from_utf8(&text[start..end]).ok();
                if let Some(canonical) = id.and_then(|id| shape.canonical(id)) {
                    let canonical = String::from_utf8(canonical.as_bytes().to_vec()).unwrap();
                    finds.push((canonical, start as u64, format));
                }
            }
        }
    }
    sorted(finds)
}

proptest! {
    #[test]
    fn a_scan_finds_what_the_formats_define(text in fragments()) {
        let formats = [card(), checked(), TokenFormat::Uuid];
        prop_assert_eq!(scan(&formats, &text), by_definition(&formats, &text));
    }

    #[test]
    fn any_cut_finds_the_same(text in fragments(), cuts in prop::collection::vec(any::<usize>(), 0..9)) {
        let formats = [card(), checked(), TokenFormat::Uuid];
        for encoding in [Syntax::Raw, Syntax::Json] {
            let whole = stream(&formats, encoding, &[&text]);
            prop_assert_eq!(stream(&formats, encoding, &cut(&text, &cuts)), whole);
        }
        prop_assert_eq!(stream(&formats, Syntax::Raw, &cut(&text, &cuts)), scan(&formats, &text));
    }

    #[test]
    fn bytes_one_by_one_find_the_same(text in fragments()) {
        let formats = [card(), TokenFormat::Uuid];
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        prop_assert_eq!(stream(&formats, Syntax::Json, &bytes), stream(&formats, Syntax::Json, &[&text]));
    }

    #[test]
    fn hostile_bytes_are_read_without_harm(
        text in prop::collection::vec(any::<u8>(), 0..300),
        cuts in prop::collection::vec(any::<usize>(), 0..5),
    ) {
        let extractor = Extractor::new(&[card(), checked(), TokenFormat::Uuid], &Encodings::none());
        for encoding in [Syntax::Raw, Syntax::Json] {
            let mut stream = Stream::new(&extractor, encoding, u64::MAX - 10);
            for piece in cut(&text, &cuts) {
                stream.push(piece, &mut |_| ());
            }
            stream.finish(&mut |_| ());
        }
    }
}
