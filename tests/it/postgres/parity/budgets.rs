//! Budgets in money: the same is reserved, refused and recorded.

use serde_json::{Value, json};

use super::*;

fn reserve(more: Value) -> Value {
    let reserve = json!({
        "budgets": [{ "period": "day", "limit_usd": 0.01 }, { "period": "month", "limit_usd": 0.5 },
            { "period": "century", "limit_usd": 0 }],
        "input_tokens": 20, "overhead_tokens": 100, "output_tokens": 500, "min_output_tokens": 100,
        "usd_per_input_token": 0.000_001, "usd_per_output_token": 0.000_01,
        "assistant": "travel", "assistant_version": "v1", "plan": "free", "server": "one" });
    json!({ "p_reserve": with(reserve, more) })
}

#[tokio::test]
async fn budgets_are_kept() {
    let Some(twins) = twins().await else { return };
    let question = with(begin(1, user_message(10, "Hi there")), json!({ "p_create_chat": {} }));
    let started = twins.call("begin_generation", with(question, reserve(json!({})))).await;
    let reserved = &started["reserved"];
    assert_eq!((&reserved["usd"], &reserved["output_tokens"]), (&json!(0.005_492), &json!(500)));
    assert_eq!(reserved["budgets"][0]["reserved_usd"], 0, "what counted before");
    // As much output as the rest buys.
    let alone = |run: u32, more| with(json!({ "p_run": id(run) }), reserve(more));
    let second = twins.call("reserve_tokens", alone(2, json!({}))).await;
    assert_eq!(second["reserved"]["output_tokens"], 402);
    let refused = twins.call("reserve_tokens", alone(3, json!({}))).await;
    let budget = &refused["over_limit"]["budget"];
    assert_eq!((&refused["answer"], &budget["period"]), (&json!("over_limit"), &json!("day")));
    assert_eq!(budget["remaining_usd"], 0.000_004);
    let tokens = json!({ "limit": 10, "budgets": null });
    let refused = twins.call("reserve_tokens", alone(3, tokens)).await;
    assert_eq!(refused["over_limit"]["budget"], Value::Null);
    // More for a run at work, and less.
    let limits = reserve(json!({}))["p_reserve"]["budgets"].clone();
    let checkpoint = |number: u32, usd: f64| {
        let reserve = json!({ "budgets": limits, "tokens": 700, "usd": usd });
        let used = json!({ "model": "m", "provider": "p", "input_tokens": 30, "output_tokens": 40,
            "cost_usd": 0.000_43 });
        twins.checkpoint(
            1,
            json!({ "number": number, "after": 0, "used": used, "reserve": reserve }),
        )
    };
    assert!(checkpoint(1, 0.006).await["over_limit"]["budget"].is_object());
    assert_eq!(checkpoint(2, 0.005).await["over_limit"], Value::Null);
    let budgets = twins.call("budgets", json!({ "p_budgets": limits })).await;
    assert_eq!(budgets[1]["reserved_usd"], 0.009_504);
    for nothing in [json!([]), json!({}), Value::Null] {
        let budgets = twins.call("budgets", json!({ "p_budgets": nothing })).await;
        assert_eq!(budgets, Value::Null);
    }
    // What is never heard of again counts as it was last known.
    twins.release("one").await;
    assert_eq!(twins.call("count_lapsed_usage", json!({})).await, 2);
    let budgets = twins.call("budgets", json!({ "p_budgets": limits })).await;
    assert_eq!(budgets[0]["used_usd"], 0.000_45, "0.00043 and 20 tokens of input");
    let rows =
        twins.postgres.rows("select plan, assistant, assistant_version from usage_logs").await;
    let row = json!({ "plan": "free", "assistant": "travel", "assistant_version": "v1" });
    assert_eq!(rows.unwrap(), [row.clone(), row]);
    // What users call with nonsense.
    for wrong in [json!({ "usd_per_input_token": "much" }), json!({ "usd_per_output_token": -1 })] {
        twins.call("reserve_tokens", alone(5, wrong)).await;
    }
}
