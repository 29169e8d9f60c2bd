//! The list routes read what they show and no more, whatever else is stored.
//!
//! The statements are those of PostgREST for the requests of `chats/store.rs` and
//! `messages/store.rs`.

use serde_json::Value;

use super::{Database, Session, database};

/// Alice has 4,000 chats; the first holds 25,000 messages, the second 600 that follow one another, the
/// others 10 each. Ten others have 200 chats with 20 messages each, but 600 in the second.
const FILL: &str = "
    set session_replication_role = replica;
    create temp table people as
      select gen_random_uuid() as id, n from generate_series(1, 10) n
      union all select '{alice}', 0;
    insert into chats (user_id, title, is_archived, is_bookmarked, created_at, last_message_at)
      select p.id, 'Chat ' || c, c % 3 = 0, c % 5 = 0, now() - c * interval '1 hour',
          now() - c * interval '50 minutes'
        from people p, generate_series(1, 4000) c where p.n = 0 or c <= 200;
    insert into messages (chat_id, user_id, role, content, parts, is_active, created_at)
      select c.id, c.user_id, 'user', 'Message ' || m, jsonb_build_array('Message ' || m), m % 7 > 0,
          c.created_at + m * interval '0.1 seconds'
        from chats c, lateral generate_series(1,
          case when c.title = 'Chat 1' and c.user_id = '{alice}' then 25000
            when c.title = 'Chat 2' then 600
            when c.user_id = '{alice}' then 10 else 20 end) m
        -- As in a database where many write at once, those of a chat are not beside one another.
        order by random();
    update messages m set parent_id = p.id
      from chats c join messages p on p.chat_id = c.id
      where c.title = 'Chat 2' and c.user_id = '{alice}' and m.chat_id = c.id
        and p.created_at = m.created_at - interval '0.1 seconds';
    insert into usage_logs (user_id, operation, provider, model, usage_source, status, created_at)
      select user_id, 'chat', 'openai', 'm', 'reported', 'complete', created_at from messages;
    insert into analytics (user_id, name, occurred_at) select user_id, 'opened', created_at
      from messages;
    set session_replication_role = origin;
    analyze chats, messages, usage_logs, analytics;
";

const CHAT_COLUMNS: &str = "id, user_id, title, model, is_archived, metadata, created_at";

const MESSAGE_COLUMNS: &str = "messages_1.id, messages_1.content, messages_1.parts, \
    messages_1.current_status as status, messages_1.created_at";

/// A list of chats, newest first.
fn chats(from: &str, conditions: &str) -> String {
    format!(
        "with pgrst_source as (select {CHAT_COLUMNS} from {from} chats where {conditions} \
           order by chats.last_activity_at desc, chats.id desc limit $1 offset $2) \
         select coalesce(json_agg(_postgrest_t), '[]') from (select * from pgrst_source) _postgrest_t"
    )
}

/// Messages embedded in their chat.
fn messages(conditions: &str, order: &str) -> String {
    format!(
        "with pgrst_source as (select coalesce(chats_messages_1.chats_messages_1, '[]') as messages \
           from chats left join lateral ( \
             select json_agg(chats_messages_1) as chats_messages_1 from ( \
               select {MESSAGE_COLUMNS} from messages as messages_1 \
                 where {conditions} and messages_1.chat_id = chats.id \
                   and messages_1.user_id = chats.user_id \
                 order by messages_1.created_at {order}, messages_1.id {order} limit $1 offset $2 \
             ) as chats_messages_1 ) as chats_messages_1 on true \
           where chats.id = $3) \
         select coalesce(json_agg(_postgrest_t), '[]') from (select * from pgrst_source) _postgrest_t"
    )
}

struct Filled {
    db: Database,
    session: Session,
    chat: String,
}

async fn filled() -> Option<Filled> {
    let db = database().await?;
    let alice = db.user("alice").await;
    db.admin.batch_execute(&FILL.replace("{alice}", &alice.id)).await.unwrap();
    let count = db.strings("select count(*)::text from messages").await;
    assert!(count[0].parse::<u64>().unwrap() >= 100_000, "{count:?}");
    let chat =
        format!("select id::text from chats where title = 'Chat 1' and user_id = '{}'", alice.id);
    let chat = db.strings(&chat).await.remove(0);
    Some(Filled { db, session: alice, chat })
}

