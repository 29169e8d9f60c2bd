//! Plans in money: no cent is overspent, whoever asks how, and the bill can be computed again.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{
    Answer, FakeProvider, OperatorFile, TestApp, User, live, skipped_on_a_real_supabase,
};

/// Prices of one's own, so that the catalogue may change.
const PRICES: &str = "
[prices.\"openai/gpt-6-sol\"]
input = 1
output = 10
cached_input = 0.1
";

/// What an answer to "Hi" with a cap of 100 tokens reserves: a token for each byte that is sent and may be
/// added, and the cap.
const ONE: f64 = 0.000_516 + 0.001;
/// What it costs: 6 tokens, 4 cached ones and 5 of output.
const COST: f64 = 0.000_056_4;

struct Planned {
    app: TestApp,
    provider: FakeProvider,
    file: OperatorFile,
    alice: User,
}

async fn planned(file: &str) -> Planned {
    let provider = FakeProvider::with([]).await;
    let file = OperatorFile::new(&format!("{file}{PRICES}"));
    let settings = [
        ("OPENAI_BASE_URL", provider.url.as_str()),
        ("DEFAULT_MODEL", "gpt-6-sol"),
        ("CONFIG_FILE", file.path()),
    ];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    Planned { app, provider, file, alice }
}

fn frames() -> String {
    let usage = json!({ "prompt_tokens": 10, "completion_tokens": 5,
        "prompt_tokens_details": { "cached_tokens": 4 },
        "completion_tokens_details": { "reasoning_tokens": 2 } });
    let frames = [
        json!({ "choices": [{ "index": 0, "delta": { "content": "Hello" } }] }).to_string(),
        json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }).to_string(),
        json!({ "choices": [], "usage": usage }).to_string(),
        "[DONE]".to_owned(),
    ];
    frames.map(|frame| format!("data: {frame}\n\n")).concat()
}

impl Planned {
    fn enqueue(&self) {
        self.provider.enqueue(Answer::Body(frames().into()));
    }

    async fn ask(&self) -> crate::support::Reply {
        let chat = self.alice.create_chat("Trip").await;
        self.alice.generate(&chat, question()).await
    }

    async fn budgets(&self) -> Value {
        self.alice.get("/api/analytics/usage").await.expect(200)["budgets"].clone()
    }
}

fn question() -> Value {
    json!({ "content": "Hi", "max_output_tokens": 100 })
}

#[tokio::test]
async fn of_16_at_once_as_many_run_as_are_paid_for() {
    let planned = planned("[plans.default]\nusd_per_day = 0.01\nusd_per_month = 1\n").await;
    let other = planned.app.replica(&[]).await;
    let voices: Vec<_> = (0..6)
        .map(|_| {
            let (sender, answer) = live();
            planned.provider.enqueue(answer);
            sender
        })
        .collect();
    let (sender, mut replies) = mpsc::unbounded_channel();
    for number in 0..16 {
        let user = if number % 2 == 0 { planned.alice.clone() } else { planned.alice.on(&other) };
        let sender = sender.clone();
        tokio::spawn(async move {
            let chat = user.create_chat("Trip").await;
            sender.send(user.generate(&chat, question()).await).unwrap();
        });
    }
    for _ in 0..10 {
        let reply = replies.recv().await.unwrap();
        assert_eq!(reply.json()["limit_usd"], 0.01);
        assert_eq!(reply.json()["period"], "day");
        assert_eq!(reply.problem(429), "budget_exceeded");
    }
    let budgets = planned.budgets().await;
    assert_eq!(budgets[0]["reserved_usd"], json!(6.0 * ONE), "{budgets}");
    assert_eq!((&budgets[1]["period"], &budgets[1]["limit_usd"]), (&json!("month"), &json!(1.0)));
    voices.iter().for_each(|voice| voice.send(frames().into()).unwrap());
    for _ in 0..6 {
        replies.recv().await.unwrap().expect(200);
    }
    let budgets = planned.budgets().await;
    for budget in budgets.as_array().unwrap() {
        assert_eq!(budget["used_usd"], json!(0.000_338_4), "six times {COST}, exactly");
        assert_eq!(budget["reserved_usd"], json!(0.0));
    }
    let rows = planned.alice.usage_logs().await;
    assert_eq!(rows.len(), 6);
    for row in rows {
        assert_eq!((&row["plan"], &row["cost_usd"]), (&json!("default"), &json!(COST)));
        let paid = &row["prices"][0];
        let per = |name: &str| paid["usd_per_million_tokens"][name].as_f64().unwrap() / 1e6;
        let count = |name: &str| paid[name].as_f64().unwrap();
        let cached = count("cached_input_tokens");
        let again = (count("input_tokens") - cached) * per("input")
            + cached * per("cached_input")
            + count("output_tokens") * per("output");
        assert!((again - COST).abs() < 1e-12, "{row}");
    }
    // A range ends before its end.
    planned.app.clock.advance(std::time::Duration::from_secs(1));
    let usage = planned.alice.get("/api/analytics/usage?group_by=plan").await.expect(200);
    assert_eq!(usage["series"].as_array().unwrap().last().unwrap()["group"], "default");
}

