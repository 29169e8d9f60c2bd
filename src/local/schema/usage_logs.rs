use super::{AUTH_UID, CLOCK_TIMESTAMP, GEN_RANDOM_UUID, OWN_ROW, expression, policy};
use crate::local_supabase::schema::Default::Literal;
use crate::local_supabase::schema::PgType::*;
use crate::local_supabase::schema::*;

/// `public.usage_logs`
pub static USAGE_LOGS: Table = Table {
    name: "usage_logs",
    columns: &[
        column("id", Uuid).not_null().default(GEN_RANDOM_UUID),
        column("user_id", Uuid).not_null().default(AUTH_UID),
        column("chat_id", Uuid),
        column("message_id", Uuid),
        column("operation", Text).not_null(),
        column("provider", Text).not_null(),
        column("model", Text).not_null(),
        column("input_tokens", Bigint).not_null().default(Literal("0")),
        column("output_tokens", Bigint).not_null().default(Literal("0")),
        column("cached_input_tokens", Bigint).not_null().default(Literal("0")),
        column("cache_write_input_tokens", Bigint).not_null().default(Literal("0")),
        column("reasoning_tokens", Bigint).not_null().default(Literal("0")),
        column("usage_source", Text).not_null(),
        column("cost_usd", Numeric(None)),
        column("latency_ms", Bigint),
        column("time_to_first_token_ms", Bigint),
        column("status", Text).not_null(),
        column("error_code", Text),
        column("raw", Jsonb),
        column("created_at", Timestamptz).not_null().default(CLOCK_TIMESTAMP),
    ],
    unique: &[primary_key("usage_logs_pkey", &["id"])],
    foreign_keys: &[
        ForeignKey {
            name: "usage_logs_user_fkey",
            columns: &["user_id"],
            references: "auth.users",
            foreign_columns: &["id"],
            on_delete: Action::Cascade,
            on_update: Action::NoAction,
        },
        ForeignKey {
            name: "usage_logs_message_fkey",
            columns: &["message_id"],
            references: "messages",
            foreign_columns: &["id"],
            on_delete: Action::SetNull(&["message_id"]),
            on_update: Action::NoAction,
        },
        ForeignKey {
            name: "usage_logs_chat_fkey",
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
        policy("usage_logs_select", Command::Select, Some(OWN_ROW), None),
        policy(
            "usage_logs_insert",
            Command::Insert,
            None,
            Some(expression!(
                "(select auth_uid()) = user_id \
             and (message_id is null or exists ( \
             select 1 from messages m \
             where m.id = message_id and m.user_id = (select auth_uid())))"
            )),
        ),
    ],
    grants: Grants {
        anon: RoleGrants::NOTHING,
        authenticated: RoleGrants {
            select: Granted::Table,
            insert: Granted::Columns(&[
                "user_id",
                "chat_id",
                "message_id",
                "operation",
                "provider",
                "model",
                "input_tokens",
                "output_tokens",
                "cached_input_tokens",
                "cache_write_input_tokens",
                "reasoning_tokens",
                "usage_source",
                "cost_usd",
                "latency_ms",
                "time_to_first_token_ms",
                "status",
                "error_code",
                "raw",
            ]),
            update: Granted::Nothing,
            delete: false,
        },
        service_role: RoleGrants::ALL,
    },
    comment: None,
};
