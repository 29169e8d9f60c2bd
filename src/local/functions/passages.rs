//! `save_passages`, `search_passages` and `unindexed_files`. The write transaction stands in for the lock on
//! the user, and a look at all passages of the user for the index of words.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value as Json, json};

use super::message_row::to_jsonb;
use super::time_buckets::invalid_argument;
use crate::local_supabase::functions::{Arguments, RestError, Session, TableContext};

/// The most passages of a file, and of a user.
const MAX_OF_FILE: usize = 2_000;
const MAX_OF_USER: i64 = 20_000;
/// How many passages are looked at closely.
const MAX_LIKELY: usize = 1_000;
/// How many files that are still to be read are named at once.
const MAX_UNINDEXED: i64 = 1_000;

fn user(session: Session) -> Option<String> {
    session.uid().map(|uid| uid.to_string())
}

/// How many passages other files of the user have.
fn count_others(connection: &Connection, user: Option<&str>, file: &str) -> rusqlite::Result<i64> {
    let select = "select coalesce(sum(passages), 0) from indexed_files \
                  where user_id = ? and status = 'indexed' and file_id <> ?";
    connection.prepare_cached(select)?.query_row((user, file), |row| row.get(0))
}

/// Puts passages in the place of what there is of a file.
pub(super) fn save_passages(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let status =
        arguments.text("p_status").filter(|status| ["indexed", "no_text"].contains(status));
    let passages = arguments.json("p_passages");
    let (Some(status), Some(Json::Array(passages))) = (status, passages) else {
        return Err(invalid());
    };
    if passages.len() > MAX_OF_FILE {
        return Err(invalid());
    }
    let user = user(session);
    let file = arguments.text("p_file_id").unwrap_or_default();
    let select = "select 1 from files where id = ? and user_id = ? and status = 'ready' \
                  and sha256 = ? and name = ?";
    let key = (file, &user, arguments.text("p_sha256"), arguments.text("p_name"));
    if !connection.prepare_cached(select)?.exists(key)? {
        return to_jsonb(&json!({ "answer": "gone" }));
    }
    let count = i64::try_from(passages.len()).unwrap_or(i64::MAX);
    let is_full = count_others(connection, user.as_deref(), file)? + count > MAX_OF_USER;
    let status = if is_full { "full" } else { status };
    connection.prepare_cached("delete from passages where file_id = ?")?.execute([file])?;
    if status == "indexed" {
        let table = session.table("passages")?;
        let target = TableContext { connection, session, table };
        for (ordinal, passage) in (0_i64..).zip(&passages) {
            insert(target, user.as_deref(), file, ordinal, passage)?;
        }
    }
    let count_words =
        |passage: &Json| passage["words"].as_str().map_or(0, |text| words(text).count());
    let word_count: usize = passages.iter().map(count_words).sum();
    let word_count = i64::try_from(word_count).unwrap_or(i64::MAX);
    let table = session.table("indexed_files")?;
    TableContext { connection, session, table }.change(
        "insert into indexed_files (file_id, user_id, sha256, name, version, status, note, passages, \
            word_count, indexed_at) \
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, clock_timestamp()) \
         on conflict (file_id) do update set user_id = excluded.user_id, sha256 = excluded.sha256, \
            name = excluded.name, version = excluded.version, status = excluded.status, \
            note = excluded.note, passages = excluded.passages, word_count = excluded.word_count, \
            indexed_at = excluded.indexed_at",
        params![
            file,
            user,
            arguments.text("p_sha256"),
            arguments.text("p_name"),
            arguments.integer("p_version"),
            status,
            arguments.text("p_note"),
            count,
            word_count
        ],
    )?;
    to_jsonb(&json!({ "answer": if is_full { "full" } else { "stored" } }))
}

fn invalid() -> RestError {
    invalid_argument("a file has a status and at most 2000 passages")
}

