//! What `console.log` prints and what Node's library gives, beside what Node 20 has in UTC (`console.json` and
//! `node.json`, made by running Node; its narrow spaces are plain ones).

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

/// The values of the expressions of `input`.
const EVALUATE_ALL: &str = "input.map((code) => {\n\
    try { return (0, eval)('(' + code + ')') ?? null } catch (error) { return 'failed: ' + error }\n})";

#[tokio::test]
async fn the_library_gives_what_node_gives() {
    let cases: Vec<(String, Value)> = serde_json::from_str(include_str!("node.json")).unwrap();
    let input = cases.iter().map(|(code, _)| json!(code)).collect();
    let script = Script { input: Some(input), ..script(EVALUATE_ALL) };
    let sandbox = sandbox();
    let slot = sandbox.slot(USER, Language::JavaScript).await.unwrap();
    let outcome = slot.run(&script).await.unwrap();
    assert_eq!((outcome.status, outcome.error), (Status::Ok, None));
    let given = outcome.result.as_array().unwrap();
    assert_eq!(given.len(), cases.len());
    let differs = cases.iter().zip(given).filter(|((_, expected), given)| expected != *given);
    let differs: Vec<_> =
        differs.map(|((code, expected), given)| format!("{code}\n{given}\n{expected}")).collect();
    assert!(differs.is_empty(), "{}", differs.join("\n\n"));
}
