//! Requests as a client sends them, answered by the whole of `rest`.

mod cases;
mod support;

mod begin;
mod changes;
mod embeds;
mod errors;
mod functions;
mod history;
mod injection;
mod inserts;
mod isolation;
mod parsing;
mod reads;
mod save;
mod schema;
mod triggers;
mod upserts;
mod values;
