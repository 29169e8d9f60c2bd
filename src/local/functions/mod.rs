//! The functions of `supabase/migrations`, in Rust.

pub mod accounts;
mod acting_user;
mod add_calls;
mod begin_call;
mod begin_generation;
mod begin_result;
mod budgets;
mod call_outcomes;
mod call_row;
mod call_runs;
mod candidates;
mod chat_statistics;
mod chats;
mod continue_generation;
mod decimal_sum;
mod decisions;
mod describe_schema;
mod files;
mod lapsed;
mod message_json;
mod message_row;
mod passages;
mod paths;
mod question;
mod queue;
mod record_events;
mod request_stop;
mod reservations;
mod reserve_tokens;
mod save_checkpoints;
mod save_generation;
mod saved_answer;
mod schema_report;
mod search;
mod select_message;
mod take_over;
mod time_buckets;
mod token_counts;
mod tool_calls;
mod tool_functions;
mod tool_tokens;
mod unread;
mod usage;
mod usage_statistics;

use crate::local_supabase::functions::{Function, FunctionBody, Parameter};
use crate::local_supabase::schema::PgType;

/// Every function that can be called.
pub static FUNCTIONS: &[Function] = &[
    Function {
        name: "search_chats",
        parameters: &[Parameter::required("q", PgType::Text)],
        body: FunctionBody::Search("chats", search::chats),
    },
    Function {
        name: "toggle_chat",
        parameters: &[
            Parameter::required("p_chat_id", PgType::Uuid),
            Parameter::required("p_column", PgType::Text),
        ],
        body: FunctionBody::SetOf("chats", chats::toggle_chat),
    },
    Function {
        name: "begin_generation",
        parameters: &[
            Parameter::required("p_chat_id", PgType::Uuid),
            Parameter::required("p_run", PgType::Uuid),
            Parameter::required("p_message_id", PgType::Uuid),
            Parameter::optional("p_action", PgType::Text),
            Parameter::optional("p_user_message", PgType::Jsonb),
            Parameter::optional("p_regenerate", PgType::Uuid),
            Parameter::optional("p_model", PgType::Text),
            Parameter::optional("p_default_model", PgType::Text),
            Parameter::optional("p_create_chat", PgType::Jsonb),
            Parameter::optional("p_reserve", PgType::Jsonb),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(begin_generation::begin_generation),
    },
    Function {
        name: "save_generation",
        parameters: &[
            Parameter::required("p_message_id", PgType::Uuid),
            Parameter::required("p_run", PgType::Uuid),
            Parameter::required("p_chat_id", PgType::Uuid),
            Parameter::optional("p_content", PgType::Text),
            Parameter::optional("p_parts", PgType::Jsonb),
            Parameter::optional("p_model", PgType::Text),
            Parameter::optional("p_metadata", PgType::Jsonb),
            Parameter::optional("p_usage", PgType::Jsonb),
            Parameter::optional("p_cost_usd", PgType::NUMERIC),
            Parameter::optional("p_end", PgType::Jsonb),
            Parameter::optional("p_reserve", PgType::Jsonb),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(save_generation::save_generation),
    },
    Function {
        name: "save_checkpoints",
        parameters: &[Parameter::required("p_checkpoints", PgType::Jsonb)],
        body: FunctionBody::Jsonb(save_checkpoints::save_checkpoints),
    },
    Function {
        name: "follow_answer",
        parameters: &[
            Parameter::required("p_message_id", PgType::Uuid),
            Parameter::required("p_after", PgType::Bigint),
        ],
        body: FunctionBody::Jsonb(save_checkpoints::follow_answer),
    },
    Function {
        name: "take_over_generation",
        parameters: &[
            Parameter::required("p_chat_id", PgType::Uuid),
            Parameter::required("p_message_id", PgType::Uuid),
            Parameter::required("p_run", PgType::Uuid),
            Parameter::required("p_next_run", PgType::Uuid),
            Parameter::optional("p_reserve", PgType::Jsonb),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(take_over::take_over_generation),
    },
    Function {
        name: "search_files",
        parameters: &[Parameter::required("q", PgType::Text)],
        body: FunctionBody::Search("files", search::files),
    },
    Function {
        name: "begin_file",
        parameters: &[
            Parameter::required("p_id", PgType::Uuid),
            Parameter::required("p_upload_id", PgType::Uuid),
            Parameter::required("p_name", PgType::Text),
            Parameter::required("p_quota", PgType::Bigint),
            Parameter::required("p_max_files", PgType::Bigint),
        ],
        body: FunctionBody::Jsonb(files::begin_file),
    },
    Function {
        name: "finish_file",
        parameters: &[
            Parameter::required("p_id", PgType::Uuid),
            Parameter::required("p_upload_id", PgType::Uuid),
            Parameter::required("p_name", PgType::Text),
            Parameter::required("p_media_type", PgType::Text),
            Parameter::required("p_size", PgType::Bigint),
            Parameter::required("p_sha256", PgType::Text),
            Parameter::required("p_quota", PgType::Bigint),
            Parameter::optional("p_chat_id", PgType::Uuid),
            Parameter::optional("p_metadata", PgType::Jsonb),
        ],
        body: FunctionBody::Jsonb(files::finish_file),
    },
    Function {
        name: "request_stop",
        parameters: &[
            Parameter::required("p_chat_id", PgType::Uuid),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(request_stop::request_stop),
    },
    Function {
        name: "mark_answer_read",
        parameters: &[Parameter::required("p_message_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(unread::mark_answer_read),
    },
    Function {
        name: "answer_to_resume",
        parameters: &[Parameter::required("p_chat_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(unread::answer_to_resume),
    },
    Function {
        name: "queued_messages",
        parameters: &[Parameter::required("p_chat_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(queue::queued_messages),
    },
    Function {
        name: "select_message",
        parameters: &[Parameter::required("p_message_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(select_message::select_message),
    },
    Function {
        name: "answer_tool_calls",
        parameters: &[
            Parameter::required("p_chat_id", PgType::Uuid),
            Parameter::required("p_outcomes", PgType::Jsonb),
            Parameter::optional("p_message_id", PgType::Uuid),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(tool_calls::answer_tool_calls),
    },
    Function {
        name: "continue_generation",
        parameters: &[
            Parameter::required("p_chat_id", PgType::Uuid),
            Parameter::required("p_message_id", PgType::Uuid),
            Parameter::required("p_run", PgType::Uuid),
            Parameter::optional("p_model", PgType::Text),
            Parameter::optional("p_reserve", PgType::Jsonb),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(continue_generation::continue_generation),
    },
    Function {
        name: "find_tool_call",
        parameters: &[
            Parameter::required("p_chat_id", PgType::Uuid),
            Parameter::required("p_call", PgType::Text),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Report(decisions::find_tool_call),
    },
    Function {
        name: "pending_tool_calls",
        parameters: &[
            Parameter::optional("p_limit", PgType::Bigint),
            Parameter::optional("p_after", PgType::Uuid),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Report(decisions::pending_tool_calls),
    },
    Function {
        name: "decide_tool_call",
        parameters: &[
            Parameter::required("p_chat_id", PgType::Uuid),
            Parameter::required("p_call", PgType::Text),
            Parameter::required("p_approved", PgType::Boolean),
            Parameter::optional("p_reason", PgType::Text),
            Parameter::optional("p_digest", PgType::Text),
            Parameter::optional("p_edit", PgType::Jsonb),
            Parameter::optional("p_grant_seal", PgType::Text),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(decisions::decide_tool_call),
    },
    Function {
        name: "tool_grants",
        parameters: &[
            Parameter::required("p_chat_id", PgType::Uuid),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Report(decisions::tool_grants),
    },
    Function {
        name: "claim_tool_call",
        parameters: &[
            Parameter::required("p_message_id", PgType::Uuid),
            Parameter::required("p_run", PgType::Uuid),
            Parameter::required("p_call_id", PgType::Text),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(call_runs::claim_tool_call),
    },
    Function {
        name: "finish_tool_call",
        parameters: &[
            Parameter::required("p_message_id", PgType::Uuid),
            Parameter::required("p_run", PgType::Uuid),
            Parameter::required("p_call_id", PgType::Text),
            Parameter::required("p_state", PgType::Text),
            Parameter::required("p_outcome", PgType::Jsonb),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(call_runs::finish_tool_call),
    },
    Function {
        name: "reserve_tokens",
        parameters: &[
            Parameter::required("p_run", PgType::Uuid),
            Parameter::required("p_reserve", PgType::Jsonb),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(reserve_tokens::reserve_tokens),
    },
    Function {
        name: "budgets",
        parameters: &[
            Parameter::required("p_budgets", PgType::Jsonb),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(budgets::report),
    },
    Function {
        name: "count_lapsed_usage",
        parameters: &[Parameter::optional("p_user_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(lapsed::count_lapsed_usage),
    },
    Function {
        name: "release_leases",
        parameters: &[Parameter::required("p_server", PgType::Text)],
        body: FunctionBody::Jsonb(lapsed::release_leases),
    },
    Function {
        name: "usage_statistics",
        parameters: &[
            Parameter::optional("p_from", PgType::Timestamptz),
            Parameter::optional("p_to", PgType::Timestamptz),
            Parameter::optional("p_interval", PgType::Text),
            Parameter::optional("p_group_by", PgType::Text),
            Parameter::optional("p_time_zone", PgType::Text),
            Parameter::optional("p_daily_token_limit", PgType::Bigint),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Report(usage_statistics::usage_statistics),
    },
    Function {
        name: "chat_statistics",
        parameters: &[
            Parameter::optional("p_from", PgType::Timestamptz),
            Parameter::optional("p_to", PgType::Timestamptz),
            Parameter::optional("p_time_zone", PgType::Text),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
        body: FunctionBody::Report(chat_statistics::chat_statistics),
    },
    Function {
        name: "record_events",
        parameters: &[
            Parameter::required("p_events", PgType::Jsonb),
            Parameter::optional("p_user_id", PgType::Uuid),
        ],
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
        parameters: &[Parameter::optional("p_names", PgType::Jsonb)],
        body: FunctionBody::Report(describe_schema::describe_schema),
    },
    Function {
        name: "describe_environment",
        parameters: &[Parameter::optional("p_names", PgType::Jsonb)],
        body: FunctionBody::Report(describe_schema::describe_environment),
    },
    Function {
        name: "tool_token",
        parameters: &[Parameter::required("p_source", PgType::Text)],
        body: FunctionBody::Report(tool_tokens::tool_token),
    },
    Function {
        name: "save_tool_token",
        parameters: &[
            Parameter::required("p_source", PgType::Text),
            Parameter::optional("p_sealed", PgType::Text),
            Parameter::optional("p_run", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(tool_tokens::save_tool_token),
    },
    Function {
        name: "claim_tool_refresh",
        parameters: &[
            Parameter::required("p_source", PgType::Text),
            Parameter::required("p_version", PgType::Bigint),
            Parameter::required("p_run", PgType::Uuid),
        ],
        body: FunctionBody::Jsonb(tool_tokens::claim_tool_refresh),
    },
    Function {
        name: "begin_account_deletion",
        parameters: &[Parameter::required("p_user_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(accounts::begin_account_deletion),
    },
    Function {
        name: "delete_account_rows",
        parameters: &[Parameter::required("p_user_id", PgType::Uuid)],
        body: FunctionBody::Jsonb(accounts::delete_account_rows),
    },
    Function {
        name: "end_account_deletion",
        parameters: &[Parameter::required("p_user_id", PgType::Uuid)],
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
            Parameter::required("p_operator", PgType::Uuid),
            Parameter::optional("p_from", PgType::Timestamptz),
            Parameter::optional("p_to", PgType::Timestamptz),
            Parameter::optional("p_interval", PgType::Text),
            Parameter::optional("p_group_by", PgType::Text),
            Parameter::optional("p_time_zone", PgType::Text),
        ],
        body: FunctionBody::Report(usage_statistics::usage_of_all_users),
    },
    Function {
        name: "save_passages",
        parameters: &[
            Parameter::required("p_file_id", PgType::Uuid),
            Parameter::required("p_sha256", PgType::Text),
            Parameter::required("p_name", PgType::Text),
            Parameter::required("p_version", PgType::Integer),
            Parameter::required("p_status", PgType::Text),
            Parameter::required("p_passages", PgType::Jsonb),
            Parameter::optional("p_note", PgType::Text),
        ],
        body: FunctionBody::Jsonb(passages::save_passages),
    },
    Function {
        name: "search_passages",
        parameters: &[
            Parameter::required("p_words", PgType::Jsonb),
            Parameter::optional("p_limit", PgType::Integer),
            Parameter::optional("p_chat_id", PgType::Uuid),
            Parameter::optional("p_file_id", PgType::Uuid),
        ],
        body: FunctionBody::Report(passages::search_passages),
    },
    Function {
        name: "unindexed_files",
        parameters: &[
            Parameter::required("p_version", PgType::Integer),
            Parameter::optional("p_limit", PgType::Integer),
        ],
        body: FunctionBody::Report(passages::unindexed_files),
    },
];
