//! The types beyond those of `values`: what PostgreSQL prints of an input, and what it refuses.

use rusqlite::types::Value;

use crate::rest::value::array_operators::{contains, overlaps, sort_key};
use crate::rest::value::regex::Pattern;
use crate::rest::value::{array, parse, print};
use crate::schema::{EnumType, PgType, Precision};

/// 2026-11-22T19:53:31.89315Z
const NOW: i64 = 1_795_377_211_893_150;

static MOOD: EnumType =
    EnumType { name: "mood", array_name: "mood[]", labels: &["sad", "ok", "happy"] };

const MOODS: PgType = PgType::Array(&PgType::Enum(&MOOD));

const MONEY: PgType = PgType::Numeric(Some(Precision { precision: 5, scale: 2 }));

#[test]
fn inputs_print_as_in_postgresql() {
    let cases = [
        (PgType::Varchar(Some(3)), "abc  ", "abc"),
        (PgType::Char(3), "a", "a  "),
        (PgType::Smallint, " -32768 ", "-32768"),
        (PgType::Real, "0.1", "0.1"),
        (PgType::Real, "1e10", "1e+10"),
        (PgType::Real, "1234567", "1.234567e+06"),
        (PgType::DoublePrecision, "1e15", "1e+15"),
        (PgType::DoublePrecision, "123456789012345", "123456789012345"),
        (PgType::DoublePrecision, "0.0001", "0.0001"),
        (PgType::DoublePrecision, "0.00001", "1e-05"),
        (PgType::DoublePrecision, "-inf", "-Infinity"),
        (MONEY, "1.005", "1.01"),
        (MONEY, "-0.004", "0.00"),
        (MONEY, "999.994", "999.99"),
        (MONEY, "1e1", "10.00"),
        (PgType::NUMERIC, "-0.00001", "-0.00001"),
        (PgType::NUMERIC, "1e20", "100000000000000000000"),
        (PgType::Date, "2024-02-29", "2024-02-29"),
        (PgType::Date, "20240229", "2024-02-29"),
        (PgType::Date, "2024-02-29T23:59:59+02:00", "2024-02-29"),
        (PgType::Date, "0001-01-01", "0001-01-01"),
        (PgType::Date, "9999-12-31", "9999-12-31"),
        (PgType::Date, "yesterday", "2026-11-21"),
        (PgType::Time, "13:14", "13:14:00"),
        (PgType::Time, "13:14:15.6789", "13:14:15.6789"),
        (PgType::Time, "24:00", "24:00:00"),
        (PgType::Timestamp, "2024-02-29T13:14:15.5+07:00", "2024-02-29 13:14:15.5"),
        (PgType::Timestamp, "1969-12-31 23:59:59", "1969-12-31 23:59:59"),
        (PgType::Bytea, "\\xDEADbeef", "\\xdeadbeef"),
        (PgType::Bytea, "hi", "\\x6869"),
        (PgType::Json, "{\"b\":1,  \"a\":[] }", "{\"b\":1,  \"a\":[] }"),
        (PgType::Enum(&MOOD), "ok", "ok"),
        (
            PgType::Array(&PgType::Text),
            "{ a b , \"c,d\",null,\"null\",\"\"}",
            "{\"a b\",\"c,d\",NULL,\"null\",\"\"}",
        ),
        (PgType::Array(&PgType::Text), "{a\\\"b}", "{\"a\\\"b\"}"),
        (PgType::Array(&PgType::Integer), "{1,-2}", "{1,-2}"),
        (PgType::Array(&PgType::Boolean), "{t,no}", "{t,f}"),
        (PgType::Array(&PgType::Timestamptz), "{2024-01-01}", "{\"2024-01-01 00:00:00+00\"}"),
        (PgType::Array(&PgType::Jsonb), "{\"{\\\"a\\\":1}\"}", "{\"{\\\"a\\\": 1}\"}"),
        (PgType::Array(&PgType::Date), "{}", "{}"),
    ];
    for (pg_type, input, expected) in cases {
        let value = parse(pg_type, input, NOW).unwrap_or_else(|error| panic!("{input}: {error}"));
        assert_eq!(print(pg_type, &value).unwrap(), expected, "{input}");
    }
}

#[test]
fn inputs_are_refused_as_in_postgresql() {
    let cases = [
        (PgType::Varchar(Some(3)), "abcd", "22001", "value too long for type character varying(3)"),
        (PgType::Char(1), "ab", "22001", "value too long for type character(1)"),
        (PgType::Smallint, "32768", "22003", "value \"32768\" is out of range for type smallint"),
        (PgType::Real, "1e39", "22003", "\"1e39\" is out of range for type real"),
        (
            PgType::DoublePrecision,
            "1e-400",
            "22003",
            "\"1e-400\" is out of range for type double precision",
        ),
        (
            PgType::DoublePrecision,
            "1e",
            "22P02",
            "invalid input syntax for type double precision: \"1e\"",
        ),
        (MONEY, "999.995", "22003", "numeric field overflow"),
        (MONEY, "one", "22P02", "invalid input syntax for type numeric: \"one\""),
        (PgType::Date, "2024-02-30", "22008", "date/time field value out of range: \"2024-02-30\""),
        (PgType::Date, "2024-13-01", "22008", "date/time field value out of range: \"2024-13-01\""),
        (PgType::Date, "soon", "22007", "invalid input syntax for type date: \"soon\""),
        (PgType::Time, "25:00", "22008", "date/time field value out of range: \"25:00\""),
        (PgType::Time, "24:00:01", "22008", "date/time field value out of range: \"24:00:01\""),
        (PgType::Time, "noon", "22007", "invalid input syntax for type time: \"noon\""),
        (PgType::Timestamp, "x", "22007", "invalid input syntax for type timestamp: \"x\""),
        (PgType::Bytea, "\\x1", "22023", "invalid hexadecimal data: odd number of digits"),
        (PgType::Json, "{", "22P02", "invalid input syntax for type json"),
        (PgType::Enum(&MOOD), "Ok", "22P02", "invalid input value for enum mood: \"Ok\""),
        (PgType::Array(&PgType::Text), "a", "22P02", "malformed array literal: \"a\""),
        (PgType::Array(&PgType::Text), "{a,}", "22P02", "malformed array literal: \"{a,}\""),
        (PgType::Array(&PgType::Text), "{a", "22P02", "malformed array literal: \"{a\""),
        (PgType::Array(&PgType::Text), "{a}b", "22P02", "malformed array literal: \"{a}b\""),
        (
            PgType::Array(&PgType::Integer),
            "{x}",
            "22P02",
            "invalid input syntax for type integer: \"x\"",
        ),
        (MOODS, "{glad}", "22P02", "invalid input value for enum mood: \"glad\""),
    ];
    for (pg_type, input, code, message) in cases {
        let error = parse(pg_type, input, NOW).expect_err(input);
        assert_eq!(error.to_string(), message, "{input}");
        assert_eq!(error.into_code(), code, "{input}");
    }
}

