insert into auth_users (
    id, role, email, password_hash, email_confirmed_at, last_sign_in_at,
    app_metadata, user_metadata, is_anonymous, banned_until, created_at, updated_at
)
values (
    :id, :role, nullif(:email, ''), :password_hash, :email_confirmed_at, :last_sign_in_at,
    :app_metadata, :user_metadata, :is_anonymous, :banned_until, :created_at, :updated_at
)
on conflict (id) do update set
    role = excluded.role,
    email = excluded.email,
    password_hash = excluded.password_hash,
    email_confirmed_at = excluded.email_confirmed_at,
    last_sign_in_at = excluded.last_sign_in_at,
    app_metadata = excluded.app_metadata,
    user_metadata = excluded.user_metadata,
    is_anonymous = excluded.is_anonymous,
    banned_until = excluded.banned_until,
    updated_at = excluded.updated_at
