use super::OWN_ROW;
use crate::local_supabase::schema::Default::{AuthUid, ClockTimestamp, GenRandomUuid, Literal};
use crate::local_supabase::schema::PgType::{Boolean, Jsonb, Numeric, Text, Timestamptz, Uuid};
use crate::local_supabase::schema::{
    ForeignKey, Grants, InsertGrant, OnDelete, Policies, Table, Unique, column, unique,
};

/// What a message's run has saved of its parts; null if that is nothing.
macro_rules! saved_parts {
    () => {
        "(select nullif(json_group_array(json(saved.part) order by saved.part_index), '[]') from ( \
             select part_index, iif(json_type(frame, '$.text') is null, frame, \
                 json_set(frame, '$.text', text)) as part \
             from (select p.part_index, group_concat(p.text, '' order by p.checkpoint) as text, \
                     (select f.part from answer_pieces f where f.run_id = p.run_id \
                         and f.part_index = p.part_index and f.part is not null \
                         order by f.checkpoint desc limit 1) as frame \
                 from answer_pieces p join token_reservations r on r.run_id = p.run_id \
                 where p.run_id = messages.run_id and r.user_id = messages.user_id \
                 group by p.part_index)) saved)"
    };
}

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
                 and not exists (select 1 from token_reservations r \
                     where r.run_id = messages.run_id and r.user_id = messages.user_id \
                         and r.lease_expires_at >= clock_timestamp()) \
             then 'interrupted' else status end",
        ),
        column("current_content", Text).not_null().computed(concat!(
            "case when status = 'streaming' and parts = '[]' then coalesce(( \
                 select group_concat(iif(e.type = 'object' and e.value ->> '$.type' = 'text', \
                     e.value ->> '$.text', ''), '' order by e.key) \
                 from json_each(",
            saved_parts!(),
            ") e), content) else content end"
        )),
        column("current_parts", Jsonb).not_null().computed(concat!(
            "case when status = 'streaming' and parts = '[]' then coalesce(",
            saved_parts!(),
            ", parts) else parts end"
        )),
        column("current_metadata", Jsonb).not_null().computed(
            "case when status = 'streaming' then coalesce(( \
                 select json_patch(metadata, json_patch('{}', json_object( \
                     'model', r.log ->> '$.model', 'provider', r.log ->> '$.provider'))) \
                 from token_reservations r where r.run_id = messages.run_id \
                     and r.user_id = messages.user_id and r.checkpoint > 0), metadata) \
             else metadata end",
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
