use super::{NO_OUTPUT, normalize};
use crate::{Content, Message, Opaque, ProviderName, Role};

fn message(role: Role, content: Vec<Content>) -> Message {
    Message { role, content }
}

fn call(id: &str, arguments: &str) -> Content {
    Content::ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        arguments: arguments.to_owned(),
        opaque: None,
    }
}

fn result(id: &str, output: &str) -> Content {
    Content::ToolResult {
        id: id.to_owned(),
        name: "f".to_owned(),
        output: output.to_owned(),
        is_error: false,
    }
}

fn unfinished(id: &str) -> Content {
    let mut result = result(id, "The tool did not finish.");
    if let Content::ToolResult { is_error, .. } = &mut result {
        *is_error = true;
    }
    result
}

fn thought(provider: ProviderName, json: &str) -> Content {
    let opaque = Opaque { provider, json: json.to_owned() };
    Content::Reasoning { text: "hm".to_owned(), opaque: Some(opaque) }
}

fn normalized(messages: Vec<Message>) -> Vec<Message> {
    normalize(messages, &ProviderName::from_static("anthropic"))
}

#[test]
fn every_call_gets_its_one_result_at_once() {
    let messages = normalized(vec![
        message(Role::Tool, vec![result("orphan", "?")]),
        message(Role::Assistant, vec![call("a", "{}"), call("b", "{}")]),
        message(Role::User, vec![Content::text("Well?")]),
        message(Role::Tool, vec![result("b", "2"), result("b", "again"), result("c", "?")]),
    ]);
    let expected = [
        message(Role::Assistant, vec![call("a", "{}"), call("b", "{}")]),
        message(Role::Tool, vec![unfinished("a"), result("b", "2")]),
        message(Role::User, vec![Content::text("Well?")]),
    ];
    assert_eq!(messages, expected);
}

#[test]
fn an_empty_result_says_so() {
    let asked = message(Role::Assistant, vec![call("a", "{}"), call("b", "{}")]);
    let done = message(Role::Tool, vec![result("a", ""), result("b", " \n")]);
    let results = normalized(vec![asked, done]).pop().unwrap().content;
    assert_eq!(results, [result("a", NO_OUTPUT), result("b", NO_OUTPUT)]);
}

#[test]
fn ids_become_unique_and_acceptable() {
    let long = "x".repeat(70);
    let turn = |id: &str, output: &str| {
        [
            message(Role::Assistant, vec![call(id, "{}")]),
            message(Role::Tool, vec![result(id, output)]),
        ]
    };
    let history = [
        turn("call_0", "1"),
        turn("call_0", "2"),
        turn("a.b:ü", "3"),
        turn("", "4"),
        turn(&long, "5"),
        turn(&long, "6"),
    ];
    let messages = normalized(history.concat());
    let results =
        messages.iter().flat_map(|message| &message.content).filter_map(|piece| match piece {
            Content::ToolResult { id, output, .. } => Some((id.as_str(), output.as_str())),
            _ => None,
        });
    let (x64, x62_2) = ("x".repeat(64), format!("{}_2", "x".repeat(62)));
    let expected = [
        ("call_0", "1"),
        ("call_0_2", "2"),
        ("a_b__", "3"),
        ("call", "4"),
        (&x64, "5"),
        (&x62_2, "6"),
    ];
    assert_eq!(results.collect::<Vec<_>>(), expected);
}

#[test]
fn calls_of_one_answer_with_the_same_id_get_their_results_in_turn() {
    let answers = |messages: Vec<Message>| {
        let pieces = messages.into_iter().flat_map(|message| message.content);
        let answers = pieces.filter_map(|piece| match piece {
            Content::ToolResult { id, output, .. } => Some((id, output)),
            _ => None,
        });
        answers.collect::<Vec<_>>()
    };
    let calls = || message(Role::Assistant, vec![call("a", "{}"), call("a", "{}")]);
    let tool_results = |results: &[&str]| {
        message(Role::Tool, results.iter().map(|output| result("a", output)).collect())
    };
    let messages = normalized(vec![
        calls(),
        tool_results(&["1", "2", "3"]),
        calls(),
        tool_results(&["4", "5"]),
    ]);
    let expected = [("a", "1"), ("a_2", "2"), ("a_3", "4"), ("a_4", "5")];
    assert_eq!(answers(messages), expected.map(|(id, output)| (id.to_owned(), output.to_owned())));
}

#[test]
fn names_of_tools_become_acceptable() {
    let long = "x".repeat(200);
    for (name, expected) in [
        ("run_script", "run_script"),
        ("nope nope/é", "nope_nope__"),
        ("", "tool"),
        (&long, &long[..64]),
    ] {
        let named = Content::ToolCall {
            id: "a".to_owned(),
            name: name.to_owned(),
            arguments: "{}".to_owned(),
            opaque: None,
        };
        let messages = normalized(vec![message(Role::Assistant, vec![named])]);
        let names = messages.iter().flat_map(|message| &message.content).map(|piece| match piece {
            Content::ToolCall { name, .. } | Content::ToolResult { name, .. } => name.as_str(),
            other => panic!("{other:?}"),
        });
        assert_eq!(names.collect::<Vec<_>>(), [expected, expected]);
    }
}

#[test]
fn what_says_nothing_is_left_out() {
    let messages = normalized(vec![
        message(Role::User, vec![Content::text(" \n"), Content::text("Hi")]),
        message(Role::Assistant, vec![Content::text("")]),
    ]);
    assert_eq!(messages, [message(Role::User, vec![Content::text("Hi")])]);
}

#[test]
fn thoughts_go_only_to_who_thought_them() {
    let own = thought(ProviderName::from_static("anthropic"), r#"{"type":"thinking"}"#);
    let foreign = thought(ProviderName::from_static("openai"), r#"{"type":"reasoning"}"#);
    let unsigned = Content::Reasoning { text: "hm".to_owned(), opaque: None };
    let text = Content::text("So.");
    let content = vec![own.clone(), foreign, unsigned, text.clone()];
    let messages = normalized(vec![message(Role::Assistant, content)]);
    assert_eq!(messages, [message(Role::Assistant, vec![own, text])]);
}

#[test]
fn a_thought_that_led_nowhere_is_left_out_but_a_paused_block_is_not() {
    let cut = thought(ProviderName::from_static("anthropic"), r#"{"type":"thinking"}"#);
    let paused = thought(ProviderName::from_static("anthropic"), r#"{"type":"server_tool_use"}"#);
    let text = Content::text("So.");
    let messages = normalized(vec![
        message(Role::Assistant, vec![text.clone(), cut.clone()]),
        message(Role::Assistant, vec![cut]),
        message(Role::Assistant, vec![paused.clone()]),
    ]);
    let expected = [message(Role::Assistant, vec![text]), message(Role::Assistant, vec![paused])];
    assert_eq!(messages, expected);
}

#[test]
fn arguments_become_an_object() {
    for (arguments, expected) in [
        ("{\"a\": 1.0}", "{\"a\": 1.0}"),
        (" {}", " {}"),
        ("", "{}"),
        ("{\"a\": ", "{}"),
        ("[1]", "{}"),
        ("\"x\"", "{}"),
    ] {
        let messages = normalized(vec![message(Role::Assistant, vec![call("a", arguments)])]);
        assert_eq!(messages[0].content, [call("a", expected)]);
    }
}
