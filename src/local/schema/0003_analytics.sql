-- What supabase/migrations/…_analytics.sql and …_daily_tokens.sql describe.

drop index usage_logs_user_created_idx;
create index usage_logs_user_created_idx on usage_logs
  (user_id, created_at, id, operation, provider, model, input_tokens, output_tokens,
    cached_input_tokens, reasoning_tokens, cost_usd, latency_ms, time_to_first_token_ms, status,
    error_code);
drop index messages_user_created_idx;
create index messages_user_created_idx on messages (user_id, created_at, role, is_active, model);
create index chats_user_created_idx on chats (user_id, created_at, is_archived, is_bookmarked);

-- In the schema private: no request reaches it.
create table token_reservations (
  run_id text primary key,
  user_id text not null references auth_users (id) on delete cascade,
  tokens integer not null check (tokens >= 0),
  used_tokens integer not null default 0 check (used_tokens >= 0),
  lease_expires_at integer not null
) strict;

create index token_reservations_user_idx on token_reservations (user_id);
