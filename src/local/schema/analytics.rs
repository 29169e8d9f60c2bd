use super::{AUTH_UID, CLOCK_TIMESTAMP, GEN_RANDOM_UUID, OWN_ROW, policy};
use crate::local_supabase::schema::Default::Literal;
use crate::local_supabase::schema::PgType::*;
use crate::local_supabase::schema::*;

/// `public.analytics`
pub static ANALYTICS: Table = Table {
    name: "analytics",
    columns: &[
        column("id", Uuid).not_null().default(GEN_RANDOM_UUID),
        column("user_id", Uuid).not_null().default(AUTH_UID),
        column("name", Text).not_null(),
        column("properties", Jsonb).not_null().default(Literal("{}")),
        column("chat_id", Uuid),
        column("session_id", Text),
        column("occurred_at", Timestamptz).not_null().default(CLOCK_TIMESTAMP),
        column("created_at", Timestamptz).not_null().default(CLOCK_TIMESTAMP),
    ],
    unique: &[primary_key("analytics_pkey", &["id"])],
    foreign_keys: &[
        ForeignKey {
            name: "analytics_user_fkey",
            columns: &["user_id"],
            references: "auth.users",
            foreign_columns: &["id"],
            on_delete: Action::Cascade,
            on_update: Action::NoAction,
        },
        ForeignKey {
            name: "analytics_chat_fkey",
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
        policy("analytics_select", Command::Select, Some(OWN_ROW), None),
        policy("analytics_insert", Command::Insert, None, Some(OWN_ROW)),
    ],
    grants: Grants {
        anon: RoleGrants::NOTHING,
        authenticated: RoleGrants {
            select: Granted::Table,
            insert: Granted::Columns(&[
                "id",
                "user_id",
                "name",
                "properties",
                "chat_id",
                "session_id",
                "occurred_at",
            ]),
            update: Granted::Nothing,
            delete: false,
        },
        service_role: RoleGrants::ALL,
    },
    comment: None,
};
