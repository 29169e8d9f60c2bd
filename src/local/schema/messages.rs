use super::{AUTH_UID, CLOCK_TIMESTAMP, GEN_RANDOM_UUID, OWN_ROW, expression, policy};
use crate::local_supabase::schema::Default::Literal;
use crate::local_supabase::schema::PgType::*;
use crate::local_supabase::schema::*;

/// `public.messages`
pub static MESSAGES: Table = Table {
    name: "messages",
    columns: &[
        column("id", Uuid).not_null().default(GEN_RANDOM_UUID),
        column("chat_id", Uuid).not_null(),
        column("user_id", Uuid).not_null().default(AUTH_UID),
        column("parent_id", Uuid),
        column("role", Text).not_null(),
        column("content", Text).not_null().default(Literal("")),
        column("parts", Jsonb).not_null().default(Literal("[]")),
        column("model", Text),
        column("status", Text).not_null().default(Literal("complete")),
        column("finish_reason", Text),
        column("usage", Jsonb),
        column("cost_usd", Numeric(None)),
        column("is_active", Boolean).not_null().default(Literal("true")),
        column("metadata", Jsonb).not_null().default(Literal("{}")),
        column("run_id", Uuid),
        column("lease_expires_at", Timestamptz),
        column("stop_requested_at", Timestamptz),
        column("created_at", Timestamptz).not_null().default(CLOCK_TIMESTAMP),
        column("updated_at", Timestamptz).not_null().default(CLOCK_TIMESTAMP),
        column("current_status", Text).not_null().computed(expression!(
            "case when status = 'streaming' and lease_expires_at < clock_timestamp() \
             then 'interrupted' else status end"
        )),
    ],
    unique: &[
        primary_key("messages_pkey", &["id"]),
        unique("messages_id_chat_id_key", &["id", "chat_id"]),
        Unique {
            name: "messages_one_streaming_per_chat",
            columns: &["chat_id"],
            is_primary: false,
            predicate: Some(expression!("status = 'streaming'")),
        },
    ],
    foreign_keys: &[
        ForeignKey {
            name: "messages_chat_fkey",
            columns: &["chat_id", "user_id"],
            references: "chats",
            foreign_columns: &["id", "user_id"],
            on_delete: Action::Cascade,
            on_update: Action::NoAction,
        },
        ForeignKey {
            name: "messages_parent_fkey",
            columns: &["parent_id", "chat_id"],
            references: "messages",
            foreign_columns: &["id", "chat_id"],
            on_delete: Action::SetNull(&["parent_id"]),
            on_update: Action::NoAction,
        },
    ],
    checks: &[],
    has_row_security: true,
    policies: &[
        policy("messages_select", Command::Select, Some(OWN_ROW), None),
        policy("messages_insert", Command::Insert, None, Some(OWN_ROW)),
        policy("messages_update", Command::Update, Some(OWN_ROW), Some(OWN_ROW)),
        policy("messages_delete", Command::Delete, Some(OWN_ROW), None),
    ],
    grants: Grants {
        anon: RoleGrants::NOTHING,
        authenticated: RoleGrants {
            select: Granted::Table,
            insert: Granted::Table,
            update: Granted::Table,
            delete: true,
        },
        service_role: RoleGrants::ALL,
    },
    comment: None,
};
