//! Parser and schema agree on every value, and nothing that a caller sends can stop or be repeated by the parser.

use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::super::schema::examples;
use super::super::table::{FIELDS, FORMS, Field, Form, Holds, KEY, MAX_SECONDS, TOKEN, Text, find_field};
use super::super::{Command, MAX_BODY_BYTES, MAX_TOKENS, Rejected, schema, words};
use crate::hostile::{any_text, injured_text};

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| jsonschema::draft202012::new(&schema()).unwrap());

/// Characters that no word of a fault is made of.
const FOREIGN: &str = "[ZQXé7%]{4,12}";

/// A text that is right for a field of this kind, of characters that no fault contains.
fn right_text(text: Text) -> BoxedStrategy<String> {
    let most = vec![1, 2, text.max_wide(), text.max];
    let ascii = select(most).prop_map(|n| "Q".repeat(n));
    let wide = (1..=text.max_wide()).prop_map(|n| "\u{1f511}".repeat(n));
    prop_oneof![FOREIGN, any::<String>().prop_filter("limits", move |any| text.admits(any)), ascii, wide]
        .boxed()
}

fn right_tokens() -> BoxedStrategy<Value> {
    let token = right_text(TOKEN).prop_filter("prefix", |token| !token.starts_with("subject#"));
    let few = vec(token, 1..4);
    let most = Just((0..MAX_TOKENS).map(|number| format!("ZQ%{number}")).collect());
    prop_oneof![9 => few, 1 => most]
        .prop_map(|mut tokens: Vec<String>| {
            tokens.sort();
            tokens.dedup();
            json!(tokens)
        })
        .boxed()
}

/// A value that is right for a field.
fn right(field: &Field) -> BoxedStrategy<Value> {
    match field.holds {
        Holds::Version => Just(json!(1)).boxed(),
        Holds::Word => (0..FORMS.len()).prop_map(|at| json!(FORMS[at].verb.word())).boxed(),
        Holds::Plain(plain) => {
            let class = format!("{}{{1,{}}}", plain.class, plain.max);
            let exact = format!("{}{{{}}}", plain.class, plain.max);
            let text = prop_oneof![
                proptest::string::string_regex(&class).unwrap(),
                proptest::string::string_regex(&exact).unwrap()
            ];
            text.prop_map(Value::from).boxed()
        }
        Holds::Text(text) => right_text(text).prop_map(Value::from).boxed(),
        Holds::Tokens => right_tokens(),
        Holds::Seconds => {
            prop_oneof![0..=MAX_SECONDS, Just(0), Just(MAX_SECONDS)].prop_map(Value::from).boxed()
        }
        Holds::Flag => any::<bool>().prop_map(Value::from).boxed(),
        Holds::True => Just(json!(true)).boxed(),
    }
}

/// A value that is wrong for most fields, and on the edge of being right for some.
fn odd() -> BoxedStrategy<Value> {
    let numbers =
        vec![json!(0), json!(-1), json!(1.0), json!(1.5), json!(-0.0), json!(1e3), json!(1e300), json!(2)];
    let large = vec![json!(MAX_SECONDS + 1), json!(i64::MIN), json!(u64::MAX), json!(9.999_999_999e9)];
    let lengths = select(vec![0, 1, 64, 65, 128, 129, 250, 251, 256, 257, 1000, 1001, 1024, 1025]);
    let ascii = lengths.clone().prop_map(|n| json!("a".repeat(n)));
    let wide = lengths.prop_map(|n| json!("é".repeat(n)));
    let words = select(vec![
        json!("subject#7"),
        json!("Subject#7"),
        json!("a\n"),
        json!("a\u{85}"),
        json!("Q\u{7f}"),
    ]);
    let lists = prop_oneof![
        Just(json!([])),
        Just(json!({})),
        Just(json!(["ZZZZ", "ZZZZ"])),
        Just(json!(["ZZZZ", 7])),
        Just(json!(["subject#7"])),
        Just(json!([""])),
        vec(odd_text(), 1..3).prop_map(|texts| json!(texts)),
        Just(json!((0..=MAX_TOKENS).map(|number| format!("ZQ%{number}")).collect::<Vec<_>>())),
    ];
    let simple = select(vec![Value::Null, json!(true), json!(false)]);
    prop_oneof![
        select(numbers),
        select(large),
        ascii,
        wide,
        words,
        lists,
        simple,
        odd_text().prop_map(Value::from)
    ]
    .boxed()
}

fn odd_text() -> BoxedStrategy<String> {
    let long = select(vec![256, 257, 1024, 1025])
        .prop_flat_map(|n| select(vec!["a", "é"]).prop_map(move |c| c.repeat(n)));
    prop_oneof![any::<String>(), long, FOREIGN].boxed()
}

type Fields = Map<String, Value>;

fn put(fields: impl Strategy<Value = Fields> + 'static, name: &'static str) -> BoxedStrategy<Fields> {
    let value = right(find_field(name).unwrap());
    (fields, value)
        .prop_map(move |(mut fields, value)| {
            fields.insert(name.to_owned(), value);
            fields
        })
        .boxed()
}

