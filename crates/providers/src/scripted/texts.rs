//! The texts of the scripted provider.

/// The answer to `/help`.
pub(super) const HELP: &str = "\
I am the scripted demo model. I need no key, and I answer to these commands:

- `/help` shows this list.
- `/long [words]` gives a long answer.
- `/slow [words]` gives a slow one.
- `/reasoning` thinks aloud before it answers.
- `/markdown` shows headings, lists, a table and code.
- `/tool [name] [arguments]` calls a tool, `/tools` all of them.
- `/search [query]` searches the web, if that is offered, and always finds the same.
- `/approve [arguments]` calls a tool that asks you first, `/approve [count]` several times.
- `/error [kind]` fails at once, `/error-late [kind]` in the middle of the answer. Kinds: `server`, \
`overloaded`, `rate_limited`, `quota`, `context_length`, `timeout`.
- `/empty` ends without a word.
- `/refuse` declines.
- `/length` stops in mid-sentence.

Anything else I repeat.";

/// What `/search` says where no search is offered.
pub(super) const NO_SEARCH: &str = "I was not offered a web search.";

/// What `/search` says then.
pub(super) const FOUND: &str = "I have found two pages, the same as always.";

/// The answer to `/markdown`.
pub(super) const MARKDOWN: &str = "\
# A heading

A paragraph with **bold**, *italic* and `code`, and [a link](https://example.com).

## A list

1. First
2. Second
   - Nested

> A quotation.

| Model | Needs a key |
| --- | --- |
| scripted/demo | no |
| others | yes |

```rust
fn main() {
    println!(\"Hello, 世界 👋\");
}
```

A formula: $e^{i\\pi} + 1 = 0$.";

/// The reasoning of `/reasoning`.
pub(super) const THOUGHTS: &str = "The user wants to see how I think. So I think in a few short \
sentences, one word at a time, before I say anything. That should be enough.";

/// What `/reasoning` says then.
pub(super) const CONCLUSION: &str = "I have thought about it, and this is my answer.";

/// What `/refuse` says.
pub(super) const REFUSAL: &str = "I'm sorry, but I can't help with that.";

/// What `/length` says, cut off.
pub(super) const UNFINISHED: &str = "This sentence is going to stop before it reaches its";

/// What `/error-late` says before it fails.
pub(super) const PARTIAL: &str = "This answer begins well, but then ";

/// What `/tool` says where there is none.
pub(super) const NO_TOOLS: &str = "No tools were offered with this request, so I cannot call one.";

/// This many words, in sentences.
pub(super) fn words(count: usize) -> String {
    const WORDS: [&str; 16] = [
        "rivers", "carry", "small", "stones", "toward", "the", "sea", "and", "every", "stone",
        "keeps", "a", "story", "of", "its", "mountain",
    ];
    let mut text = String::with_capacity(count * 7);
    for at in 0..count {
        let word = WORDS[at % WORDS.len()];
        let is_last = at + 1 == count;
        match at % WORDS.len() {
            0 => text.extend(word[..1].to_uppercase().chars().chain(word[1..].chars())),
            _ => text.push_str(word),
        }
        match (at + 1) % WORDS.len() {
            _ if is_last => text.push('.'),
            0 => text.push_str(". "),
            _ => text.push(' '),
        }
    }
    text
}
