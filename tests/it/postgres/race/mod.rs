//! Two connections at once: which one waits, and what the other then finds.

mod calls;
mod claims;
mod deletions;
mod ends;
mod rows;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Database, Refusal, Session, Transaction, database};

/// A chat of Alice's and two of her connections.
struct Race {
    db: Database,
    one: Session,
    other: Session,
    chat: String,
}

/// What begins one answer.
#[derive(Clone)]
struct Attempt {
    run: String,
    message: String,
    question: String,
}

impl Attempt {
    fn new() -> Self {
        let [run, message, question] = [(); 3].map(|()| Uuid::new_v4().to_string());
        Self { run, message, question }
    }

    /// Another attempt to answer the same question.
    fn again(&self) -> Self {
        Self { question: self.question.clone(), ..Self::new() }
    }
}

async fn race() -> Option<Race> {
    let db = database().await?;
    let one = db.user("alice").await;
    let other = db.as_user(&one.id).await;
    let chat = one.insert("chats", json!({ "title": "Trip" })).await.unwrap();
    Some(Race { db, one, other, chat: chat["id"].as_str().unwrap().to_owned() })
}

impl Race {
    fn begin(&self, attempt: &Attempt) -> Value {
        let text = [json!({ "type": "text", "text": "Hi" })];
        json!({ "p_chat_id": self.chat, "p_run": attempt.run, "p_message_id": attempt.message,
            "p_user_message": { "id": attempt.question, "content": "Hi", "parts": text } })
    }

    fn end(&self, attempt: &Attempt) -> Value {
        let log = json!({ "operation": "chat", "provider": "openai", "model": "m",
            "input_tokens": 10, "usage_source": "reported", "status": "complete" });
        json!({ "p_message_id": attempt.message, "p_run": attempt.run, "p_chat_id": self.chat,
            "p_content": "Hello", "p_parts": [{ "type": "text", "text": "Hello" }],
            "p_end": { "status": "complete", "finish_reason": "stop", "usage_log": log } })
    }

    fn stop(&self) -> Value {
        json!({ "p_chat_id": self.chat })
    }

    async fn started(&self) -> Attempt {
        let attempt = Attempt::new();
        let answer = self.one.call("begin_generation", self.begin(&attempt)).await.unwrap();
        assert_eq!(answer["answer"], "started", "{answer}");
        attempt
    }

    /// Lets the other connection call a function while the first one's transaction is open; then
    /// the first one commits.
    async fn then(
        &self,
        first: Transaction<'_>,
        function: &str,
        arguments: Value,
    ) -> Result<Value, Refusal> {
        let call = self.other.call(function, arguments);
        let commit = async {
            self.db.until_blocked(&self.other).await;
            first.commit().await;
        };
        tokio::join!(call, commit).0
    }

    async fn lapse(&self) {
        let sql = "update messages set lease_expires_at = clock_timestamp() - interval '1 second' \
                   where status = 'streaming'";
        assert_eq!(self.one.run(sql).await.unwrap(), 1);
        let past = "update private.token_reservations \
                    set lease_expires_at = clock_timestamp() - interval '1 second'";
        self.db.admin.batch_execute(past).await.unwrap();
    }

    async fn usage(&self) -> Vec<Value> {
        let sql = "select usage_source, provider, input_tokens, chat_id is null as chat_gone, \
                   message_id is null as message_gone from usage_logs";
        self.one.rows(sql).await.unwrap()
    }

    async fn statuses(&self) -> Vec<String> {
        let sql = "select status || case when is_active then '' else ', replaced' end \
                   from messages where role = 'assistant' order by created_at";
        self.db.strings(sql).await
    }
}

fn reported(chat_gone: bool, message_gone: bool) -> Vec<Value> {
    vec![
        json!({ "usage_source": "reported", "provider": "openai", "input_tokens": 10, "chat_gone": chat_gone,
                 "message_gone": message_gone }),
    ]
}
