//! A server's tools as this server offers them.

use serde_json::Value;

use crate::agent::tools::source::{Policy, SourceTool};
use crate::config::file::mcp::{McpApproval, McpTools};

/// The longest result that a model reads.
const MAX_RESULT_BYTES: usize = 64 << 10;

/// What a server says of a tool; absent, the worse is assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hints {
    is_read_only: bool,
    is_destructive: bool,
    /// That it is destructive has been said, not assumed.
    says_destructive: bool,
    is_idempotent: bool,
}

impl Hints {
    fn of(tool: &Value) -> Self {
        let hint =
            |name: &str| tool.pointer(&format!("/annotations/{name}")).and_then(Value::as_bool);
        let is_read_only = hint("readOnlyHint").unwrap_or(false);
        Self {
            is_read_only,
            is_destructive: !is_read_only && hint("destructiveHint").unwrap_or(true),
            says_destructive: hint("destructiveHint") == Some(true) && !is_read_only,
            is_idempotent: hint("idempotentHint").unwrap_or(false),
        }
    }
}

/// The tools of a listing that the operator offers, in the server's order.
pub(super) fn offered(entry: &McpTools, listed: &[Value]) -> Vec<SourceTool> {
    let is_offered = |tool: &&Value| match (&entry.tools, name(tool)) {
        (_, None) => false,
        (Some(names), Some(name)) => names.iter().any(|other| other == name),
        (None, Some(_)) => true,
    };
    listed.iter().filter(is_offered).filter_map(|tool| define(entry, tool)).collect()
}

fn name(tool: &Value) -> Option<&str> {
    let name = tool.get("name")?.as_str()?;
    (!name.is_empty() && name.len() <= 256).then_some(name)
}

fn define(entry: &McpTools, tool: &Value) -> Option<SourceTool> {
    let name = name(tool)?;
    let hints = Hints::of(tool);
    let (policy, reason) = policy(entry, name, hints);
    let text = |name: &str| tool.get(name).and_then(Value::as_str);
    Some(SourceTool {
        name: name.to_owned(),
        // The operator's word for the server: its own could pretend to be another.
        title: Some(format!("{}: {name}", entry.name)),
        description: text("description").or_else(|| text("title")).unwrap_or_default().to_owned(),
        parameters: tool.get("inputSchema").filter(|schema| schema.is_object())?.clone(),
        output_schema: tool.get("outputSchema").filter(|schema| schema.is_object()).cloned(),
        policy,
        reason: Some(reason),
        may_edit: false,
        may_remember: entry.trusted || !hints.is_destructive && says_harmless(tool),
        is_repeatable: entry.trusted && (hints.is_read_only || hints.is_idempotent),
        deadline: entry.timeout(),
        max_result_bytes: MAX_RESULT_BYTES,
        price_usd: entry.price_usd,
        redact: Vec::new(),
        target: entry.url.host_str().map(str::to_owned),
        ..SourceTool::default()
    })
}

fn says_harmless(tool: &Value) -> bool {
    tool.pointer("/annotations/destructiveHint") == Some(&Value::Bool(false))
}

/// Who decides: the operator for a single tool; else the stricter of the operator's word for the source and
/// the server's. The server's word that a tool only reads counts where the operator trusts it.
fn policy(entry: &McpTools, name: &str, hints: Hints) -> (Policy, String) {
    let label = &entry.name;
    match (entry.approvals.get(name), entry.approval) {
        (Some(McpApproval::Never), _) => (Policy::Never, "The operator lets it run.".into()),
        (Some(McpApproval::Always), _) | (None, McpApproval::Always) => {
            (Policy::Always, "The operator wants each call approved.".into())
        }
        (None, McpApproval::Never) if hints.says_destructive => {
            (Policy::Always, format!("{label} says that it may destroy something."))
        }
        (None, McpApproval::Never) => (Policy::Never, "The operator lets it run.".into()),
        _ if entry.trusted && hints.is_read_only => {
            (Policy::Never, format!("{label} only reads with it."))
        }
        _ if hints.is_read_only => (
            Policy::Always,
            format!("{label} says that it only reads, but nobody vouches for {label}."),
        ),
        _ => (Policy::Always, format!("It may change something at {label}.")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(more: &str) -> McpTools {
        toml::from_str(&format!("name = \"shop\"\nurl = \"https://shop.example\"\n{more}")).unwrap()
    }

    fn asks(more: &str, annotations: &Value) -> bool {
        let tool = json!({ "name": "cut", "inputSchema": {}, "annotations": annotations });
        offered(&entry(more), &[tool])[0].policy == Policy::Always
    }

    #[test]
    fn a_server_can_make_the_policy_stricter_and_only_a_trusted_one_looser() {
        let (read, destroy) = (json!({ "readOnlyHint": true }), json!({ "destructiveHint": true }));
        for (more, annotations, is_asked) in [
            ("", &read, true),
            ("trusted = true", &read, false),
            ("trusted = true", &destroy, true),
            ("trusted = true", &Value::Null, true),
            ("approval = \"never\"", &Value::Null, false),
            ("approval = \"never\"", &destroy, true),
            ("approvals = { cut = \"never\" }", &destroy, false),
            ("trusted = true\napproval = \"always\"", &read, true),
            ("trusted = true\napprovals = { cut = \"always\" }", &read, true),
        ] {
            assert_eq!(asks(more, annotations), is_asked, "{more} {annotations}");
        }
    }

    #[test]
    fn only_named_tools_are_offered_in_the_servers_order() {
        let tools = ["c", "b", "a", ""].map(|name| json!({ "name": name, "inputSchema": {} }));
        let names = |more: &str| -> Vec<String> {
            offered(&entry(more), &tools).into_iter().map(|tool| tool.name).collect()
        };
        assert_eq!(names(""), ["c", "b", "a"]);
        assert_eq!(names("tools = [\"a\", \"c\", \"d\"]"), ["c", "a"]);
        let broken = [json!({ "name": "x", "inputSchema": true }), json!(1), json!({ "name": 1 })];
        assert!(offered(&entry(""), &broken).is_empty());
    }

    #[test]
    fn what_may_destroy_is_neither_remembered_nor_repeated_for_a_stranger() {
        let tool = |more: &str, annotations: Value| {
            let tool = json!({ "name": "x", "inputSchema": {}, "annotations": annotations });
            let [tool] = offered(&entry(more), &[tool]).try_into().unwrap();
            (tool.may_remember, tool.is_repeatable)
        };
        let idempotent = json!({ "idempotentHint": true });
        assert_eq!(tool("", idempotent.clone()), (false, false));
        assert_eq!(tool("trusted = true", idempotent), (true, true));
        assert_eq!(tool("", json!({ "destructiveHint": false })), (true, false));
        assert_eq!(tool("", json!({ "readOnlyHint": true })), (false, false));
    }
}
