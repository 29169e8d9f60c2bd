//! A small project: notes that belong to their users, a function that counts them, a bucket.

use local_supabase::functions::{Arguments, Function, FunctionBody, RestError, Session};
use local_supabase::schema::Default::{AuthUid, ClockTimestamp, GenRandomUuid};
use local_supabase::schema::PgType::{Text, Timestamptz, Uuid};
use local_supabase::schema::{
    ForeignKey, Grants, InsertGrant, OnDelete, Policies, Schema, Table, column, unique,
};
use local_supabase::{Bucket, Project};
use rusqlite::Connection;

/// The project.
pub const PROJECT: Project = Project {
    schema: &SCHEMA,
    functions: &[Function {
        name: "count_notes",
        parameters: &[],
        body: FunctionBody::Report(count_notes),
    }],
    buckets: &[Bucket { id: "files", is_public: false }],
};

static SCHEMA: Schema = Schema { migrations: &[CREATE_NOTES], tables: &[&NOTES] };

const CREATE_NOTES: &str = "
    create table notes (
      id text not null constraint notes_pkey primary key default (gen_random_uuid()),
      user_id text not null
        constraint notes_user_fkey references auth_users (id) on delete cascade,
      body text not null constraint notes_body_check check (length(body) <= 1000),
      created_at integer not null default (clock_timestamp())
    ) strict;";

const OWN_ROW: Option<&str> = Some("(select auth.uid()) = user_id");

static NOTES: Table = Table {
    name: "notes",
    columns: &[
        column("id", Uuid).not_null().default(GenRandomUuid),
        column("user_id", Uuid).not_null().default(AuthUid),
        column("body", Text).not_null(),
        column("created_at", Timestamptz).not_null().default(ClockTimestamp),
    ],
    unique: &[unique("notes_pkey", &["id"])],
    foreign_keys: &[ForeignKey {
        name: "notes_user_fkey",
        columns: &["user_id"],
        references: "auth.users",
        foreign_columns: &["id"],
        on_delete: OnDelete::Cascade,
    }],
    policies: Policies {
        select_using: OWN_ROW,
        insert_check: OWN_ROW,
        update_using: OWN_ROW,
        update_check: OWN_ROW,
        delete_using: OWN_ROW,
    },
    grants: Grants { select: true, insert: InsertGrant::AllColumns, update: true, delete: true },
};

/// How many notes the caller has, as jsonb.
fn count_notes(
    connection: &Connection,
    session: Session,
    _: &Arguments,
) -> Result<String, RestError> {
    let user = session.uid().map(|uid| uid.to_string());
    let count = "select count(*) from notes where user_id = ?";
    let notes: i64 = connection.query_row(count, [user], |row| row.get(0))?;
    Ok(notes.to_string())
}