#[tokio::test]
async fn a_dearer_model_and_a_longer_input_are_reserved_before_they_are_called() {
    let file = "[plans.default]\nusd_per_day = 0.004\n";
    let planned =
        planned(&format!("{file}[prices.\"openai/dear\"]\ninput = 100\noutput = 1000\n")).await;
    let chat = planned.alice.create_chat("Trip").await;
    planned
        .alice
        .patch(&format!("/api/chats/{chat}"), json!({ "model": "dear" }))
        .await
        .expect(200);
    let reply = planned.alice.generate(&chat, question()).await;
    assert_eq!(reply.problem(429), "budget_exceeded");
    assert_eq!(planned.provider.requests().len(), 0);
    assert_eq!(planned.budgets().await[0]["reserved_usd"], json!(0.0));
    // A cap that was not asked for is what the money buys.
    planned.enqueue();
    let chat = planned.alice.create_chat("Trip").await;
    planned.alice.generate(&chat, json!({ "content": "Hi" })).await.expect(200);
    assert_eq!(planned.provider.requests()[0]["max_tokens"], 348, "(0.004 - 0.000516) / 0.00001");
}

#[tokio::test]
async fn a_warning_comes_before_the_end() {
    if skipped_on_a_real_supabase("a clock that stands still") {
        return;
    }
    let planned = planned("[plans.default]\nusd_per_day = 0.0017\n").await;
    let warnings = async {
        let mut warnings = Vec::new();
        for _ in 0..2 {
            planned.enqueue();
            let body = planned.ask().await.expect(200);
            warnings.push(body["message"]["metadata"]["budget_warning"].clone());
        }
        warnings
    };
    assert_eq!(warnings.await, [Value::Null, Value::Null]);
    let row = json!({ "operation": "chat", "provider": "mine", "model": "mine",
        "usage_source": "reported", "status": "complete", "cost_usd": 0.0013 });
    planned.alice.rest(Method::POST, "/usage_logs", Some(row.clone())).await.expect(201);
    let refused = planned.ask().await;
    assert_eq!(refused.header("retry-after"), "57600");
    assert_eq!(refused.json()["remaining_usd"], json!(0.000_287_2));
    assert_eq!(refused.problem(429), "budget_exceeded");
    // What users may write only adds to what they have spent, and says nothing of plans.
    let forged = json!({ "plan": "free", "prices": [] });
    let forged = [row, forged].into_iter().fold(json!({}), |mut all, more| {
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    });
    planned.alice.rest(Method::POST, "/usage_logs", Some(forged)).await.expect(403);
    let usage = "/usage_logs?cost_usd=gt.0";
    planned.alice.rest(Method::DELETE, usage, None).await.expect(403);
    let nothing = json!({ "cost_usd": 0 });
    planned.alice.rest(Method::PATCH, usage, Some(nothing)).await.expect(403);
}

