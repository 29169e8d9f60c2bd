use super::OWN_ROW;
use crate::local_supabase::schema::Default::{AuthUid, ClockTimestamp, GenRandomUuid, Literal};
use crate::local_supabase::schema::PgType::{Bigint, Boolean, Jsonb, Text, Timestamptz, Uuid};
use crate::local_supabase::schema::{
    ForeignKey, Grants, InsertGrant, OnDelete, Policies, Table, column, unique,
};

/// `public.script_runs`
pub static SCRIPT_RUNS: Table = Table {
    name: "script_runs",
    columns: &[
        column("id", Uuid).not_null().default(GenRandomUuid),
        column("user_id", Uuid).not_null().default(AuthUid),
        column("chat_id", Uuid),
        column("language", Text).not_null(),
        column("code", Text).not_null(),
        column("input", Jsonb),
        column("status", Text).not_null(),
        column("stdout", Text).not_null().default(Literal("")),
        column("stderr", Text).not_null().default(Literal("")),
        column("truncated", Boolean).not_null().default(Literal("false")),
        column("result", Jsonb),
        column("error", Jsonb),
        column("files", Jsonb).not_null().default(Literal("[]")),
        column("duration_ms", Bigint).not_null(),
        column("limits", Jsonb).not_null().default(Literal("{}")),
        column("created_at", Timestamptz).not_null().default(ClockTimestamp),
    ],
    unique: &[unique("script_runs_pkey", &["id"])],
    foreign_keys: &[
        ForeignKey {
            name: "script_runs_user_fkey",
            columns: &["user_id"],
            references: "auth.users",
            foreign_columns: &["id"],
            on_delete: OnDelete::Cascade,
        },
        ForeignKey {
            name: "script_runs_chat_fkey",
            columns: &["chat_id", "user_id"],
            references: "chats",
            foreign_columns: &["id", "user_id"],
            on_delete: OnDelete::SetNull(&["chat_id"]),
        },
    ],
    policies: Policies {
        select_using: Some(OWN_ROW),
        insert_check: Some(OWN_ROW),
        update_using: None,
        update_check: None,
        delete_using: Some(OWN_ROW),
    },
    grants: Grants {
        select: true,
        insert: InsertGrant::Columns(&[
            "id",
            "user_id",
            "chat_id",
            "language",
            "code",
            "input",
            "status",
            "stdout",
            "stderr",
            "truncated",
            "result",
            "error",
            "files",
            "duration_ms",
            "limits",
        ]),
        update: false,
        delete: true,
    },
};