/// What SQLite cannot hold, or this server not match, is refused and not taken for something else.
#[test]
fn what_cannot_be_done_as_in_postgresql_is_refused() {
    let cases = [
        (PgType::NUMERIC, "12345678901234567890.123456789"),
        (PgType::Real, "NaN"),
        (PgType::Array(&PgType::Text), "{{a},{b}}"),
        (PgType::Interval, "1 day"),
    ];
    for (pg_type, input) in cases {
        assert_eq!(parse(pg_type, input, NOW).unwrap_err().into_code(), "PGRST127", "{input}");
    }
    for pattern in
        ["(a)\\1", "a(?=b)", "\\yword\\y", "[[.a.]]", "(?i)a", "***=a", "(", "a{1,5000}{1,5000}"]
    {
        assert!(Pattern::new(pattern, false).is_err(), "{pattern}");
    }
}

#[test]
fn patterns_match_as_in_postgresql() {
    let cases = [
        ("^[a-z0-9-]{1,30}$", "a-slug", true),
        ("^[a-z0-9-]{1,30}$", "A slug", false),
        ("a.c", "xa\ncx", true),
        ("^b", "a\nb", false),
        ("b$", "b\na", false),
        ("(foo|bar)+\\d", "foobar7", true),
        ("[[:alpha:]]+@", "ä@", true),
        ("[]x]", "]", true),
        ("[^]x]", "]", false),
        ("[a-]", "-", true),
        ("a{x", "a{x", true),
        ("\\.com$", "x.com", true),
        ("a|", "b", true),
        ("<b>", "a<b>", true),
    ];
    for (pattern, text, expected) in cases {
        let compiled = Pattern::new(pattern, false).unwrap_or_else(|e| panic!("{pattern}: {e}"));
        assert_eq!(compiled.is_match(text).unwrap(), expected, "{text} ~ {pattern}");
    }
    assert!(Pattern::new("^ÄB", true).unwrap().is_match("äb").unwrap());
}

/// Tried place by place, this takes 10¹² steps.
#[test]
fn patterns_read_a_text_once() {
    let text = "a".repeat(1 << 20);
    assert!(!Pattern::new("(a*)*b$", false).unwrap().is_match(&text).unwrap());
}

#[test]
fn arrays_compare_as_in_postgresql() {
    let stored = |element: PgType, text: &str| {
        let Value::Text(json) =
            parse(PgType::Array(Box::leak(Box::new(element))), text, 0).unwrap()
        else {
            panic!("not stored as text")
        };
        json
    };
    let of_texts = |text: &str| stored(PgType::Text, text);
    for (a, b, is_contained, overlap) in [
        ("{a,b}", "{b}", true, true),
        ("{a,b}", "{}", true, false),
        ("{a,b}", "{b,b,a}", true, true),
        ("{a,b}", "{c,a}", false, true),
        ("{null}", "{null}", false, false),
        ("{}", "{a}", false, false),
    ] {
        assert_eq!(contains(&of_texts(a), &of_texts(b)).unwrap(), is_contained, "{a} @> {b}");
        assert_eq!(overlaps(&of_texts(a), &of_texts(b)).unwrap(), overlap, "{a} && {b}");
    }
    let labels: Vec<String> = MOOD.labels.iter().map(|label| (*label).to_owned()).collect();
    for (element, labels, ascending) in [
        (PgType::Text, &[][..], &["{}", "{a}", "{a,a}", "{a,b}", "{ab}", "{b}", "{null}"][..]),
        (PgType::Integer, &[], &["{-10}", "{-2}", "{2}", "{2,1}", "{10}"]),
        (PgType::Enum(&MOOD), &labels, &["{sad}", "{ok}", "{ok,sad}", "{happy}"]),
    ] {
        for pair in ascending.windows(2) {
            let key = |text| sort_key(&stored(element, text), labels).unwrap();
            assert!(key(pair[0]) < key(pair[1]), "{pair:?}");
        }
    }
}

#[test]
fn elements_are_told_apart() {
    let elements = array::elements("{a,\"b\\\"c\", \"\" ,NULL,\"NULL\",d e}").unwrap();
    let texts: Vec<_> = elements.iter().map(|element| element.as_deref()).collect();
    assert_eq!(texts, [Some("a"), Some("b\"c"), Some(""), None, Some("NULL"), Some("d e")]);
}