fn insert(
    target: TableContext<'_>,
    user: Option<&str>,
    file: &str,
    ordinal: i64,
    passage: &Json,
) -> Result<(), RestError> {
    let text = |name: &str| passage[name].as_str();
    target.change(
        "insert into passages (file_id, ordinal, user_id, page, first_line, last_line, content, words) \
         values (?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            file,
            ordinal,
            user,
            integer(&passage["page"])?,
            integer(&passage["first_line"])?,
            integer(&passage["last_line"])?,
            text("content"),
            text("words")
        ],
    )
}

/// `(passage ->> 'page')::integer`
fn integer(value: &Json) -> Result<Option<i64>, RestError> {
    if value.is_null() {
        return Ok(None);
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let Ok(number) = text.trim().parse::<i128>() else {
        return Err(RestError::sql(
            "22P02",
            format!("invalid input syntax for type integer: \"{text}\""),
        ));
    };
    match i32::try_from(number) {
        Ok(number) => Ok(Some(number.into())),
        Err(_) => Err(RestError::sql(
            "22003",
            format!("value \"{text}\" is out of range for type integer"),
        )),
    }
}

/// `string_to_array(text, ' ')`
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(move |_| !text.is_empty())
}

/// What is asked for: for each form the words that it counts as.
struct Asked {
    count: usize,
    forms: HashMap<String, Vec<usize>>,
}

/// A passage with one of the words.
struct Found {
    rowid: i64,
    file: String,
    ordinal: i64,
    length: f64,
    /// How often it has each word.
    times: Vec<u32>,
    score: f64,
}

impl Asked {
    fn new(asked: Option<Json>) -> Result<Self, RestError> {
        let asked = match asked {
            None => Vec::new(),
            Some(Json::Array(asked)) => asked,
            Some(Json::Object(_)) => {
                return Err(invalid_argument("cannot get array length of a non-array"));
            }
            Some(_) => return Err(invalid_argument("cannot get array length of a scalar")),
        };
        let too_many = || invalid_argument("at most 24 words with 200 forms together");
        if asked.len() > 24 {
            return Err(too_many());
        }
        let mut forms: HashMap<String, Vec<usize>> = HashMap::new();
        let mut count = 0;
        for (number, word) in asked.iter().enumerate() {
            let word = match word {
                Json::Array(word) => word,
                Json::Object(_) => {
                    return Err(invalid_argument("cannot extract elements from an object"));
                }
                _ => return Err(invalid_argument("cannot extract elements from a scalar")),
            };
            count += word.len();
            for form in word.iter().filter(|form| !form.is_null()) {
                let form = form.as_str().map_or_else(|| form.to_string(), str::to_owned);
                forms.entry(form).or_default().push(number);
            }
        }
        if count > 200 {
            return Err(too_many());
        }
        Ok(Self { count: asked.len(), forms })
    }

    /// How long a passage is and how often it has each word, if it has any.
    fn count(&self, text: &str) -> Option<(f64, Vec<u32>)> {
        let (mut length, mut times) = (0.0, Vec::new());
        for word in words(text) {
            length += 1.0;
            for number in self.forms.get(word).into_iter().flatten() {
                times.resize(self.count, 0);
                times[*number] += 1;
            }
        }
        (!times.is_empty()).then_some((length, times))
    }
}

/// The user's passages that have one of these words, best first.
pub(super) fn search_passages(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let asked = Asked::new(arguments.json("p_words"))?;
    let user = user(session);
    let limit = arguments.integer_or("p_limit", 10).unwrap_or(0).clamp(0, 50);
    let select = "select p.rowid, p.file_id, p.ordinal, p.words from passages p \
                  join files f on f.id = p.file_id and f.user_id = p.user_id \
                  where p.user_id = ?1 and f.status = 'ready' and (?2 is null or f.chat_id = ?2) \
                  and (?3 is null or f.id = ?3)";
    let key = (&user, arguments.text("p_chat_id"), arguments.text("p_file_id"));
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(key)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let text = row.get_ref("words")?.as_str().unwrap_or_default();
        if let Some((length, times)) = asked.count(text) {
            let (rowid, file) = (row.get("rowid")?, row.get("file_id")?);
            let ordinal = row.get("ordinal")?;
            found.push(Found { rowid, file, ordinal, length, times, score: 0.0 });
        }
    }
    rank(connection, user.as_deref(), asked.count, &mut found)?;
    found.truncate(usize::try_from(limit).unwrap_or_default());
    let shown: Result<Vec<Json>, rusqlite::Error> =
        found.iter().map(|found| shown(connection, found)).collect();
    to_jsonb(&shown?)
}

