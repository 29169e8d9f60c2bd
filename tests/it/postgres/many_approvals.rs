//! A thousand calls that wait for one person: the list of them, and two connections that decide at once on some of
//! them and make them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Database, Session, database};

/// The chats whose calls are decided; all 50 take four times as long.
const CHATS: usize = 10;
const CALLS: usize = 20;

/// Alice's calls that wait, and as many of Bob's that are done, each in a chat of 20.
const ROWS: &str = "
    create temp table owners as select u.id as user_id, i
      from (values ('ALICE'::uuid, 0), ('BOB'::uuid, 100)) u (id, first),
        generate_series(u.first + 1, u.first + 50) i;
    insert into public.chats (id, user_id, title)
      select md5('chat' || i)::uuid, user_id, 'Post' from owners;
    insert into public.messages (id, user_id, chat_id, role, content, parts)
      select md5('question' || i)::uuid, user_id, md5('chat' || i)::uuid, 'user', 'Send it',
        '[{\"type\": \"text\", \"text\": \"Send it\"}]' from owners;
    insert into public.messages (id, user_id, chat_id, parent_id, role, status, parts)
      select md5('answer' || i)::uuid, user_id, md5('chat' || i)::uuid, md5('question' || i)::uuid,
        'assistant', case when i > 100 then 'complete' else 'awaiting' end,
        (select jsonb_agg(jsonb_build_object('type', 'tool-send', 'toolCallId', 'call_' || n,
          'state', 'approval-requested', 'input', '{}'::jsonb)) from generate_series(1, 20) n)
        from owners;
    insert into private.tool_calls (user_id, chat_id, message_id, call_id, message_parts, source, tool,
        source_tool, definition_digest, arguments, arguments_digest, policy, seal, state, expires_at)
      select user_id, md5('chat' || i)::uuid, md5('answer' || i)::uuid, 'call_' || n, 20, 'shop', 'send',
        'send', 'd', jsonb_build_object('n', n), 'a', 'always', 's',
        case when i > 100 then 'done' else 'pending' end, clock_timestamp() + interval '1 day'
        from owners, generate_series(1, 20) n;
    analyze private.tool_calls; analyze public.messages;";

struct Approvals {
    db: Database,
    one: Session,
    other: Session,
}

/// How often each word was answered.
type Words = BTreeMap<String, usize>;

async fn approvals() -> Option<Approvals> {
    let db = database().await?;
    let (one, bob) = (db.user("alice").await, db.user("bob").await);
    let other = db.as_user(&one.id).await;
    db.admin.batch_execute(&ROWS.replace("ALICE", &one.id).replace("BOB", &bob.id)).await.unwrap();
    Some(Approvals { db, one, other })
}

impl Approvals {
    async fn ids(&self, name: &str) -> Vec<String> {
        let sql =
            format!("select md5('{name}' || i)::uuid::text from generate_series(1, {CHATS}) i");
        self.db.strings(&sql).await
    }

    async fn scans(&self, of: &str) -> i64 {
        let column = if of == "tool_calls" { "seq_scan" } else { "idx_scan" };
        let view = if of == "tool_calls" { "tables" } else { "indexes" };
        let name = if of == "tool_calls" { "relname" } else { "indexrelname" };
        let sql = format!("select {column}::text from pg_stat_user_{view} where {name} = '{of}'");
        self.db.strings(&sql).await[0].parse().unwrap()
    }
}

async fn answers(session: &Session, function: &str, calls: impl Iterator<Item = Value>) -> Words {
    let mut words = Words::new();
    for arguments in calls {
        let answer = session.call(function, arguments).await.unwrap();
        let word = answer["answer"].as_str().unwrap_or("nothing").to_owned();
        *words.entry(word).or_default() += 1;
    }
    words
}

fn sum(words: [&Words; 2], word: &str) -> usize {
    words.iter().filter_map(|words| words.get(word)).sum()
}

