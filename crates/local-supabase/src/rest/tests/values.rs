//! The types: what their input means and how they print.

use rusqlite::types::Value;
use serde_json::json;

use crate::rest::value::contains::contains;
use crate::rest::value::{json_text, jsonb, parse, timestamptz};
use crate::schema::PgType;

/// 2026-11-22T19:53:31.89315Z
const NOW: i64 = 1_795_377_211_893_150;

#[test]
fn timestamps() {
    let cases = [
        ("2026-11-22T19:53:31.893152Z", "2026-11-22T19:53:31.893152+00:00"),
        ("2026-11-22T19:53:31.893152+00:00", "2026-11-22T19:53:31.893152+00:00"),
        ("2026-11-22 19:53:31.5", "2026-11-22T19:53:31.5+00:00"),
        ("2026-11-22 19:53:31+02", "2026-11-22T17:53:31+00:00"),
        ("2026-11-22T19:53:31-0530", "2026-11-23T01:23:31+00:00"),
        ("2026-11-22T19:53Z", "2026-11-22T19:53:00+00:00"),
        ("2026-11-22t19:53:31.1000z", "2026-11-22T19:53:31.1+00:00"),
        ("2026-11-22T19:53:31.8931525Z", "2026-11-22T19:53:31.893152+00:00"),
        ("2026-11-22T19:53:31.8931526Z", "2026-11-22T19:53:31.893153+00:00"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999+00:00"),
        ("2026-11-22", "2026-11-22T00:00:00+00:00"),
        (" now ", "2026-11-22T19:53:31.89315+00:00"),
        ("today", "2026-11-22T00:00:00+00:00"),
        ("Tomorrow", "2026-11-23T00:00:00+00:00"),
        ("yesterday", "2026-11-21T00:00:00+00:00"),
        ("epoch", "1970-01-01T00:00:00+00:00"),
    ];
    for (input, expected) in cases {
        let micros = timestamptz::parse(input, NOW).unwrap();
        assert_eq!(timestamptz::to_json(micros), expected, "{input}");
    }
    for (input, code) in [
        ("", "22007"),
        ("soon", "22007"),
        ("2026-13-01", "22008"),
        ("2026-02-30T00:00:00Z", "22008"),
        ("2026-11-22T25:00:00Z", "22008"),
        ("2026-11-22T19:53:31[UTC]", "22007"),
        ("é026-11-22", "22007"),
    ] {
        assert_eq!(timestamptz::parse(input, NOW).unwrap_err().into_code(), code, "{input}");
    }
    assert_eq!(timestamptz::to_text(1_500_000), "1970-01-01 00:00:01.5+00");
}

#[test]
fn booleans_and_numbers() {
    for input in ["t", "TRUE", "tr", "y", "yes", "on", "1", " true "] {
        assert_eq!(parse(PgType::Boolean, input, 0).unwrap(), Value::Integer(1), "{input}");
    }
    for input in ["f", "False", "n", "no", "of", "off", "0"] {
        assert_eq!(parse(PgType::Boolean, input, 0).unwrap(), Value::Integer(0), "{input}");
    }
    let refused = [
        (PgType::Boolean, "o", "22P02"),
        (PgType::Boolean, "", "22P02"),
        (PgType::Boolean, "truely", "22P02"),
        (PgType::Integer, "2147483648", "22003"),
        (PgType::Integer, "1.5", "22P02"),
        (PgType::Bigint, "-9223372036854775809", "22003"),
        (PgType::NUMERIC, "1e999", "PGRST127"),
        (PgType::NUMERIC, "NaN", "22P02"),
        (PgType::Uuid, "urn:uuid:00000000-0000-0000-0000-000000000001", "22P02"),
        (PgType::Uuid, "", "22P02"),
        (PgType::Uuid, "00000000-0000-0000-0000-00000000000g", "22P02"),
        (PgType::Uuid, "00000000--0000-0000-0000-000000000001", "22P02"),
        (PgType::Uuid, "00000000-0000-0000-0000-000000000001-", "22P02"),
    ];
    for (pg_type, input, code) in refused {
        assert_eq!(parse(pg_type, input, 0).unwrap_err().into_code(), code, "{input}");
    }
    let uuid = parse(PgType::Uuid, "{0000000000000000000000000000A11C}", 0).unwrap();
    assert_eq!(uuid, Value::Text("00000000-0000-0000-0000-00000000a11c".to_owned()));
}

#[test]
fn jsonb_prints_as_postgresql_does() {
    let cases = [
        (
            r#" {"bb":1,"a":[1,2,{}],"c":{"d":null}} "#,
            r#"{"a": [1, 2, {}], "c": {"d": null}, "bb": 1}"#,
        ),
        (r#"{"a":1,"a":2}"#, r#"{"a": 2}"#),
        (r#""\u00e9\n\"""#, "\"é\\n\\\"\""),
        ("[]", "[]"),
        ("1e2", "100"),
        ("1e-7", "0.0000001"),
        ("0.1", "0.1"),
        ("-0.0", "0"),
        ("18446744073709551615", "18446744073709551615"),
        ("true", "true"),
    ];
    for (input, expected) in cases {
        assert_eq!(jsonb::normalize(input).unwrap(), expected);
    }
    assert_eq!(jsonb::normalize("{").unwrap_err().into_code(), "22P02");
    assert_eq!(jsonb::normalize(r#"{"\u0000":1}"#).unwrap_err().into_code(), "22P05");
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(jsonb::normalize(&deep).unwrap_err().into_code(), "22P02");
}

#[test]
fn jsonb_contains() {
    let cases = [
        (json!({"a": 1, "b": [1, 2]}), json!({"b": [2]}), true),
        (json!({"a": {"b": 1, "c": 2}}), json!({"a": {"c": 2}}), true),
        (json!({"a": 1}), json!({"a": 2}), false),
        (json!({"a": [1]}), json!({"a": 1}), false),
        (json!([1, [2, 3]]), json!([[3]]), true),
        (json!([1, 2]), json!([2, 2, 1]), true),
        (json!(["a"]), json!("a"), true),
        (json!("a"), json!(["a"]), false),
        (json!({}), json!({}), true),
        (json!([]), json!({}), false),
        (json!([1.0]), json!([1]), true),
        (json!(null), json!(null), true),
        (json!([{"a": 1, "b": 2}, {"a": 2}]), json!([{"a": 2}, {"a": 1}, {"b": 2}]), true),
        (json!([{"a": 1, "b": 2}]), json!([{"a": 1, "b": 3}]), false),
        (json!([{"a": {"b": [1, 2]}}, []]), json!([{"a": {"b": [2]}}]), true),
        (json!([{"a": "x\"],"}, 1]), json!([1, {"a": "x\"],"}]), true),
        (json!([[1]]), json!([[1], [1, 1], [1, 1, 1]]), true),
        (json!([[1]]), json!([[1], [1, 1], [1, 2, 1]]), false),
        (json!({"a": 1, "b": 2}), json!({"a": 1, "long": [1, 2, 3]}), false),
        (json!({"a": [1]}), json!({"a": [1, 1, 1, 1]}), true),
    ];
    for (a, b, expected) in cases {
        let (a, b) = (jsonb::print(&a), jsonb::print(&b));
        assert_eq!(contains(&a, &b).unwrap(), expected, "{a} @> {b}");
    }
}

#[test]
fn jsonb_sorts() {
    let ascending = [
        json!(null),
        json!(""),
        json!("a"),
        json!("a\u{1}"),
        json!("ab"),
        json!("b"),
        json!(-10),
        json!(-1.5),
        json!(0),
        json!(1.5),
        json!(10),
        json!(false),
        json!(true),
        json!([2]),
        json!([3]),
        json!([1, 1]),
        json!({"a": 1}),
        json!({"a": 2}),
        json!({"b": 1}),
        json!({"a": 0, "b": 0}),
    ];
    for pair in ascending.windows(2) {
        let key = |value| json_text::sort_key(&jsonb::print(value));
        assert!(key(&pair[0]) < key(&pair[1]), "{pair:?}");
    }
}

/// Compared one by one, these take some 10¹⁰ steps.
#[test]
fn long_arrays_are_not_compared_element_by_element() {
    let object = |n: usize| json!({"type": "text", "text": n});
    let array =
        |numbers: &mut dyn Iterator<Item = usize>| jsonb::print(&numbers.map(object).collect());
    let (many, some) = (array(&mut (0..100_000)), array(&mut (0..20_000).rev()));
    assert!(contains(&many, &some).unwrap());
    assert!(!contains(&some, &many).unwrap());
    let numbers = |count: u32| jsonb::print(&(0..count).collect());
    assert!(contains(&numbers(200_000), &numbers(100_000)).unwrap());
}

#[test]
fn more_values_than_there_is_memory_for() {
    let array = |count| format!("[{}1]", "1,".repeat(count));
    assert_eq!(jsonb::normalize(&array(500_000)).unwrap_err().into_code(), "54000");
    assert!(jsonb::normalize(&array(400_000)).is_ok());
    assert!(jsonb::normalize(&serde_json::to_string(&",[{".repeat(1 << 20)).unwrap()).is_ok());
}
