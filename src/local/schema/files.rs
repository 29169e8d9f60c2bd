use super::OWN_ROW;
use crate::local_supabase::schema::Default::{AuthUid, ClockTimestamp, GenRandomUuid, Literal};
use crate::local_supabase::schema::PgType::{Bigint, Jsonb, Text, Timestamptz, Uuid};
use crate::local_supabase::schema::{
    ForeignKey, Grants, InsertGrant, OnDelete, Policies, Table, column, unique,
};

/// `public.files`
pub static FILES: Table = Table {
    name: "files",
    columns: &[
        column("id", Uuid).not_null().default(GenRandomUuid),
        column("user_id", Uuid).not_null().default(AuthUid),
        column("chat_id", Uuid),
        column("name", Text).not_null(),
        column("media_type", Text).not_null().default(Literal("application/octet-stream")),
        column("size", Bigint).not_null().default(Literal("0")),
        column("sha256", Text),
        column("metadata", Jsonb).not_null().default(Literal("{}")),
        column("status", Text).not_null().default(Literal("uploading")),
        column("upload_id", Uuid),
        column("lease_expires_at", Timestamptz),
        column("created_at", Timestamptz).not_null().default(ClockTimestamp),
        column("updated_at", Timestamptz).not_null().default(ClockTimestamp),
        column("refused_by", Text),
    ],
    unique: &[unique("files_pkey", &["id"])],
    foreign_keys: &[
        ForeignKey {
            name: "files_user_fkey",
            columns: &["user_id"],
            references: "auth.users",
            foreign_columns: &["id"],
            on_delete: OnDelete::Cascade,
        },
        ForeignKey {
            name: "files_chat_fkey",
            columns: &["chat_id", "user_id"],
            references: "chats",
            foreign_columns: &["id", "user_id"],
            on_delete: OnDelete::SetNull(&["chat_id"]),
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
