-- Users, sessions and refresh tokens of the local Supabase. Times are microseconds since 1970.

create table auth_users (
    id text primary key,
    role text not null,
    email text collate nocase unique,
    password_hash text,
    email_confirmed_at integer,
    last_sign_in_at integer,
    app_metadata text not null check (json_type(app_metadata) = 'object'),
    user_metadata text not null check (json_type(user_metadata) = 'object'),
    is_anonymous integer not null check (is_anonymous in (0, 1)),
    banned_until integer,
    created_at integer not null,
    updated_at integer not null
) strict;

create index auth_users_created_at on auth_users (created_at);

create table auth_identities (
    id text primary key,
    user_id text not null references auth_users (id) on delete cascade,
    provider text not null,
    identity_data text not null check (json_type(identity_data) = 'object'),
    last_sign_in_at integer,
    created_at integer not null,
    updated_at integer not null,
    unique (user_id, provider)
) strict;

create table auth_sessions (
    id text primary key,
    user_id text not null references auth_users (id) on delete cascade,
    method text not null check (method in ('password', 'anonymous')),
    created_at integer not null
) strict;

create index auth_sessions_user_id on auth_sessions (user_id);

-- A token is known by its digest. Its successor is computed from the token itself, which only the
-- client has, and the successor's seed. The first one of a session has no seed.
create table auth_refresh_tokens (
    id integer primary key autoincrement,
    session_id text not null references auth_sessions (id) on delete cascade,
    digest blob not null unique,
    parent_id integer references auth_refresh_tokens (id) on delete set null,
    seed blob,
    revoked_at integer,
    created_at integer not null
) strict;

create index auth_refresh_tokens_session_id on auth_refresh_tokens (session_id);
create index auth_refresh_tokens_parent_id on auth_refresh_tokens (parent_id);