#[tokio::test]
async fn each_call_is_decided_and_made_once() {
    let Some(all) = approvals().await else { return };
    let (chats, messages) = (all.ids("chat").await, all.ids("answer").await);
    let calls: Vec<_> =
        (0..CHATS).flat_map(|chat| (1..=CALLS).map(move |call| (chat, call))).collect();
    let decide = |(chat, call): (usize, usize), is_contrary: bool| {
        let approved = (chat + call) % 10 != 0 && !(is_contrary && call % 7 == 0);
        json!({ "p_chat_id": chats[chat], "p_call": format!("call_{call}"), "p_approved": approved,
            "p_digest": "a" })
    };
    let (one, other) = tokio::join!(
        answers(&all.one, "decide_tool_call", calls.iter().map(|call| decide(*call, false))),
        answers(&all.other, "decide_tool_call", calls.iter().rev().map(|call| decide(*call, true))),
    );
    let words = [&one, &other];
    assert_eq!(sum(words, "recorded"), CHATS * CALLS, "{words:?}");
    assert_eq!(sum(words, "same") + sum(words, "decided"), CHATS * CALLS, "{words:?}");
    assert!(sum(words, "decided") > 0 && one.len() > 1 && other.len() > 1, "{words:?}");

    let run = |number: usize, chat: usize| format!("00000000-0000-4000-8{number:03}-{chat:012}");
    let resume = |number: usize, chat: usize| json!({ "p_chat_id": chats[chat], "p_message_id": messages[chat], "p_run": run(number, chat) });
    let (one, other) = tokio::join!(
        answers(&all.one, "continue_generation", (0..CHATS).map(|chat| resume(1, chat))),
        answers(&all.other, "continue_generation", (0..CHATS).rev().map(|chat| resume(2, chat))),
    );
    let words = [&one, &other];
    assert_eq!((sum(words, "started"), sum(words, "running")), (CHATS, CHATS), "{words:?}");

    let claim = |number: usize, (chat, call): (usize, usize)| {
        json!({ "p_message_id": messages[chat], "p_run": run(number, chat),
            "p_call_id": format!("call_{call}") })
    };
    let (one, other) = tokio::join!(
        answers(&all.one, "claim_tool_call", calls.iter().map(|call| claim(1, *call))),
        answers(&all.other, "claim_tool_call", calls.iter().rev().map(|call| claim(2, *call))),
    );
    let words = [&one, &other];
    let count = "select count(*)::text from private.tool_calls where approved and attempts = 1 \
                 and state = 'running'";
    let made: usize = all.db.strings(count).await[0].parse().unwrap();
    assert_eq!(sum(words, "claimed"), made, "{words:?}");
    assert_eq!(sum(words, "denied"), CHATS * CALLS - made, "{words:?}");
    assert_eq!(sum(words, "nothing"), CHATS * CALLS, "what is the other's run's");
    let remembered = all.db.strings("select count(*)::text from private.made_calls").await;
    assert_eq!(remembered, [made.to_string()]);
}

#[tokio::test]
async fn a_list_of_many_reads_an_index() {
    let Some(all) = approvals().await else { return };
    let index = "tool_calls_pending_idx";
    let before = (all.scans(index).await, all.scans("tool_calls").await);
    let (mut after, mut seen) = (Value::Null, 0);
    loop {
        let page = json!({ "p_limit": 201, "p_after": after });
        let page = all.one.call("pending_tool_calls", page).await.unwrap();
        let page = page.as_array().unwrap();
        seen += page.len();
        let Some(last) = page.last() else { break };
        after = last["id"].clone();
    }
    assert_eq!(seen, 50 * CALLS);
    all.one.rows("select pg_stat_force_next_flush()::text").await.unwrap();
    let after = (all.scans(index).await, all.scans("tool_calls").await);
    assert!(after.0 >= before.0 + 6, "{before:?} {after:?}");
    assert_eq!(after.1, before.1, "the whole table is not read");
}
