//! Operations of OpenAPI documents.

use chat_backend::agent::tools::source::Policy;
use serde_json::{Value, json};

use super::{Tools, build, idle_client};

/// Operations of the fixture's document, asked at the endpoints.
fn shop(operations: &str, more: &str) -> String {
    format!(
        "[[tools]]\nkind = \"openapi\"\nname = \"shop\"\ndocument = \"shop.openapi.json\"\noperations = {operations}\n{more}\n"
    )
}

#[tokio::test]
async fn operations_of_a_document_are_tools() {
    let operations = r#"["orders.get", "replaceOrder", "patchOrder"]"#;
    let tools = Tools::new(&shop(operations, "url = \"http://localhost:PORT\"")).await;

    let get = tools.listed("shop_orders.get", None).await.unwrap();
    assert_eq!((get.policy, get.is_repeatable), (Policy::Never, true));
    assert_eq!((get.title.as_deref(), &*get.description), (Some("An order"), "Reads one order."));
    assert_eq!(
        get.parameters,
        json!({
            "type": "object",
            "properties": {
                "fields": { "type": "array", "items": { "type": "string" }, "description": "Of the operation." },
                "filter_state_": { "enum": ["open", "paid"] },
                "X-Trace": { "type": "string" },
                "order-id": { "type": "integer", "format": "int64", "minimum": 1 },
            },
            "required": ["order-id"],
        })
    );
    let arguments =
        json!({ "order-id": 5, "fields": ["a", "b,c"], "filter_state_": "open", "X-Trace": "t" });
    let sent = tools.output("shop_orders.get", arguments).await;
    assert_eq!(sent["target"], "/echo/orders/5?fields=a,b%2Cc&filter%5Bstate%5D=open");
    assert_eq!((&sent["headers"]["x-trace"], &sent["body"]), (&json!("t"), &Value::Null));
    let forged = json!({ "order-id": 5, "X-Trace": "a\r\nHost: b" });
    assert!(tools.refusal("shop_orders.get", forged).await.contains("/X-Trace must be one line"));

    let put = tools.listed("shop_replaceOrder", None).await.unwrap();
    assert_eq!((put.policy, put.is_repeatable), (Policy::Always, false));
    assert_eq!(put.description, "PUT /echo/orders/{order-id}");
    assert_eq!(put.parameters["required"], json!(["order-id", "lines"]));
    let line = &put.parameters["properties"]["lines"]["items"];
    assert_eq!(line["properties"]["sku"]["type"], json!(["string", "null"]));
    assert_eq!(line["properties"]["parts"]["items"], json!({}), "what contains itself ends");
    let sent = tools.output("shop_replaceOrder", json!({ "order-id": 5, "lines": [] })).await;
    assert_eq!((&sent["method"], &sent["body"]), (&json!("PUT"), &json!({ "lines": [] })));

    let sent = tools.output("shop_patchOrder", json!({ "order-id": 5, "body": [1] })).await;
    assert_eq!(sent["headers"]["content-type"], "application/merge-patch+json");
    assert_eq!(sent["body"], json!([1]));
}

#[test]
fn a_document_that_cannot_be_tools_is_refused_at_the_start() {
    let egress = idle_client();
    let other = |document: &str| shop("[\"far\"]", "").replace("shop.openapi.json", document);
    for (text, expected) in [
        (shop("[\"orders.get\"]", ""), ""),
        (shop("[\"orders.get\"]", "url = \"/v1\""), "tools[0].url: is missing"),
        (
            shop("[\"orders.get\"]", "url = \"http://10.0.0.1\""),
            "tools[0].url: 10.0.0.1 is reached by http://",
        ),
        (shop("[]", ""), "tools[0].operations: must name 1 to 64"),
        (
            shop("[\"orders.get\", \"getOrder\"]", ""),
            "tools[0].operations[1]: `getOrder` is no operationId of the document, which has orders.get, replaceOrder",
        ),
        (shop("[\"upload\"]", ""), "tools[0].operations[0]: upload needs a body that is not JSON"),
        (
            shop("[\"far\"]", ""),
            "tools[0].operations[0]: far has arguments that cannot be given to models: /properties/x/$ref: must be a reference within",
        ),
        (shop("[\"session\"]", ""), "tools[0].operations[0]: session needs `sid` in the cookie"),
        (other("none.json"), "tools[0].document: "),
        (other("openai-sdk.json"), "tools[0].document: "),
        (other("zeros.gz"), "tools[0].document: "),
    ] {
        let problem = build(&text, None, &egress).err().unwrap_or_default();
        let is_it = problem.starts_with(expected) && problem.is_empty() == expected.is_empty();
        assert!(is_it && !problem.contains('\n'), "{problem}\n{expected}");
    }
}
