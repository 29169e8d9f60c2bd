//! Requests as a client sends them, answered by the local Supabase with our project.

mod cases;
mod support;

mod begin;
mod changes;
mod cors;
mod embeds;
mod errors;
mod functions;
mod history;
mod injection;
mod inserts;
mod isolation;
mod reads;
mod save;
mod schema;
mod triggers;
mod upgrade;
mod upserts;
