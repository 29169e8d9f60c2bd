use jiff::civil::{Date, date};

use super::{File, Price, Prices, Usd, close_matches, current, find, shutdown};
use crate::{ProviderName, Usage};

const TODAY: Date = date(2026, 11, 22);

fn price(id: &str, usage: &Usage) -> Option<f64> {
    find(id).unwrap().prices()?.cost(usage).map(Usd::as_f64)
}

#[test]
fn the_file_can_be_read() {
    let catalogue: File = serde_json::from_str(include_str!("models.json")).unwrap();
    assert!(catalogue.models.len() > 50);
    for model in &catalogue.models {
        assert_eq!(catalogue.shutdowns.get(&model.id), model.shutdown.as_ref(), "{}", model.id);
        assert!(!model.name.is_empty(), "{}", model.id);
    }
}

#[test]
fn ids_need_no_provider() {
    for id in ["openai/gpt-6-sol", "gpt-6-sol"] {
        assert_eq!(find(id).unwrap().name, "GPT-6 Sol");
    }
    assert_eq!(find("scripted/demo").unwrap().provider, ProviderName::from_static("scripted"));
    for id in ["anthropic/gpt-6-sol", "gpt-6", "", "/", "nobody/gpt-6-sol"] {
        assert!(find(id).is_none(), "{id}");
    }
}

#[test]
fn unknown_ids_get_suggestions() {
    let meant = |id| close_matches(id, current(TODAY).map(|model| model.qualified_id()));
    assert_eq!(meant("gpt-6-soll")[0], "openai/gpt-6-sol");
    assert_eq!(meant("openai/gpt-6-sool")[0], "openai/gpt-6-sol");
    assert_eq!(meant("claude-opus-5.5")[0], "anthropic/claude-opus-5-5");
    assert_eq!(meant("Claude-Opus-5-5")[0], "anthropic/claude-opus-5-5");
    assert!(meant("gpt-6").iter().all(|id| id.starts_with("openai/gpt-6")));
    assert_eq!(meant("gpt-6").len(), 3);
    for id in ["", "llama3.2", &"x".repeat(1000)] {
        assert!(meant(id).is_empty(), "{id}");
    }
}

#[test]
fn what_was_shut_down_is_not_current() {
    let is_listed = |id: &str, on| current(on).any(|model| model.id == id);
    assert!(is_listed("gpt-5", date(2026, 12, 10)));
    assert!(!is_listed("gpt-5", date(2026, 12, 11)));
    assert!(!is_listed("gpt-4", TODAY));
    assert!(is_listed("demo", TODAY));
    assert_eq!(shutdown("openai/gpt-4"), Some(date(2026, 10, 23)));
    assert_eq!(shutdown("gpt-6-sol"), None);
}

#[test]
fn costs_are_exact() {
    let usage = |input, cached, written, long, output| Usage {
        input_tokens: input,
        cached_input_tokens: cached,
        cache_write_input_tokens: written,
        long_cache_write_input_tokens: long,
        output_tokens: output,
        ..Usage::default()
    };
    // 1000 × $4 + 2000 × $0.2 + 300 × $5 + 100 × $8 + 50 × $20, each per million.
    let parts = usage(3400, 2000, 400, 100, 50);
    assert_eq!(price("claude-opus-5-5", &parts), Some(0.0077));
    assert_eq!(price("gpt-6-luna", &usage(3, 0, 0, 0, 1)), Some(0.000_000_8));
    assert_eq!(price("gpt-6-sol", &Usage::default()), Some(0.0));
    assert_eq!(price("scripted/demo", &usage(9, 9, 0, 0, 9)), Some(0.0));
}

#[test]
fn a_long_input_reprices_the_whole_request() {
    let usage = |input| Usage { input_tokens: input, output_tokens: 1000, ..Usage::default() };
    assert_eq!(price("gpt-6-sol", &usage(272_000)), Some(0.554));
    assert_eq!(price("gpt-6-sol", &usage(272_001)), Some(1.103_004));
}

#[test]
fn what_is_not_known_is_not_zero() {
    let cached = Usage { input_tokens: 9, cached_input_tokens: 1, ..Usage::default() };
    assert_eq!(price("gpt-5.4-pro", &cached), None);
    assert_eq!(price("gpt-4o", &Usage { input_tokens: 1, ..Usage::default() }), None);
}

#[test]
fn with_a_budget_every_token_has_a_price() {
    let cached = Usage { input_tokens: 9, cached_input_tokens: 1, ..Usage::default() };
    let prices = find("gpt-5.4-pro").unwrap().prices().unwrap();
    let all_input = prices.standard.input.times(9);
    assert_eq!(prices.completed().cost(&cached), Some(all_input));
    let flat = Prices::flat(Price::try_from(10.0).unwrap());
    assert_eq!(flat.cost(&cached), Some(Usd::from_f64(0.00009)));
}

#[test]
fn impossible_counts_do_not_overflow() {
    let usage = Usage { input_tokens: u64::MAX, output_tokens: u64::MAX, ..Usage::default() };
    assert!(price("gpt-6-sol", &usage).unwrap() > 1e12);
}
