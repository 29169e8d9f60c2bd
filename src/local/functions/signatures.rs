//! What the functions are called with, as the migrations declare them.

use super::{
    accounts, begin_generation, budgets, call_runs, chat_statistics, chats, continue_generation,
    decisions, describe_schema, files, lapsed, passages, queue, record_events, request_stop,
    reserve_tokens, save_checkpoints, save_generation, schema_report, search, select_message,
    take_over, tool_calls, tool_functions, tool_tokens, unread, usage_statistics,
};
use crate::local_supabase::functions::{Function, FunctionBody, Parameter};
use crate::local_supabase::schema::PgType;

/// Every function that can be called.
pub static FUNCTIONS: &[Function] = &[
    Function {
        name: "search_chats",
        parameters: &[required("q", PgType::Text)],
        body: FunctionBody::Search("chats", search::chats),
    },
    Function {
        name: "toggle_chat",
        parameters: &[required("p_chat_id", PgType::Uuid), required("p_column", PgType::Text)],
        body: FunctionBody::SetOf("chats", chats::toggle_chat),
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
        body: FunctionBody::Jsonb(begin_generation::begin_generation),
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
            optional("p_cost_usd", PgType::NUMERIC),
            optional("p_end", PgType::Jsonb),
            optional("p_reserve", PgType::Jsonb),
            optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(save_generation::save_generation),
    },
    Function {
        name: "save_checkpoints",
        parameters: &[required("p_checkpoints", PgType::Jsonb)],
        body: FunctionBody::Jsonb(save_checkpoints::save_checkpoints),
    },
    Function {
        name: "follow_answer",
        parameters: &[required("p_message_id", PgType::Uuid), required("p_after", PgType::Bigint)],
        body: FunctionBody::Jsonb(save_checkpoints::follow_answer),
    },
    Function {
        name: "take_over_generation",
        parameters: &[
            required("p_chat_id", PgType::Uuid),
            required("p_message_id", PgType::Uuid),
            required("p_run", PgType::Uuid),
            required("p_next_run", PgType::Uuid),
            optional("p_reserve", PgType::Jsonb),
            optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(take_over::take_over_generation),
    },
    Function {
        name: "search_files",
        parameters: &[required("q", PgType::Text)],
        body: FunctionBody::Search("files", search::files),
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
        body: FunctionBody::Jsonb(files::begin_file),
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
        body: FunctionBody::Jsonb(files::finish_file),
    },
    Function {
        name: "request_stop",
        parameters: &[required("p_chat_id", PgType::Uuid), optional("p_user_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(request_stop::request_stop),
    },
    Function {
        name: "mark_answer_read",
        parameters: &[required("p_message_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(unread::mark_answer_read),
    },
    Function {
        name: "answer_to_resume",
        parameters: &[required("p_chat_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(unread::answer_to_resume),
    },
    Function {
        name: "queued_messages",
        parameters: &[required("p_chat_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(queue::queued_messages),
    },
    Function {
        name: "select_message",
        parameters: &[required("p_message_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(select_message::select_message),
    },
    Function {
        name: "answer_tool_calls",
        parameters: &[
            required("p_chat_id", PgType::Uuid),
            required("p_outcomes", PgType::Jsonb),
            optional("p_message_id", PgType::Uuid),
            optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(tool_calls::answer_tool_calls),
    },
    Function {
        name: "continue_generation",
        parameters: &[
            required("p_chat_id", PgType::Uuid),
            required("p_message_id", PgType::Uuid),
            required("p_run", PgType::Uuid),
            optional("p_model", PgType::Text),
            optional("p_reserve", PgType::Jsonb),
            optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(continue_generation::continue_generation),
    },
    Function {
        name: "find_tool_call",
        parameters: &[
            required("p_chat_id", PgType::Uuid),
            required("p_call", PgType::Text),
            optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Report(decisions::find_tool_call),
    },
    Function {
        name: "pending_tool_calls",
        parameters: &[
            optional("p_limit", PgType::Bigint),
            optional("p_after", PgType::Uuid),
            optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Report(decisions::pending_tool_calls),
    },
    Function {
        name: "decide_tool_call",
        parameters: &[
            required("p_chat_id", PgType::Uuid),
            required("p_call", PgType::Text),
            required("p_approved", PgType::Boolean),
            optional("p_reason", PgType::Text),
            optional("p_digest", PgType::Text),
            optional("p_edit", PgType::Jsonb),
            optional("p_grant_seal", PgType::Text),
            optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(decisions::decide_tool_call),
    },
    Function {
        name: "tool_grants",
        parameters: &[required("p_chat_id", PgType::Uuid), optional("p_user_id", PgType::Uuid)],
        body: FunctionBody::Report(decisions::tool_grants),
    },
    Function {
        name: "claim_tool_call",
        parameters: &[
            required("p_message_id", PgType::Uuid),
            required("p_run", PgType::Uuid),
            required("p_call_id", PgType::Text),
            optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(call_runs::claim_tool_call),
    },
    Function {
        name: "finish_tool_call",
        parameters: &[
            required("p_message_id", PgType::Uuid),
            required("p_run", PgType::Uuid),
            required("p_call_id", PgType::Text),
            required("p_state", PgType::Text),
            required("p_outcome", PgType::Jsonb),
            optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(call_runs::finish_tool_call),
    },
    Function {
        name: "reserve_tokens",
        parameters: &[
            required("p_run", PgType::Uuid),
            required("p_reserve", PgType::Jsonb),
            optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(reserve_tokens::reserve_tokens),
    },
    Function {
        name: "budgets",
        parameters: &[required("p_budgets", PgType::Jsonb), optional("p_user_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(budgets::report),
    },
    Function {
        name: "count_lapsed_usage",
        parameters: &[optional("p_user_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(lapsed::count_lapsed_usage),
    },
    Function {
        name: "release_leases",
        parameters: &[required("p_server", PgType::Text)],
        body: FunctionBody::Jsonb(lapsed::release_leases),
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
        body: FunctionBody::Report(usage_statistics::usage_statistics),
    },
    Function {
        name: "chat_statistics",
        parameters: &[
            optional("p_from", PgType::Timestamptz),
            optional("p_to", PgType::Timestamptz),
            optional("p_time_zone", PgType::Text),
            optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Report(chat_statistics::chat_statistics),
    },
    Function {
        name: "record_events",
        parameters: &[required("p_events", PgType::Jsonb), optional("p_user_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(record_events::record_events),
    },
    Function {
        name: "list_tool_functions",
        parameters: &[],
        body: FunctionBody::Report(tool_functions::list_tool_functions),
    },
    Function {
        name: "schema_report",
        parameters: &[],
        body: FunctionBody::Jsonb(schema_report::schema_report),
    },
    Function {
        name: "describe_schema",
        parameters: &[optional("p_names", PgType::Jsonb)],
        body: FunctionBody::Report(describe_schema::describe_schema),
    },
    Function {
        name: "describe_environment",
        parameters: &[optional("p_names", PgType::Jsonb)],
        body: FunctionBody::Report(describe_schema::describe_environment),
    },
    Function {
        name: "tool_token",
        parameters: &[required("p_source", PgType::Text)],
        body: FunctionBody::Report(tool_tokens::tool_token),
    },
    Function {
        name: "save_tool_token",
        parameters: &[
            required("p_source", PgType::Text),
            optional("p_sealed", PgType::Text),
            optional("p_run", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(tool_tokens::save_tool_token),
    },
    Function {
        name: "claim_tool_refresh",
        parameters: &[
            required("p_source", PgType::Text),
            required("p_version", PgType::Bigint),
            required("p_run", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(tool_tokens::claim_tool_refresh),
    },
    Function {
        name: "begin_account_deletion",
        parameters: &[required("p_user_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(accounts::begin_account_deletion),
    },
    Function {
        name: "delete_account_rows",
        parameters: &[required("p_user_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(accounts::delete_account_rows),
    },
    Function {
        name: "end_account_deletion",
        parameters: &[required("p_user_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(accounts::end_account_deletion),
    },
    Function {
        name: "claim_account_deletions",
        parameters: &[],
        body: FunctionBody::Jsonb(accounts::claim_account_deletions),
    },
    Function {
        name: "usage_of_all_users",
        parameters: &[
            required("p_operator", PgType::Uuid),
            optional("p_from", PgType::Timestamptz),
            optional("p_to", PgType::Timestamptz),
            optional("p_interval", PgType::Text),
            optional("p_group_by", PgType::Text),
            optional("p_time_zone", PgType::Text),
        ],
        body: FunctionBody::Report(usage_statistics::usage_of_all_users),
    },
    Function {
        name: "save_passages",
        parameters: &[
            required("p_file_id", PgType::Uuid),
            required("p_sha256", PgType::Text),
            required("p_name", PgType::Text),
            required("p_version", PgType::Integer),
            required("p_status", PgType::Text),
            required("p_passages", PgType::Jsonb),
            optional("p_note", PgType::Text),
        ],
        body: FunctionBody::Jsonb(passages::save_passages),
    },
    Function {
        name: "search_passages",
        parameters: &[
            required("p_words", PgType::Jsonb),
            optional("p_limit", PgType::Integer),
            optional("p_chat_id", PgType::Uuid),
            optional("p_file_id", PgType::Uuid),
        ],
        body: FunctionBody::Report(passages::search_passages),
    },
    Function {
        name: "unindexed_files",
        parameters: &[required("p_version", PgType::Integer), optional("p_limit", PgType::Integer)],
        body: FunctionBody::Report(passages::unindexed_files),
    },
];

const fn required(name: &'static str, pg_type: PgType) -> Parameter {
    Parameter::required(name, pg_type)
}

const fn optional(name: &'static str, pg_type: PgType) -> Parameter {
    Parameter::optional(name, pg_type)
}
