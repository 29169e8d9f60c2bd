//! What is shown of a chat is one path, whatever happens in it.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;

/// Others have been tried, and longer ones.
const SEED: u64 = 1;
const STEPS: usize = 12;

/// Numbers that look random, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn choose<'a>(&mut self, rows: &[&'a Value]) -> &'a Value {
        if rows.is_empty() { &Value::Null } else { rows[self.below(rows.len())] }
    }
}

struct Scenario {
    twins: Twins,
    random: Random,
    /// Of the newest message and the newest run.
    number: u32,
    log: Vec<String>,
    has_gaps: bool,
}

impl Scenario {
    async fn rows(&self, path: &str) -> Vec<Value> {
        let rows = self.twins.local.rest(Method::GET, path, None).await.expect(200);
        rows.as_array().unwrap().clone()
    }

    async fn messages(&self) -> Vec<Value> {
        self.rows("/messages?select=id,parent_id,role,content,parts,is_active&order=created_at,id")
            .await
    }

    async fn queued(&self) -> Vec<Value> {
        let queued = self.twins.answer("queued_messages", &json!({ "p_chat_id": id(CHAT) })).await;
        queued.as_array().unwrap().iter().map(|message| message["id"].clone()).collect()
    }

    /// Something that a user does.
    async fn step(&mut self) {
        self.twins.kept.1.clock.advance(Duration::from_millis(1));
        self.number += 1;
        let mut messages = self.messages().await;
        messages.retain(|message| !is_made(message["id"].as_str().unwrap()));
        let questions: Vec<_> = messages.iter().filter(|m| m["role"] == "user").collect();
        let any = self.random.choose(&messages.iter().collect::<Vec<_>>()).clone();
        let known = self.random.choose(&questions).clone();
        let number = self.number;
        let new = user_message(1000 + number, "New");
        let known_id = known["id"].clone();
        let action = |action: &str, question: Value, named: Value| {
            let by_name = json!({ "p_action": action, "p_regenerate": named });
            with(by("one", begin(number, question)), by_name)
        };
        let (what, call) = match self.random.below(14) {
            0..3 => ("asks", action("submit", new, Value::Null)),
            3 => {
                let after = if number.is_multiple_of(3) { Value::Null } else { any["id"].clone() };
                let question = with(new, json!({ "after": after }));
                ("branches off", action("edit", question, Value::Null))
            }
            4 | 5 => {
                let same =
                    ["id", "content", "parts"].map(|name| (name.to_owned(), known[name].clone()));
                let same = Value::Object(Map::from_iter(same));
                ("sends again", action("submit", same, Value::Null))
            }
            6 => {
                let text = json!([{ "type": "text", "text": format!("Edited {number}") }]);
                let edited = json!({ "id": known_id, "content": "Edited", "parts": text });
                ("edits", action("edit", edited, Value::Null))
            }
            7 => ("regenerates", action("regenerate", Value::Null, any["id"].clone())),
            8 => ("queues", action("submit", with(new, json!({ "queue": {} })), Value::Null)),
            9 => ("takes from the queue", action("queued", Value::Null, known_id)),
            10 => return self.write(number).await,
            11 => return self.delete(&any).await,
            12 => {
                self.twins.answer("request_stop", &json!({ "p_chat_id": id(CHAT) })).await;
                return self.log.push("stops".into());
            }
            _ => {
                let select = json!({ "p_message_id": any["id"] });
                let reply = self.twins.answer("select_message", &select).await;
                return self.log.push(format!("selects {}: {}", any["id"], reply["answer"]));
            }
        };
        let call = with(call, json!({ "p_create_chat": {} }));
        let reply = self.twins.answer("begin_generation", &call).await["answer"].clone();
        self.log.push(format!("{number} {what}, {any} {known}: {reply}"));
        if reply == "started" {
            self.write_answer(number).await;
        }
    }

    /// What becomes of the answer that has begun, and what happens meanwhile.
    async fn write_answer(&mut self, number: u32) {
        self.check().await;
        let empty = |status: &str| {
            save(
                number,
                json!({ "p_parts": [], "p_end": { "status": status,
                "is_active": status != "failed" } }),
            )
        };
        if self.random.below(3) == 0 {
            let first = json!({ "number": 1, "after": 0, "delta": beginning("Half") });
            self.twins.checkpoint(number, first).await;
        }
        if self.random.below(3) == 0 {
            self.number += 1;
            self.twins.kept.1.clock.advance(Duration::from_millis(1));
            match self.random.below(2) {
                0 => self.write(self.number).await,
                _ => {
                    let question =
                        with(user_message(1000 + self.number, "Next"), json!({ "queue": {} }));
                    self.twins.begin(begin(self.number, question)).await;
                }
            }
        }
        self.check().await;
        let how = self.random.below(7);
        self.log.push(format!("{number} ends {how}"));
        match how {
            0 | 1 => self.twins.save(end(number, "complete")).await,
            2 => self.twins.save(end(number, "interrupted")).await,
            3 | 4 => self.twins.save(empty("failed")).await,
            5 => self.twins.save(empty("stopped")).await,
            _ => json!(self.twins.release("one").await),
        };
    }

    async fn write(&mut self, number: u32) {
        let row = json!({ "id": id(1000 + number), "chat_id": id(CHAT), "role": "user", "content": "Note",
            "parts": [{ "type": "text", "text": "Note" }] });
        let reply = self.twins.local.rest(Method::POST, "/messages", Some(row)).await;
        let sql = format!(
            "insert into messages (id, chat_id, role, content, parts) values ('{}', '{}', \
            'user', 'Note', '[{{\"type\": \"text\", \"text\": \"Note\"}}]')",
            id(1000 + number),
            id(CHAT)
        );
        assert_eq!(self.twins.postgres.run(&sql).await.is_ok(), reply.status == 201);
        self.log.push(format!("{number} writes"));
    }

    async fn delete(&mut self, message: &Value) {
        if let Some(message) = message["id"].as_str() {
            self.twins.delete(message).await;
            self.has_gaps = true;
            self.log.push(format!("deletes {message}"));
        }
    }

    async fn check(&self) {
        self.twins.compare_rows("this").await;
        let (messages, queued) = (self.messages().await, self.queued().await);
        let by_id: HashMap<_, _> = messages.iter().map(|m| (m["id"].to_string(), m)).collect();
        let mut last: Option<&Value> = None;
        for message in messages.iter().filter(|m| m["is_active"] == true) {
            if queued.contains(&message["id"]) {
                continue;
            }
            // What was between them came to nothing, or is deleted.
            let mut parent = message;
            let follows = loop {
                match by_id.get(&parent["parent_id"].to_string()) {
                    None => break self.has_gaps || last.is_none(),
                    Some(found) if last.is_some_and(|last| last["id"] == found["id"]) => {
                        break true;
                    }
                    Some(found) if found["is_active"] == false && found["parts"] == json!([]) => {
                        parent = found;
                    }
                    Some(_) => break false,
                }
            };
            let log = self.log.join("\n");
            let shown: Vec<_> = messages.iter().map(ToString::to_string).collect();
            assert!(
                follows,
                "{log}\n{}\n{message} does not follow {last:?}, {queued:?}",
                shown.join("\n")
            );
            last = Some(message);
        }
    }
}

#[tokio::test]
async fn what_is_shown_is_one_path() {
    let Some(twins) = twins().await else { return };
    let random = Random(SEED);
    let mut scenario = Scenario { twins, random, number: 0, log: Vec::new(), has_gaps: false };
    for _ in 0..STEPS {
        scenario.step().await;
        scenario.check().await;
    }
}