#[tokio::test]
async fn eighty_percent_are_told() {
    let planned = planned("[plans.default]\nusd_per_day = 0.0016\n").await;
    let row = json!({ "user_id": planned.alice.id, "operation": "chat", "provider": "p", "model": "m",
        "usage_source": "reported", "status": "complete", "cost_usd": 0.00004 });
    planned.app.store("usage_logs", &row).await;
    planned.file.write(&format!("[plans.default]\nusd_per_day = 0.00162\n{PRICES}"));
    planned.app.reload_file().unwrap();
    planned.enqueue();
    let body = planned.ask().await.expect(200);
    assert_eq!(body["message"]["metadata"]["budget_warning"], Value::Null, "6 % are used");
    planned.file.write(&format!(
        "[plans.default]\nusd_per_day = 0.0001\n{}",
        PRICES.replace("= 0.1", "= 0.0001").replace("= 10", "= 0.01").replace("= 1\n", "= 0.001\n")
    ));
    planned.app.reload_file().unwrap();
    planned.enqueue();
    let body = planned.ask().await.expect(200);
    let warning = &body["message"]["metadata"]["budget_warning"];
    assert_eq!((&warning["period"], &warning["limit_usd"]), (&json!("day"), &json!(0.0001)));
}

#[tokio::test]
async fn what_has_no_price_is_refused_or_counted_at_the_operators() {
    let plan = "[plans.default]\nusd_per_day = 1\n";
    let planned = planned(plan).await;
    let ask = json!({ "prompt": "Hi", "model": "llama", "max_output_tokens": 100 });
    let reply = planned.alice.post("/api/ai/generate", ask.clone()).await;
    assert_eq!(reply.problem(403), "plan_limit");
    let counted = format!("unpriced_usd_per_million_tokens = 100\n{plan}{PRICES}");
    planned.file.write(&counted);
    planned.app.reload_file().unwrap();
    planned.enqueue();
    let answer = planned.alice.post("/api/ai/generate", ask).await.expect(200);
    assert_eq!(answer["cost_usd"], json!(0.0015));
    assert_eq!(planned.budgets().await[0]["used_usd"], json!(0.0015));
}

#[tokio::test]
async fn a_token_says_which_plan_is_its_users() {
    let file = "[plans.default]\nmodels = [\"scripted/*\"]\ngenerations_per_minute = 1\n\
                [plans.pro]\ntokens_per_day = 1000\n\
                file_quota_bytes = 10\nscripts_per_minute = 1\n";
    let planned = planned(file).await;
    let ask = json!({ "prompt": "Hi", "max_output_tokens": 100 });
    let ask = || planned.alice.post("/api/ai/generate", ask.clone());
    assert_eq!(ask().await.problem(403), "plan_limit");
    assert_eq!(ask().await.problem(429), "generation_rate_limited");
    planned.app.set_app_metadata(&planned.alice, json!({ "plan": "pro" })).await;
    let pro = planned.alice.refreshed(&planned.app).await;
    let both = join_all((0..2).map(|_| {
        planned.enqueue();
        pro.post("/api/ai/generate", json!({ "prompt": "Hi", "max_output_tokens": 100 }))
    }));
    both.await.into_iter().for_each(|reply| drop(reply.expect(200)));
    let usage = pro.get("/api/analytics/usage").await.expect(200);
    assert_eq!((&usage["daily_tokens"]["limit"], &usage["budgets"]), (&json!(1000), &json!([])));
    let script = json!({ "code": "1" });
    pro.post("/api/scripts/run", script.clone()).await.expect(200);
    assert_eq!(pro.post("/api/scripts/run", script).await.problem(429), "script_rate_limited");
    let form = crate::support::Form::file("a.txt", "text/plain", "more than ten bytes");
    assert_eq!(pro.upload(form).await.problem(413), "file_quota_exceeded");
}
