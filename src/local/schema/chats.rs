use super::OWN_ROW;
use crate::local_supabase::schema::Default::{AuthUid, ClockTimestamp, GenRandomUuid, Literal};
use crate::local_supabase::schema::PgType::{Boolean, Jsonb, Text, Timestamptz, Uuid};
use crate::local_supabase::schema::{
    ForeignKey, Grants, InsertGrant, OnDelete, Policies, Table, column, unique,
};

/// `public.chats`
pub static CHATS: Table = Table {
    name: "chats",
    columns: &[
        column("id", Uuid).not_null().default(GenRandomUuid),
        column("user_id", Uuid).not_null().default(AuthUid),
        column("title", Text).not_null().default(Literal("New chat")),
        column("model", Text),
        column("system_prompt", Text),
        column("is_archived", Boolean).not_null().default(Literal("false")),
        column("is_bookmarked", Boolean).not_null().default(Literal("false")),
        column("metadata", Jsonb).not_null().default(Literal("{}")),
        column("last_message_at", Timestamptz),
        column("created_at", Timestamptz).not_null().default(ClockTimestamp),
        column("updated_at", Timestamptz).not_null().default(ClockTimestamp),
        column("last_activity_at", Timestamptz)
            .not_null()
            .computed("coalesce(last_message_at, created_at)"),
    ],
    unique: &[unique("chats_pkey", &["id"]), unique("chats_id_user_id_key", &["id", "user_id"])],
    foreign_keys: &[ForeignKey {
        name: "chats_user_fkey",
        columns: &["user_id"],
        references: "auth.users",
        foreign_columns: &["id"],
        on_delete: OnDelete::Cascade,
    }],
    policies: Policies {
        select_using: Some(OWN_ROW),
        insert_check: Some(OWN_ROW),
        update_using: Some(OWN_ROW),
        update_check: Some(OWN_ROW),
        delete_using: Some(OWN_ROW),
    },
    grants: Grants { select: true, insert: InsertGrant::AllColumns, update: true, delete: true },
};
