-- The tables of every project: users, sessions, refresh tokens, buckets and objects. Times are
-- microseconds since 1970. This runs at each start, so it makes only what is not there.

create table if not exists auth_users (
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

create index if not exists auth_users_created_at on auth_users (created_at);

create table if not exists auth_identities (
    id text primary key,
    user_id text not null references auth_users (id) on delete cascade,
    provider text not null,
    identity_data text not null check (json_type(identity_data) = 'object'),
    last_sign_in_at integer,
    created_at integer not null,
    updated_at integer not null,
    unique (user_id, provider)
) strict;

create table if not exists auth_sessions (
    id text primary key,
    user_id text not null references auth_users (id) on delete cascade,
    method text not null check (method in ('password', 'anonymous')),
    created_at integer not null
) strict;

create index if not exists auth_sessions_user_id on auth_sessions (user_id);

-- A token is known by its digest. Its successor is computed from the token itself, which only the
-- client has, and the successor's seed. The first one of a session has no seed.
create table if not exists auth_refresh_tokens (
    id integer primary key autoincrement,
    session_id text not null references auth_sessions (id) on delete cascade,
    digest blob not null unique,
    parent_id integer references auth_refresh_tokens (id) on delete set null,
    seed blob,
    revoked_at integer,
    created_at integer not null
) strict;

create index if not exists auth_refresh_tokens_session_id on auth_refresh_tokens (session_id);
create index if not exists auth_refresh_tokens_parent_id on auth_refresh_tokens (parent_id);

create table if not exists storage_buckets (
  id text not null primary key,
  name text not null unique,
  public integer not null default 0,
  file_size_limit integer,
  allowed_mime_types text check (json_type(allowed_mime_types) = 'array'),
  created_at integer not null default (clock_timestamp()),
  updated_at integer not null default (clock_timestamp())
) strict;

-- The bytes lie in a file that is named after the version.
create table if not exists storage_objects (
  id text not null primary key default (gen_random_uuid()),
  bucket_id text not null references storage_buckets (id),
  name text not null,
  owner_id text,
  version text not null unique,
  size integer not null,
  etag text not null,
  mimetype text not null,
  cache_control text not null,
  user_metadata text not null default '{}' check (json_type(user_metadata) = 'object'),
  created_at integer not null default (clock_timestamp()),
  updated_at integer not null default (clock_timestamp()),
  unique (bucket_id, name)
) strict;

-- Which migrations have been applied, and how the tables were made that they describe.
create table if not exists local_migrations (
  position integer primary key,
  file text not null unique,
  sha256 text not null,
  is_own integer not null check (is_own in (0, 1)),
  applied_at integer not null default (clock_timestamp())
) strict;

create table if not exists local_tables (
  id integer primary key,
  name text not null,
  sql text not null,
  columns text not null
) strict;

create table if not exists local_state (
  name text primary key,
  value text not null
) strict;

create table if not exists local_sequences (
  name text primary key,
  last_value integer not null,
  increment integer not null
) strict;