/// A command that is right by the table.
fn right_command() -> BoxedStrategy<Fields> {
    let form = (0..FORMS.len(), any::<prop::sample::Index>(), any::<u8>());
    form.prop_flat_map(|(at, alternative, wanted)| {
        let form: &'static Form = &FORMS[at];
        let set = form.either[alternative.index(form.either.len())];
        let optional =
            form.may_carry().zip(0..).filter(move |(_, bit)| wanted >> bit & 1 == 1).map(|(name, _)| name);
        let names = form.always().chain(set.iter().copied()).chain(optional);
        let fields = names.fold(Just(Fields::new()).boxed(), put);
        fields.prop_map(|mut fields| {
            fields.insert("command".to_owned(), json!(form.verb.word()));
            fields
        })
    })
    .boxed()
}

/// What goes wrong with a command.
#[derive(Clone, Debug)]
enum Slip {
    Lost(&'static str),
    Odd(&'static str, Value),
    /// Right in another command, perhaps.
    Added(&'static str, Value),
    Unknown(String, Value),
}

fn slip() -> BoxedStrategy<Slip> {
    let added = |at: usize| right(&FIELDS[at]).prop_map(move |value| Slip::Added(FIELDS[at].name, value));
    let at = 0..FIELDS.len();
    prop_oneof![
        at.clone().prop_map(|at| Slip::Lost(FIELDS[at].name)),
        (at.clone(), odd()).prop_map(|(at, value)| Slip::Odd(FIELDS[at].name, value)),
        at.prop_flat_map(added),
        (FOREIGN, odd()).prop_map(|(name, value)| Slip::Unknown(name, value)),
    ]
    .boxed()
}

fn slipped() -> BoxedStrategy<Value> {
    (right_command(), vec(slip(), 0..4))
        .prop_map(|(mut fields, slips)| {
            for slip in slips {
                match slip {
                    Slip::Lost(name) => drop(fields.remove(name)),
                    // Only where the field is: so that most commands have one fault and not many.
                    Slip::Odd(name, value) => drop(fields.get_mut(name).map(|field| *field = value)),
                    Slip::Added(name, value) => drop(fields.insert(name.to_owned(), value)),
                    Slip::Unknown(name, value) => drop(fields.insert(name, value)),
                }
            }
            Value::Object(fields)
        })
        .boxed()
}

fn any_json() -> BoxedStrategy<Value> {
    let name = || prop_oneof![(0..FIELDS.len()).prop_map(|at| FIELDS[at].name.to_owned()), any::<String>()];
    odd()
        .prop_recursive(6, 48, 6, move |inner| {
            prop_oneof![
                vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(name(), inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
        .boxed()
}

/// Every text in a value, the names of unknown fields among them. The commands' own words are not: they are known.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) if words().any(|word| word == text) => {}
        Value::String(text) => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(fields) => {
            let unknown = fields.keys().filter(|name| find_field(name).is_none());
            found.extend(unknown.cloned());
            fields.values().for_each(|value| texts(value, found));
        }
    }
}

fn agree(value: &Value) -> Result<(), TestCaseError> {
    let text = value.to_string();
    let parsed = Command::parse(&text);
    if text.len() <= MAX_BODY_BYTES {
        prop_assert_eq!(parsed.is_ok(), SCHEMA.is_valid(value), "{:?}", parsed);
    }
    let said = match parsed {
        Ok(_) => return Ok(()),
        Err(Rejected::TooLarge(fault)) => fault,
        Err(Rejected::Faults(faults)) => {
            prop_assert!(!faults.is_empty());
            faults.join("\n")
        }
    };
    let mut given = Vec::new();
    texts(value, &mut given);
    for text in given.iter().filter(|text| text.chars().count() > 3) {
        prop_assert!(!said.contains(text.as_str()), "{said} quotes {text}");
    }
    Ok(())
}

/// A published example after careless hands.
fn injured_command() -> BoxedStrategy<String> {
    let examples: Vec<String> = FORMS.iter().flat_map(examples).map(|example| example.to_string()).collect();
    injured_text(&examples.iter().map(String::as_str).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_the_table_allows_is_accepted_and_read_back(fields in right_command()) {
        let value = Value::Object(fields);
        let text = value.to_string();
        if text.len() <= MAX_BODY_BYTES {
            let command = Command::parse(&text).unwrap();
            prop_assert!(SCHEMA.is_valid(&value));
            prop_assert_eq!(Command::parse(&command.to_json()).unwrap(), command);
        }
    }

    #[test]
    fn parser_and_schema_agree_and_no_fault_quotes_a_value(value in slipped()) {
        agree(&value)?;
    }

    #[test]
    fn they_agree_on_any_json(value in any_json()) {
        agree(&value)?;
    }

    #[test]
    fn hostile_bytes_are_refused_and_stop_nothing(text in any_text()) {
        prop_assert!(Command::parse(&text).is_err());
    }

    #[test]
    fn an_injured_command_is_read_back_or_refused_and_never_quoted(text in injured_command()) {
        match Command::parse(&text) {
            Ok(command) => prop_assert_eq!(Command::parse(&command.to_json()).unwrap(), command),
            Err(Rejected::TooLarge(fault)) => prop_assert!(!fault.is_empty()),
            Err(Rejected::Faults(faults)) => {
                let said = faults.join("\n");
                prop_assert!(!said.is_empty());
                prop_assert!(!said.contains("tok_") && !said.contains("subject-1"), "{said}");
            }
        }
    }

    #[test]
    fn a_key_is_a_key_wherever_it_comes_from(text in ".{0,140}") {
        prop_assert_eq!(super::super::IdempotencyKey::new(text.clone()).is_some(), KEY.admits(&text));
    }
}
