//! Tokens that are not written as they are.

use proptest::prelude::*;

use super::*;
use crate::format::Alphabet;

const ID: &str = "tok_abcd1234";
const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";

fn formats() -> [TokenFormat; 3] {
    let card = TokenFormat::pattern("tok_", Alphabet::Base36, 8, None).unwrap();
    let short = TokenFormat::pattern("a.", Alphabet::Digits, 12, None).unwrap();
    [card, TokenFormat::Uuid, short]
}

/// RFC 4648 by the book, bit by bit: the matcher is held to this and not to itself.
fn base64_of(text: &[u8], symbols: &[u8; 64], is_padded: bool) -> String {
    let bits: Vec<u8> = text.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    let value = |six: &[u8]| six.iter().chain([0; 5].iter()).take(6).fold(0, |sum, bit| sum << 1 | bit);
    let mut out: String = bits.chunks(6).map(|six| char::from(symbols[usize::from(value(six))])).collect();
    while is_padded && !out.len().is_multiple_of(4) {
        out.push('=');
    }
    out
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn percents(text: &str) -> String {
    text.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"))
}

fn codes(text: &str) -> String {
    text.bytes().fold(String::new(), |text, byte| text + &format!("\\u{:04x}", u32::from(byte)))
}

/// Ids found in a text that stands alone, and in one that comes in pieces of every small size.
#[track_caller]
fn ids(encodings: &Encodings, text: &str) -> Vec<String> {
    let formats = formats();
    let extractor = Extractor::new(&formats, encodings);
    let mut alone = Vec::new();
    extractor
        .scan(text.as_bytes(), &mut |found| alone.push(String::from_utf8(found.canonical.to_vec()).unwrap()));
    alone.sort();
    for syntax in [Syntax::Raw, Syntax::Json] {
        for size in [1, 2, 3, 7, 1000] {
            let mut found_in_pieces = Vec::new();
            let mut stream = Stream::new(&extractor, syntax, 0);
            let mut see =
                |found: Found<'_>| found_in_pieces.push(String::from_utf8(found.canonical.to_vec()).unwrap());
            text.as_bytes().chunks(size).for_each(|piece| stream.push(piece, &mut see));
            stream.finish(&mut see);
            found_in_pieces.sort();
            // In a text that is JSON as a whole `\t` is no `t`.
            if syntax == Syntax::Raw || (encodings.has(Encoding::Json) && !text.contains(r"\t")) {
                assert_eq!(found_in_pieces, alone, "{syntax:?} in pieces of {size}: {text}");
            }
        }
    }
    alone
}

#[track_caller]
fn check(text: &str, by: Encoding, expected: &[&str]) {
    assert_eq!(ids(&Encodings::default(), text), expected, "{text}");
    let without: Encodings = Encoding::ALL.into_iter().filter(|encoding| *encoding != by).collect();
    assert_eq!(ids(&without, text), [""; 0], "found without {by:?}: {text}");
}

#[test]
fn a_token_as_it_is_is_found_once_whatever_stands_around_it() {
    for text in
        [ID.to_owned(), format!("50%{ID}%"), format!(r"C:\{ID}\n"), format!("%2F{ID}"), format!(r"\t{ID}")]
    {
        assert_eq!(ids(&Encodings::default(), &text), [ID], "{text}");
    }
    // What only looks like an escape does not eat a token's first digits.
    assert_eq!(ids(&Encodings::default(), &format!("LIKE '%{UUID}%'")), [UUID.replace('-', "")]);
}

#[test]
fn percents_are_undone() {
    check(&percents(ID), Encoding::Url, &[ID]);
    check("q=tok%5Fabcd1234&x=1", Encoding::Url, &[ID]);
    check(&format!("id={}", UUID.replace('-', "%2D")), Encoding::Url, &[&UUID.replace('-', "")]);
}

#[test]
fn json_inside_of_other_text_is_undone() {
    check(&codes(ID), Encoding::Json, &[ID]);
    check(r#"1,"{""card"":""tok\u005fabcd1234""}""#, Encoding::Json, &[ID]);
}

#[test]
fn base64_is_found_at_every_place_of_a_group_in_both_alphabets() {
    for before in ["", "x", "xy", "{\"card\":\"", "\u{ff}\u{fe}>>??"] {
        for after in ["", "\"}", "~~~~"] {
            for (symbols, is_padded) in [(STANDARD, true), (URL_SAFE, false)] {
                for (id, canonical) in [
                    (ID, ID.to_owned()),
                    (UUID, UUID.replace('-', "")),
                    ("a.123456789012", "a.123456789012".to_owned()),
                ] {
                    let text = base64_of(format!("{before}{id}{after}").as_bytes(), symbols, is_padded);
                    check(&format!("v={text}"), Encoding::Base64, &[&canonical]);
                }
            }
        }
    }
}

#[test]
fn base64_in_json_may_be_escaped_as_well() {
    let text = base64_of(format!("??>{ID}").as_bytes(), STANDARD, true);
    let escaped = text.replace('/', r"\/").replace('d', r"\u0064");
    assert_ne!(text, escaped);
    check(&escaped, Encoding::Base64, &[ID]);
}

#[test]
fn what_is_switched_off_is_named() {
    let encodings: Encodings = [Encoding::Json, Encoding::Gzip].into_iter().collect();
    assert_eq!(encodings.switched_off().map(Encoding::as_str).collect::<Vec<_>>(), ["url", "base64"]);
}

proptest! {
    /// In whatever pieces a text comes, from wherever reading goes on: the same tokens at the same places, each once.
    #[test]
    fn pieces_and_pauses_do_not_matter(
        parts in prop::collection::vec(0_usize..8, 1..12),
        cuts in prop::collection::vec(1_usize..40, 1..40),
        paused_at in 0_usize..40,
    ) {
        let text: String = parts.iter().map(|part| match part {
            0 => ID.to_owned(),
            1 => percents(ID),
            2 => codes(ID),
            3 => base64_of(format!("x{ID}").as_bytes(), STANDARD, false) + ".",
            4 => r"\".to_owned(),
            5 => "%".to_owned(),
            6 => UUID.to_owned(),
            _ => "other words ".to_owned(),
        }).collect();
        let formats = formats();
        let extractor = Extractor::new(&formats, &Encodings::default());
        let mut expected = Vec::new();
        let mut note = |found: Found<'_>| expected.push((found.start, found.canonical.to_vec()));
        let mut whole = Stream::new(&extractor, Syntax::Raw, 0);
        whole.push(text.as_bytes(), &mut note);
        whole.finish(&mut note);
        expected.sort();

        let mut found_in_pieces = Vec::new();
        let mut stream = Stream::new(&extractor, Syntax::Raw, 0);
        let (mut at, mut from) = (0, None);
        for (index, size) in cuts.iter().cycle().enumerate() {
            if text.len() <= at {
                break;
            }
            let piece = &text.as_bytes()[at..(at + size).min(text.len())];
            stream.push(piece, &mut |found| found_in_pieces.push((found.start, found.canonical.to_vec())));
            at += piece.len();
            if index == paused_at {
                from = Some(stream.pending_from());
                break;
            }
        }
        if let Some(from) = from {
            // Another worker reads on, from far enough before to be in step, and counts what starts from there.
            let mut rest = Stream::new(&extractor, Syntax::Raw, 0);
            let mut note = |found: Found<'_>| {
                if from <= found.start {
                    found_in_pieces.push((found.start, found.canonical.to_vec()));
                }
            };
            rest.push(text.as_bytes(), &mut note);
            rest.finish(&mut note);
        } else {
            stream.finish(&mut |found| found_in_pieces.push((found.start, found.canonical.to_vec())));
        }
        found_in_pieces.sort();
        prop_assert_eq!(found_in_pieces, expected);
    }
}