/// BM25, as `private.find_passages` has it.
fn rank(
    connection: &Connection,
    user: Option<&str>,
    count: usize,
    found: &mut Vec<Found>,
) -> rusqlite::Result<()> {
    let select = "select coalesce(sum(passages), 0), coalesce(sum(word_count), 0) from indexed_files \
                  where user_id = ? and status = 'indexed'";
    let (all, word_count): (f64, f64) =
        connection.prepare_cached(select)?.query_row([user], |row| {
            Ok((row.get::<_, i64>(0)? as f64, row.get::<_, i64>(1)? as f64))
        })?;
    let length = word_count / all.max(1.0);
    let weight = |number: usize| {
        let having = found.iter().filter(|found| found.times[number] > 0).count() as f64;
        (1.0 + ((all - having).max(0.0) + 0.5) / (having + 0.5)).ln()
    };
    let weights: Vec<f64> = (0..count).map(weight).collect();
    let scored = |found: &mut Found, of: &dyn Fn(f64, f64) -> f64| {
        let times = found.times.iter().zip(&weights).filter(|(times, _)| **times > 0);
        let score: f64 =
            times.map(|(times, weight)| weight * of(f64::from(*times), found.length)).sum();
        found.score = (score * 1e6).round() / 1e6;
    };
    found.iter_mut().for_each(|found| scored(found, &|_, _| 1.0));
    sort(found);
    found.truncate(MAX_LIKELY);
    let saturated =
        |times: f64, own: f64| times * 2.2 / (times + 1.2 * (0.25 + 0.75 * own / length));
    found.iter_mut().for_each(|found| scored(found, &saturated));
    sort(found);
    Ok(())
}

fn sort(found: &mut [Found]) {
    found.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then_with(|| (&a.file, a.ordinal).cmp(&(&b.file, b.ordinal)))
    });
}

fn shown(connection: &Connection, found: &Found) -> rusqlite::Result<Json> {
    let select = "select p.page, p.first_line, p.last_line, p.content, f.name, f.media_type \
                  from passages p join files f on f.id = p.file_id where p.rowid = ?";
    connection.prepare_cached(select)?.query_row([found.rowid], |row| {
        Ok(json!({
            "file_id": found.file,
            "ordinal": found.ordinal,
            "name": row.get::<_, String>("name")?,
            "media_type": row.get::<_, String>("media_type")?,
            "page": row.get::<_, Option<i64>>("page")?,
            "first_line": row.get::<_, Option<i64>>("first_line")?,
            "last_line": row.get::<_, Option<i64>>("last_line")?,
            "content": row.get::<_, String>("content")?,
            "score": found.score,
        }))
    })
}

/// The user's files that are still to be read, newest first.
pub(super) fn unindexed_files(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = user(session);
    let limit = arguments.integer_or("p_limit", MAX_UNINDEXED).unwrap_or(0).clamp(0, MAX_UNINDEXED);
    let select = "select json_group_array(json_object('id', id, 'name', name, 'media_type', media_type, \
            'size', size, 'sha256', sha256) order by created_at desc, id desc) \
        from (select f.* from files f left join indexed_files i on i.file_id = f.id \
            where f.user_id = ?1 and f.status = 'ready' \
                and (i.file_id is null or i.version < ?2 or i.sha256 <> f.sha256 or i.name <> f.name \
                    or i.status = 'full' and i.passages <= ?3) \
            order by f.created_at desc, f.id desc limit ?4)";
    let room = MAX_OF_USER - count_others(connection, user.as_deref(), "")?;
    let listed = connection
        .prepare_cached(select)?
        .query_row((&user, arguments.integer("p_version"), room, limit), |row| row.get(0))
        .optional()?;
    Ok(listed.unwrap_or_else(|| "[]".to_owned()))
}
