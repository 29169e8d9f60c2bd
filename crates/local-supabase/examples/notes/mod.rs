//! A small project: notes that belong to their users, a function that counts them, a bucket.

use local_supabase::functions::{Arguments, Function, FunctionBody, RestError, Session};
use local_supabase::schema::PgType::{Text, Timestamptz, Uuid};
use local_supabase::schema::{
    Action, Command, Default, Expression, ForeignKey, Fragment, Grants, Policy, RoleGrants, Schema,
    Table, column, primary_key,
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

static SCHEMA: Schema = Schema { migrations: &[CREATE_NOTES], tables: &[&NOTES], unavailable: &[] };

const CREATE_NOTES: &str = "
    create table notes (
      id text not null constraint notes_pkey primary key default (gen_random_uuid()),
      user_id text not null
        constraint notes_user_fkey references auth_users (id) on delete cascade,
      body text not null constraint notes_body_check check (length(body) <= 1000),
      created_at integer not null default (clock_timestamp())
    ) strict;";

const OWN_ROW: Option<Expression> = Some(Expression {
    postgres: "(select auth.uid()) = user_id",
    sqlite: &[Fragment::Sql("(select auth_uid()) = user_id")],
    has_subselect: true,
});

const fn default(postgres: &'static str, sqlite: &'static [Fragment]) -> Default {
    Default::Expression(Expression { postgres, sqlite, has_subselect: false })
}

static NOTES: Table = Table {
    name: "notes",
    columns: &[
        column("id", Uuid)
            .not_null()
            .default(default("gen_random_uuid()", &[Fragment::Sql("gen_random_uuid()")])),
        column("user_id", Uuid)
            .not_null()
            .default(default("auth.uid()", &[Fragment::Sql("auth_uid()")])),
        column("body", Text).not_null(),
        column("created_at", Timestamptz)
            .not_null()
            .default(default("clock_timestamp()", &[Fragment::Sql("clock_timestamp()")])),
    ],
    unique: &[primary_key("notes_pkey", &["id"])],
    foreign_keys: &[ForeignKey {
        name: "notes_user_fkey",
        columns: &["user_id"],
        references: "auth.users",
        foreign_columns: &["id"],
        on_delete: Action::Cascade,
        on_update: Action::NoAction,
    }],
    checks: &[],
    has_row_security: true,
    policies: &[Policy {
        name: "notes_own",
        commands: Command::ALL,
        roles: &["authenticated"],
        is_permissive: true,
        using: OWN_ROW,
        with_check: OWN_ROW,
    }],
    grants: Grants {
        anon: RoleGrants::NOTHING,
        authenticated: RoleGrants::ALL,
        service_role: RoleGrants::ALL,
    },
    comment: None,
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
