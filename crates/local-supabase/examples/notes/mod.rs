//! A small project: notes that belong to their users, a function that counts them, a bucket.

use local_supabase::functions::{Arguments, Function, FunctionBody, RestError, Session};
use local_supabase::{Bucket, Project};
use rusqlite::Connection;

/// The project.
pub const PROJECT: Project = Project {
    migrations: &[("20260101000000_notes.sql", CREATE_NOTES)],
    registrations: &[],
    legacy: &[],
    check_user: None,
    functions: &[Function {
        name: "count_notes",
        parameters: &[],
        body: FunctionBody::Report(count_notes),
    }],
    buckets: &[Bucket { id: "files", is_public: false }],
};

const CREATE_NOTES: &str = "
    create table public.notes (
      id uuid primary key default gen_random_uuid(),
      user_id uuid not null default auth.uid()
        constraint notes_user_fkey references auth.users (id) on delete cascade,
      body text not null constraint notes_body_check check (char_length(body) <= 1000),
      created_at timestamptz not null default clock_timestamp()
    );
    alter table public.notes enable row level security;
    create policy notes_own on public.notes to authenticated
      using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
    grant select, insert, update, delete on public.notes to authenticated, service_role;";

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
