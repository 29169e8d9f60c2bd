//! `/rpc/…`: the functions of `supabase/migrations`, in Rust, each in one transaction.

mod arguments;
mod begin_generation;
mod buckets;
mod call;
mod chat_statistics;
mod chats;
mod claim;
mod describe_schema;
mod files;
mod message;
mod question;
mod record_events;
mod request_stop;
mod reservations;
mod reserve_tokens;
mod save_generation;
mod schema_report;
mod sums;
mod usage;
mod usage_statistics;

pub(super) use call::answer;

use rusqlite::Connection;

use self::arguments::Arguments;
use super::error::RestError;
use super::session::Session;
use crate::schema::{CHATS, FILES, PgType, Table};

/// A function of the schema `public`. Only signed-in users and the service role may call it.
pub(super) struct Function {
    pub name: &'static str,
    pub parameters: &'static [Parameter],
    pub body: Body,
}

pub(super) struct Parameter {
    pub name: &'static str,
    pub pg_type: PgType,
    /// Whether there is no default.
    pub required: bool,
}

/// What a function does.
pub(super) enum Body {
    /// A search, which only reads: its argument narrows a select.
    Search(&'static Table),
    /// Returns rows of a table.
    SetOf(&'static Table, fn(&Connection, Session, &Arguments) -> Result<Vec<i64>, RestError>),
    /// Only reads and returns jsonb.
    Report(fn(&Connection, Session, &Arguments) -> Result<String, RestError>),
    /// Returns jsonb.
    Jsonb(fn(&Connection, Session, &Arguments) -> Result<String, RestError>),
}

impl Body {
    /// Functions that write cannot be called by GET.
    pub fn is_volatile(&self) -> bool {
        !matches!(self, Self::Search(_) | Self::Report(_))
    }
}

const fn required(name: &'static str, pg_type: PgType) -> Parameter {
    Parameter { name, pg_type, required: true }
}

const fn optional(name: &'static str, pg_type: PgType) -> Parameter {
    Parameter { name, pg_type, required: false }
}

/// Every function that can be called.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "search_chats",
        parameters: &[required("q", PgType::Text)],
        body: Body::Search(&CHATS),
    },
    Function {
        name: "toggle_chat",
        parameters: &[required("p_chat_id", PgType::Uuid), required("p_column", PgType::Text)],
        body: Body::SetOf(&CHATS, chats::toggle_chat),
    },
    Function {
        name: "begin_generation",
        parameters: &[
            required("p_chat_id", PgType::Uuid),
            required("p_run", PgType::Uuid),
            required("p_message_id", PgType::Uuid),
            optional("p_action", PgType::Text),
            optional("p_user_message", PgType::Jsonb),
            optional("p_regenerate", PgType::Uuid),
            optional("p_model", PgType::Text),
            optional("p_default_model", PgType::Text),
            optional("p_create_chat", PgType::Jsonb),
            optional("p_reserve", PgType::Jsonb),
            optional("p_user_id", PgType::Uuid),
        ],
        body: Body::Jsonb(begin_generation::begin_generation),
    },
    Function {
        name: "save_generation",
        parameters: &[
            required("p_message_id", PgType::Uuid),
            required("p_run", PgType::Uuid),
            required("p_chat_id", PgType::Uuid),
            optional("p_content", PgType::Text),
            optional("p_parts", PgType::Jsonb),
            optional("p_model", PgType::Text),
            optional("p_metadata", PgType::Jsonb),
            optional("p_usage", PgType::Jsonb),
            optional("p_cost_usd", PgType::Numeric),
            optional("p_end", PgType::Jsonb),
            optional("p_reserve", PgType::Jsonb),
            optional("p_user_id", PgType::Uuid),
        ],
        body: Body::Jsonb(save_generation::save_generation),
    },
    Function {
        name: "search_files",
        parameters: &[required("q", PgType::Text)],
        body: Body::Search(&FILES),
    },
    Function {
        name: "begin_file",
        parameters: &[
            required("p_id", PgType::Uuid),
            required("p_upload_id", PgType::Uuid),
            required("p_name", PgType::Text),
            required("p_quota", PgType::Bigint),
            required("p_max_files", PgType::Bigint),
        ],
        body: Body::Jsonb(files::begin_file),
    },
    Function {
        name: "finish_file",
        parameters: &[
            required("p_id", PgType::Uuid),
            required("p_upload_id", PgType::Uuid),
            required("p_name", PgType::Text),
            required("p_media_type", PgType::Text),
            required("p_size", PgType::Bigint),
            required("p_sha256", PgType::Text),
            required("p_quota", PgType::Bigint),
            optional("p_chat_id", PgType::Uuid),
            optional("p_metadata", PgType::Jsonb),
        ],
        body: Body::Jsonb(files::finish_file),
    },
    Function {
        name: "request_stop",
        parameters: &[required("p_chat_id", PgType::Uuid), optional("p_user_id", PgType::Uuid)],
        body: Body::Jsonb(request_stop::request_stop),
    },
    Function {
        name: "reserve_tokens",
        parameters: &[
            required("p_run", PgType::Uuid),
            required("p_reserve", PgType::Jsonb),
            optional("p_user_id", PgType::Uuid),
        ],
        body: Body::Jsonb(reserve_tokens::reserve_tokens),
    },
    Function {
        name: "usage_statistics",
        parameters: &[
            optional("p_from", PgType::Timestamptz),
            optional("p_to", PgType::Timestamptz),
            optional("p_interval", PgType::Text),
            optional("p_group_by", PgType::Text),
            optional("p_time_zone", PgType::Text),
            optional("p_daily_token_limit", PgType::Bigint),
            optional("p_user_id", PgType::Uuid),
        ],
        body: Body::Report(usage_statistics::usage_statistics),
    },
    Function {
        name: "chat_statistics",
        parameters: &[
            optional("p_from", PgType::Timestamptz),
            optional("p_to", PgType::Timestamptz),
            optional("p_time_zone", PgType::Text),
            optional("p_user_id", PgType::Uuid),
        ],
        body: Body::Report(chat_statistics::chat_statistics),
    },
    Function {
        name: "record_events",
        parameters: &[required("p_events", PgType::Jsonb), optional("p_user_id", PgType::Uuid)],
        body: Body::Jsonb(record_events::record_events),
    },
    Function {
        name: "schema_report",
        parameters: &[],
        body: Body::Jsonb(schema_report::schema_report),
    },
    Function {
        name: "describe_schema",
        parameters: &[optional("p_names", PgType::Jsonb)],
        body: Body::Report(describe_schema::describe_schema),
    },
];
