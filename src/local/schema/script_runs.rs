use super::{AUTH_UID, CLOCK_TIMESTAMP, GEN_RANDOM_UUID, OWN_ROW, policy};
use crate::local_supabase::schema::Default::Literal;
use crate::local_supabase::schema::PgType::*;
use crate::local_supabase::schema::*;

/// `public.script_runs`
pub static SCRIPT_RUNS: Table = Table {
    name: "script_runs",
    columns: &[
        column("id", Uuid).not_null().default(GEN_RANDOM_UUID),
        column("user_id", Uuid).not_null().default(AUTH_UID),
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
        column("created_at", Timestamptz).not_null().default(CLOCK_TIMESTAMP),
    ],
    unique: &[primary_key("script_runs_pkey", &["id"])],
    foreign_keys: &[
        ForeignKey {
            name: "script_runs_user_fkey",
            columns: &["user_id"],
            references: "auth.users",
            foreign_columns: &["id"],
            on_delete: Action::Cascade,
            on_update: Action::NoAction,
        },
        ForeignKey {
            name: "script_runs_chat_fkey",
            columns: &["chat_id", "user_id"],
            references: "chats",
            foreign_columns: &["id", "user_id"],
            on_delete: Action::SetNull(&["chat_id"]),
            on_update: Action::NoAction,
        },
    ],
    checks: &[],
    has_row_security: true,
    policies: &[
        policy("script_runs_select", Command::Select, Some(OWN_ROW), None),
        policy("script_runs_insert", Command::Insert, None, Some(OWN_ROW)),
        policy("script_runs_delete", Command::Delete, Some(OWN_ROW), None),
    ],
    grants: Grants {
        anon: RoleGrants::NOTHING,
        authenticated: RoleGrants {
            select: Granted::Table,
            insert: Granted::Columns(&[
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
            update: Granted::Nothing,
            delete: true,
        },
        service_role: RoleGrants::ALL,
    },
    comment: None,
};
