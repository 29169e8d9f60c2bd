use super::OWN_ROW;
use crate::local_supabase::schema::Default::{AuthUid, ClockTimestamp, GenRandomUuid, Literal};
use crate::local_supabase::schema::PgType::{Jsonb, Text, Timestamptz, Uuid};
use crate::local_supabase::schema::{
    ForeignKey, Grants, InsertGrant, OnDelete, Policies, Table, column, unique,
};

/// `public.analytics`
pub static ANALYTICS: Table = Table {
    name: "analytics",
    columns: &[
        column("id", Uuid).not_null().default(GenRandomUuid),
        column("user_id", Uuid).not_null().default(AuthUid),
        column("name", Text).not_null(),
        column("properties", Jsonb).not_null().default(Literal("{}")),
        column("chat_id", Uuid),
        column("session_id", Text),
        column("occurred_at", Timestamptz).not_null().default(ClockTimestamp),
        column("created_at", Timestamptz).not_null().default(ClockTimestamp),
    ],
    unique: &[unique("analytics_pkey", &["id"])],
    foreign_keys: &[
        ForeignKey {
            name: "analytics_user_fkey",
            columns: &["user_id"],
            references: "auth.users",
            foreign_columns: &["id"],
            on_delete: OnDelete::Cascade,
        },
        ForeignKey {
            name: "analytics_chat_fkey",
            columns: &["chat_id", "user_id"],
            references: "chats",
            foreign_columns: &["id", "user_id"],
            on_delete: OnDelete::SetNull(&["chat_id"]),
        },
    ],
    policies: Policies {
        select_using: Some(OWN_ROW),
        insert_check: Some(OWN_ROW),
        update_using: None,
        update_check: None,
        delete_using: None,
    },
    grants: Grants {
        select: true,
        insert: InsertGrant::Columns(&[
            "id",
            "user_id",
            "name",
            "properties",
            "chat_id",
            "session_id",
            "occurred_at",
        ]),
        update: false,
        delete: false,
    },
};
