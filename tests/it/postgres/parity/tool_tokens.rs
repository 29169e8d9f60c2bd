//! Sign-ins at servers of tools.

use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn sign_ins_at_servers_of_tools() {
    let Some(twins) = twins().await else { return };
    let token = json!({ "p_source": "shop" });
    let save = |sealed: Value, run: Option<u32>| json!({ "p_source": "shop", "p_sealed": sealed, "p_run": run.map(id) });
    let claim = |version: i64, run: u32| json!({ "p_source": "shop", "p_version": version, "p_run": id(run) });
    assert_eq!(twins.call("tool_token", token.clone()).await, Value::Null);
    assert_eq!(twins.call("claim_tool_refresh", claim(1, 1)).await, "missing");
    assert_eq!(twins.call("save_tool_token", save(json!("one"), None)).await, true);
    for (version, run, answer) in
        [(2, 1, "changed"), (1, 1, "claimed"), (1, 1, "claimed"), (1, 2, "busy")]
    {
        assert_eq!(twins.call("claim_tool_refresh", claim(version, run)).await, answer);
    }
    // Only the run that has the refresh stores or removes.
    assert_eq!(twins.call("save_tool_token", save(json!("two"), Some(2))).await, false);
    assert_eq!(twins.call("save_tool_token", save(Value::Null, Some(2))).await, false);
    for _ in 0..2 {
        assert_eq!(twins.call("save_tool_token", save(json!("two"), Some(1))).await, true);
    }
    let stored = json!({ "sealed": "two", "version": 3 });
    assert_eq!(twins.call("tool_token", token.clone()).await, stored);
    assert_eq!(twins.call("claim_tool_refresh", claim(3, 4)).await, "claimed");
    // Another sign-in is not touched by what was begun before.
    assert_eq!(twins.call("save_tool_token", save(json!("new"), None)).await, true);
    assert_eq!(twins.call("save_tool_token", save(Value::Null, Some(4))).await, false);
    assert_eq!(twins.call("save_tool_token", save(Value::Null, None)).await, true);
    assert_eq!(twins.call("tool_token", token).await, Value::Null);
}
