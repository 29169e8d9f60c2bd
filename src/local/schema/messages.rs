use super::OWN_ROW;
use crate::local_supabase::schema::Default::{AuthUid, ClockTimestamp, GenRandomUuid, Literal};
use crate::local_supabase::schema::PgType::{Boolean, Jsonb, Numeric, Text, Timestamptz, Uuid};
use crate::local_supabase::schema::{
    ForeignKey, Grants, InsertGrant, OnDelete, Policies, Table, Unique, column, unique,
};

/// `public.messages`
pub static MESSAGES: Table = Table {
    name: "messages",
    columns: &[
        column("id", Uuid).not_null().default(GenRandomUuid),
        column("chat_id", Uuid).not_null(),
        column("user_id", Uuid).not_null().default(AuthUid),
        column("parent_id", Uuid),
        column("role", Text).not_null(),
        column("content", Text).not_null().default(Literal("")),
        column("parts", Jsonb).not_null().default(Literal("[]")),
        column("model", Text),
        column("status", Text).not_null().default(Literal("complete")),
        column("finish_reason", Text),
        column("usage", Jsonb),
        column("cost_usd", Numeric),
        column("is_active", Boolean).not_null().default(Literal("true")),
        column("metadata", Jsonb).not_null().default(Literal("{}")),
        column("run_id", Uuid),
        column("lease_expires_at", Timestamptz),
        column("stop_requested_at", Timestamptz),
        column("created_at", Timestamptz).not_null().default(ClockTimestamp),
        column("updated_at", Timestamptz).not_null().default(ClockTimestamp),
        column("replaces", Jsonb),
        column("current_status", Text).not_null().computed(
            "case when status = 'streaming' and lease_expires_at < clock_timestamp() \
             then 'interrupted' else status end",
        ),
    ],
    unique: &[
        unique("messages_pkey", &["id"]),
        unique("messages_id_chat_id_key", &["id", "chat_id"]),
        Unique {
            name: "messages_one_streaming_per_chat",
            columns: &["chat_id"],
            predicate: Some("status = 'streaming'"),
        },
    ],
    foreign_keys: &[
        ForeignKey {
            name: "messages_chat_fkey",
            columns: &["chat_id", "user_id"],
            references: "chats",
            foreign_columns: &["id", "user_id"],
            on_delete: OnDelete::Cascade,
        },
        ForeignKey {
            name: "messages_parent_fkey",
            columns: &["parent_id", "chat_id"],
            references: "messages",
            foreign_columns: &["id", "chat_id"],
            on_delete: OnDelete::SetNull(&["parent_id"]),
        },
    ],
    policies: Policies {
        select_using: Some(OWN_ROW),
        insert_check: Some(OWN_ROW),
        update_using: Some(OWN_ROW),
        update_check: Some(OWN_ROW),
        delete_using: Some(OWN_ROW),
    },
    grants: Grants { select: true, insert: InsertGrant::AllColumns, update: true, delete: true },
};