/// What a query read: the indexes, and the rows of the greediest scan.
#[derive(Debug, Default)]
struct Read {
    indexes: Vec<String>,
    tables: Vec<String>,
    rows: f64,
}

impl Read {
    fn parse(plan: &Value) -> Self {
        let mut read = Self::default();
        read.add(plan);
        read
    }

    fn add(&mut self, node: &Value) {
        let number = |name: &str| node[name].as_f64().unwrap_or_default();
        if let Some(index) = node["Index Name"].as_str() {
            self.indexes.push(index.to_owned());
        }
        if node["Node Type"] == "Seq Scan" {
            self.tables.push(node["Relation Name"].as_str().unwrap_or_default().to_owned());
        }
        let touched = number("Actual Rows")
            + number("Rows Removed by Filter")
            + number("Rows Removed by Index Recheck");
        self.rows = self.rows.max(touched * number("Actual Loops"));
        for child in node["Plans"].as_array().into_iter().flatten() {
            self.add(child);
        }
    }
}

impl Filled {
    /// How the user's query runs, planned for its values or once for all values, as PostgreSQL does
    /// after some calls.
    async fn reads(&self, sql: &str, values: &[&str]) -> Vec<Read> {
        let values: Vec<_> = values.iter().map(|value| format!("'{value}'")).collect();
        let mut reads = Vec::new();
        for mode in ["force_custom_plan", "force_generic_plan"] {
            let transaction = self.session.begin().await;
            let prepare = format!("set local plan_cache_mode = {mode}; prepare query as {sql}");
            transaction.run(&prepare).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            let explain = format!(
                "explain (analyze, timing off, format json) execute query ({})",
                values.join(", ")
            );
            let plan = transaction.texts(&explain).await.unwrap().concat();
            transaction.run("deallocate query").await.unwrap();
            transaction.rollback().await;
            let plan: Value = serde_json::from_str(&plan).unwrap();
            reads.push(Read::parse(&plan[0]["Plan"]));
        }
        reads
    }

    /// Fails unless the query reads an index of this name, no whole table, and few rows.
    async fn is_quick(&self, what: &str, sql: &str, values: &[&str], index: &str, most: f64) {
        for read in self.reads(sql, values).await {
            assert!(read.indexes.iter().any(|name| name.starts_with(index)), "{what}: {read:?}");
            assert_eq!(read.tables, Vec::<String>::new(), "{what}: {read:?}");
            assert!(read.rows <= most, "{what}: {read:?}");
        }
    }
}

#[tokio::test]
async fn routes_read_little_of_a_hundred_thousand_messages() {
    let Some(filled) = filled().await else { return };
    lists_read_a_page(&filled).await;
    searching_reads_the_rows_of_one_user(&filled).await;
    single_rows_and_histories_are_found_by_an_index(&filled).await;
    versions_are_found_without_reading_their_chat(&filled).await;
    messages_of_other_chats_are_not_read(filled).await;
}

