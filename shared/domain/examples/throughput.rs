//! Measures what the scan's cost hangs on: finding tokens, gathering marks, joining them with rows.
//! `cargo run --release -p lethe-domain --example throughput`
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
#![expect(clippy::print_stdout, reason = "a measurement is printed")]
#![expect(clippy::expect_used, reason = "a measurement that cannot be set up stops")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use lethe_domain::extract::{Extractor, Stream, Syntax};
use lethe_domain::format::{Alphabet, TokenFormat};
use lethe_domain::marks::{Footer, Mark, MarkBuilder, MarkHash, MarkKey, PartHeader, Tally, decode_section};
use lethe_domain::source::Encodings;
use lethe_domain::token::ShardCount;

const PIECE: usize = 8 << 20;
const N_MARKS: u32 = 800_000;

fn main() {
    let card = TokenFormat::pattern("tok_", Alphabet::Base36, 24, None).expect("a valid format");
    for n_bytes in [104, 252] {
        let text = jsonl(n_bytes, 64 << 20);
        for (name, format) in [("pattern", &card), ("uuid", &TokenFormat::Uuid)] {
            for syntax in [Syntax::Raw, Syntax::Json] {
                for (which, encodings) in
                    [("plain", Encodings::none()), ("all encodings", Encodings::default())]
                {
                    let extractor = Extractor::new(std::slice::from_ref(format), &encodings);
                    let (time, n_found) = fastest(5, || extract(&extractor, syntax, &text));
                    let rate = rate_gb(text.len(), time);
                    println!(
                        "extract {name} {syntax:?} {which}, a token in {n_bytes} B: {rate:.2} GB/s, {n_found} found"
                    );
                }
            }
        }
    }
    measure_marks();
}

fn measure_marks() {
    let tokens: Vec<String> = (0..N_MARKS).map(|number| format!("tok_{number:024}")).collect();
    let shards = ShardCount::new(8).expect("a power of two");
    let gather = |times: u32| {
        let mut builder = MarkBuilder::new(MarkKey::new(1), shards);
        for _ in 0..times {
            for token in &tokens {
                builder.add(token.as_bytes());
            }
        }
        builder
    };
    let per_mark = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(N_MARKS);
    let (once, _) = fastest(3, || gather(1));
    let (twice, _) = fastest(3, || gather(2));
    println!("marks: {:.1} ns for a new token", per_mark(once));
    println!("marks: {:.1} ns for a known token", per_mark(twice.saturating_sub(once)));
    let mut builders: Vec<MarkBuilder> = (0..3).map(|_| gather(1)).collect();
    let (encoding, file) =
        fastest(3, || builders.pop().map(|builder| builder.encode(&PartHeader::default())));
    let file = file.expect("as many builders as measurements");
    println!("marks: {:.1} ns to sort and encode", per_mark(encoding));
    println!("marks: {} bytes for {N_MARKS}", file.len());

    let footer = Footer::parse(&file).expect("a file just written");
    let decode = || -> Vec<Mark> {
        let sections = footer.sections.iter().flat_map(|section| {
            let start = usize::try_from(section.offset).expect("a small file");
            let end = usize::try_from(section.range().end).expect("a small file");
            decode_section(file.get(start..end).unwrap_or_default(), section).expect("a section just written")
        });
        sections.collect()
    };
    let (time, marks) = fastest(3, decode);
    println!("decode: {:.1} ns a mark", per_mark(time));
    let mut sorted = marks;
    sorted.sort_unstable();
    // A planner's range: a quarter of the rows has a mark.
    let rows: Vec<MarkHash> = sorted.iter().step_by(4).map(|mark| mark.hash).collect();
    let mut tally = Tally::new(rows);
    let (time, ()) = fastest(3, || tally.add(&sorted));
    println!("join: {:.1} ns a mark", per_mark(time));
}

fn extract(extractor: &Extractor, syntax: Syntax, text: &[u8]) -> u64 {
    let mut n_found = 0_u64;
    let mut stream = Stream::new(extractor, syntax, 0);
    let mut on_found = |found: lethe_domain::extract::Found<'_>| {
        black_box(found.canonical);
        n_found = n_found.wrapping_add(1);
    };
    for piece in text.chunks(PIECE) {
        stream.push(piece, &mut on_found);
    }
    stream.finish(&mut on_found);
    n_found
}

/// Lines of exactly `n_bytes`, each with one token.
fn jsonl(n_bytes: usize, total: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(total);
    let mut number = 0_u64;
    while text.len() < total {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let head = format!(r#"{{"order":{:08},"card":"tok_{number:024}","note":""#, number % 99_999_999);
        let words = "goods sent by rail to the lake, signed for at noon; ".bytes().cycle();
        text.extend_from_slice(head.as_bytes());
        text.extend(words.take(n_bytes.saturating_sub(head.len()).saturating_sub(3)));
        text.extend_from_slice(b"\"}\n");
    }
    text
}

fn fastest<T>(times: usize, mut work: impl FnMut() -> T) -> (Duration, T) {
    let mut best = timed(&mut work);
    for _ in 1..times {
        let next = timed(&mut work);
        if next.0 < best.0 {
            best = next;
        }
    }
    best
}

fn timed<T>(work: &mut impl FnMut() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
fn rate_gb(n_bytes: usize, time: Duration) -> f64 {
    n_bytes as f64 / time.as_secs_f64() / 1e9
}
