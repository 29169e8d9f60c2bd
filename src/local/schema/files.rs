use super::{AUTH_UID, CLOCK_TIMESTAMP, GEN_RANDOM_UUID, OWN_ROW, policy};
use crate::local_supabase::schema::Default::Literal;
use crate::local_supabase::schema::PgType::*;
use crate::local_supabase::schema::*;

/// `public.files`
pub static FILES: Table = Table {
    name: "files",
    columns: &[
        column("id", Uuid).not_null().default(GEN_RANDOM_UUID),
        column("user_id", Uuid).not_null().default(AUTH_UID),
        column("chat_id", Uuid),
        column("name", Text).not_null(),
        column("media_type", Text).not_null().default(Literal("application/octet-stream")),
        column("size", Bigint).not_null().default(Literal("0")),
        column("sha256", Text),
        column("metadata", Jsonb).not_null().default(Literal("{}")),
        column("status", Text).not_null().default(Literal("uploading")),
        column("upload_id", Uuid),
        column("lease_expires_at", Timestamptz),
        column("created_at", Timestamptz).not_null().default(CLOCK_TIMESTAMP),
        column("updated_at", Timestamptz).not_null().default(CLOCK_TIMESTAMP),
        column("refused_by", Text),
    ],
    unique: &[primary_key("files_pkey", &["id"])],
    foreign_keys: &[
        ForeignKey {
            name: "files_user_fkey",
            columns: &["user_id"],
            references: "auth.users",
            foreign_columns: &["id"],
            on_delete: Action::Cascade,
            on_update: Action::NoAction,
        },
        ForeignKey {
            name: "files_chat_fkey",
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
        policy("files_select", Command::Select, Some(OWN_ROW), None),
        policy("files_insert", Command::Insert, None, Some(OWN_ROW)),
        policy("files_update", Command::Update, Some(OWN_ROW), Some(OWN_ROW)),
        policy("files_delete", Command::Delete, Some(OWN_ROW), None),
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