async fn lists_read_a_page(filled: &Filled) {
    let at = "select last_activity_at(chats)::text from chats where title = 'Chat 3000'";
    let at = filled.db.strings(at).await.remove(0);
    let id = filled.chat.as_str();
    let recent = "chats_last_activity_idx";
    let page = ["51", "0"];
    let from = ["51", "0", &at, id];
    let older = "chats.last_activity_at <= $3 and (chats.last_activity_at < $3 \
                 or (chats.last_activity_at = $3 and chats.id < $4))";
    // Where the planner thinks that no more than a page is left, it may sort what is left.
    let bookmarked = "chats.is_archived is false and chats.is_bookmarked is true";
    for (what, conditions, values, most) in [
        ("all", "true", &page[..], 100.0),
        ("archived", "chats.is_archived is true", &page, 500.0),
        ("bookmarked", bookmarked, &page, 4000.0),
        ("next page", older, &from, 1100.0),
    ] {
        filled.is_quick(what, &chats("chats", conditions), values, recent, most).await;
    }

    let order = "messages_chat_created_idx";
    let page = ["51", "0", id];
    let middle = format!(
        "select (created_at)::text from messages where chat_id = '{id}' order by 1 offset 10000 limit 1"
    );
    let at = filled.db.strings(&middle).await.remove(0);
    let from = ["51", "0", id, &at, id];
    let later = "messages_1.created_at >= $4 and (messages_1.created_at > $4 \
                 or (messages_1.created_at = $4 and messages_1.id > $5))";
    let active = "messages_1.is_active is true";
    for (what, conditions, direction, values) in [
        ("messages", "true", "asc", &page[..]),
        ("active messages", active, "asc", &page),
        ("newest messages", active, "desc", &page),
        ("next messages", later, "asc", &from),
    ] {
        filled.is_quick(what, &messages(conditions, direction), values, order, 200.0).await;
    }
}

async fn versions_are_found_without_reading_their_chat(filled: &Filled) {
    let explain = "explain (analyze, buffers, timing off, format json) \
                   select sibling_ids(m) from messages m \
                     where chat_id = (select id from chats where title = 'Chat 2') \
                       and parent_id is not null";
    let transaction = filled.session.begin().await;
    let plan = transaction.texts(explain).await.unwrap().concat();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let plan = &plan[0]["Plan"];
    let blocks = |name: &str| plan[name].as_u64().unwrap();
    assert_eq!(plan["Actual Rows"], 599);
    let read = blocks("Shared Hit Blocks") + blocks("Shared Read Blocks");
    assert!(read < 599 * 15, "{read}");
}

/// One of the others, whose messages of all chats PostgreSQL would rather read than those of everybody.
async fn messages_of_other_chats_are_not_read(filled: Filled) {
    let other = "select user_id::text from chats where user_id <> $1::uuid limit 1";
    let other = other.replace("$1", &format!("'{}'", filled.session.id));
    let session = filled.db.as_user(&filled.db.strings(&other).await[0]).await;
    let chat = session.rows("select id from chats where title = 'Chat 2'").await.unwrap();
    let chat = chat[0]["id"].as_str().unwrap().to_owned();
    let filled = Filled { session, chat, ..filled };
    let history = "select * from messages where chat_id = $1::uuid and is_active \
                   order by created_at desc, id desc limit 1000";
    let index = "messages_chat_created_idx";
    filled.is_quick("a short history", history, &[&filled.chat], index, 600.0).await;
}

async fn searching_reads_the_rows_of_one_user(filled: &Filled) {
    // As PostgREST passes what comes in a body, and within the time that a statement has.
    let from = "json_to_record(json_build_object('q', $3::text)) body (q text), \
                lateral search_chats(body.q)";
    let search = chats(from, "chats.is_archived is false");
    for read in filled.reads(&search, &["51", "0", "Message 19999"]).await {
        assert_eq!(read.tables, Vec::<String>::new(), "{read:?}");
        assert!(read.rows < 70_000.0, "{read:?}");
    }
}

async fn single_rows_and_histories_are_found_by_an_index(filled: &Filled) {
    let id = filled.chat.as_str();
    for (what, sql, index) in [
        ("one message", "select * from messages where id = $1::uuid", "messages_"),
        ("one chat", "select * from chats where id = $1::uuid", "chats_"),
        (
            "the history",
            "select * from messages where chat_id = $1::uuid and is_active \
               order by created_at desc, id desc limit 1000",
            "messages_",
        ),
        (
            "usage",
            "select * from usage_logs where created_at > now() and id <> $1::uuid",
            "usage_logs_user_created_idx",
        ),
        (
            "events",
            "select * from analytics where occurred_at > now() and id <> $1::uuid \
               order by occurred_at desc, id desc limit 50",
            "analytics_user_occurred_idx",
        ),
    ] {
        filled.is_quick(what, sql, &[id], index, 1500.0).await;
    }
}
