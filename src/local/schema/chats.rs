use super::{AUTH_UID, CLOCK_TIMESTAMP, GEN_RANDOM_UUID, OWN_ROW, expression, policy};
use crate::local_supabase::schema::Default::Literal;
use crate::local_supabase::schema::PgType::*;
use crate::local_supabase::schema::*;

/// `public.chats`
pub static CHATS: Table = Table {
    name: "chats",
    columns: &[
        column("id", Uuid).not_null().default(GEN_RANDOM_UUID),
        column("user_id", Uuid).not_null().default(AUTH_UID),
        column("title", Text).not_null().default(Literal("New chat")),
        column("model", Text),
        column("system_prompt", Text),
        column("is_archived", Boolean).not_null().default(Literal("false")),
        column("is_bookmarked", Boolean).not_null().default(Literal("false")),
        column("metadata", Jsonb).not_null().default(Literal("{}")),
        column("last_message_at", Timestamptz),
        column("created_at", Timestamptz).not_null().default(CLOCK_TIMESTAMP),
        column("updated_at", Timestamptz).not_null().default(CLOCK_TIMESTAMP),
        column("last_activity_at", Timestamptz)
            .not_null()
            .computed(expression!("coalesce(last_message_at, created_at)")),
    ],
    unique: &[
        primary_key("chats_pkey", &["id"]),
        unique("chats_id_user_id_key", &["id", "user_id"]),
    ],
    foreign_keys: &[ForeignKey {
        name: "chats_user_fkey",
        columns: &["user_id"],
        references: "auth.users",
        foreign_columns: &["id"],
        on_delete: Action::Cascade,
        on_update: Action::NoAction,
    }],
    checks: &[],
    has_row_security: true,
    policies: &[
        policy("chats_select", Command::Select, Some(OWN_ROW), None),
        policy("chats_insert", Command::Insert, None, Some(OWN_ROW)),
        policy("chats_update", Command::Update, Some(OWN_ROW), Some(OWN_ROW)),
        policy("chats_delete", Command::Delete, Some(OWN_ROW), None),
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
