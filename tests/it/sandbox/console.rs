//! What `console.log` prints, beside what Node 20 prints in UTC (`console.json`, made by running Node).

use super::*;

/// Prints each expression of `input`, or why it cannot.
const PRINT_ALL: &str = "for (const code of input) {\n\
    try { console.log((0, eval)('(' + code + ')')) } catch (error) { console.log('failed: ' + error) }\n\
    console.log('\\u241e')\n}";

#[tokio::test]
async fn values_are_printed_as_node_prints_them() {
    let cases: Vec<(String, String)> = serde_json::from_str(include_str!("console.json")).unwrap();
    let input = cases.iter().map(|(code, _)| json!(code)).collect();
    let script = Script { input: Some(input), ..script(PRINT_ALL) };
    let sandbox = sandbox();
    let slot = sandbox.slot(USER, Language::JavaScript).await.unwrap();
    let outcome = slot.run(&script).await.unwrap();
    assert_eq!((outcome.status, outcome.error), (Status::Ok, None));
    let printed: Vec<_> = outcome.stdout.split("\n\u{241e}\n").collect();
    assert_eq!(printed.len(), cases.len() + 1);
    for ((code, expected), printed) in cases.iter().zip(printed) {
        assert_eq!(printed, expected, "{code}");
    }
}
