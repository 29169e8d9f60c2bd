use super::OWN_ROW;
use crate::local_supabase::schema::Default::{AuthUid, ClockTimestamp, GenRandomUuid, Literal};
use crate::local_supabase::schema::PgType::{Bigint, Jsonb, Numeric, Text, Timestamptz, Uuid};
use crate::local_supabase::schema::{
    ForeignKey, Grants, InsertGrant, OnDelete, Policies, Table, column, unique,
};

/// `public.usage_logs`
pub static USAGE_LOGS: Table = Table {
    name: "usage_logs",
    columns: &[
        column("id", Uuid).not_null().default(GenRandomUuid),
        column("user_id", Uuid).not_null().default(AuthUid),
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
        column("cost_usd", Numeric),
        column("latency_ms", Bigint),
        column("time_to_first_token_ms", Bigint),
        column("status", Text).not_null(),
        column("error_code", Text),
        column("raw", Jsonb),
        column("created_at", Timestamptz).not_null().default(ClockTimestamp),
    ],
    unique: &[unique("usage_logs_pkey", &["id"])],
    foreign_keys: &[
        ForeignKey {
            name: "usage_logs_user_fkey",
            columns: &["user_id"],
            references: "auth.users",
            foreign_columns: &["id"],
            on_delete: OnDelete::Cascade,
        },
        ForeignKey {
            name: "usage_logs_message_fkey",
            columns: &["message_id"],
            references: "messages",
            foreign_columns: &["id"],
            on_delete: OnDelete::SetNull(&["message_id"]),
        },
        ForeignKey {
            name: "usage_logs_chat_fkey",
            columns: &["chat_id", "user_id"],
            references: "chats",
            foreign_columns: &["id", "user_id"],
            on_delete: OnDelete::SetNull(&["chat_id"]),
        },
    ],
    policies: Policies {
        select_using: Some(OWN_ROW),
        insert_check: Some(
            "(select auth.uid()) = user_id \
             and (message_id is null or exists ( \
             select 1 from public.messages m \
             where m.id = message_id and m.user_id = (select auth.uid())))",
        ),
        update_using: None,
        update_check: None,
        delete_using: None,
    },
    grants: Grants {
        select: true,
        insert: InsertGrant::Columns(&[
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
        update: false,
        delete: false,
    },
};
