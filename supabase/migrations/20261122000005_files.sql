-- Files: the table, the functions that count against a user's quota, the Storage bucket.
--
-- The bytes of a file lie in the bucket "files" under <user_id>/<file_id>. The row comes first and
-- goes last, so that whatever breaks off in between is found by its row: "uploading" until the bytes
-- are there (its lease says whether somebody is still at work), "ready", "deleting" until the bytes
-- are gone.

create table public.files (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid()
    constraint files_user_fkey references auth.users (id) on delete cascade,
  chat_id uuid,
  name text not null
    constraint files_name_check check (char_length(name) between 1 and 255),
  media_type text not null default 'application/octet-stream'
    constraint files_media_type_check check (char_length(media_type) between 1 and 255),
  size bigint not null default 0
    constraint files_size_check check (size >= 0),
  sha256 text
    constraint files_sha256_check check (sha256 ~ '^[0-9a-f]{64}$'),
  metadata jsonb not null default '{}'
    constraint files_metadata_check
      check (jsonb_typeof(metadata) = 'object' and octet_length(metadata::text) <= 65536),
  status text not null default 'uploading'
    constraint files_status_check check (status in ('uploading', 'ready', 'deleting')),
  -- Which attempt to upload owns the row.
  upload_id uuid,
  lease_expires_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint files_ready_check check (status <> 'ready' or sha256 is not null),
  constraint files_chat_fkey foreign key (chat_id, user_id)
    references public.chats (id, user_id) on delete set null (chat_id)
);

create index files_user_created_idx on public.files (user_id, created_at desc, id desc);
create index files_chat_idx on public.files (chat_id);
create index files_unfinished_idx on public.files (user_id) where status <> 'ready';

create trigger files_set_updated_at before update on public.files
  for each row execute function private.set_updated_at();

alter table public.files enable row level security;

create policy files_select on public.files for select to authenticated
  using ((select auth.uid()) = user_id);
create policy files_insert on public.files for insert to authenticated
  with check ((select auth.uid()) = user_id);
create policy files_update on public.files for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy files_delete on public.files for delete to authenticated
  using ((select auth.uid()) = user_id);

revoke all on public.files from anon;
revoke all on public.files from authenticated;
grant select, insert, update, delete on public.files to authenticated;
grant all on public.files to service_role;

-- Files whose name contains q: literal, case-insensitive.
create function public.search_files(q text) returns setof public.files
  language sql stable
  begin atomic
    select f.* from public.files f where strpos(lower(f.name), lower(q)) > 0;
  end;

-- Claims an id for an upload, for a minute; the one who uploads calls again to renew it.
-- Answers {"answer", "room"}:
--   started    the row is there; room is how many bytes the user may still store
--   exists     the id is a file of the user's
--   busy       somebody is uploading it, or deleting it
--   conflict   the id is somebody else's
--   too_many   the user has as many files as they may
create function public.begin_file(
  p_id uuid, p_upload_id uuid, p_name text, p_quota bigint, p_max_files bigint
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := auth.uid();
  v_lease constant timestamptz := clock_timestamp() + interval '1 minute';
  v_count bigint;
  v_bytes bigint;
  f public.files;
begin
  -- One upload of a user's at a time begins or ends, so that none overlooks another.
  perform pg_advisory_xact_lock(hashtextextended('files ' || v_user::text, 0));
  select * into f from public.files where id = p_id and user_id = v_user;
  if found and f.status = 'ready' then
    return jsonb_build_object('answer', 'exists');
  end if;
  if found and (f.status = 'deleting'
    or f.lease_expires_at > clock_timestamp() and f.upload_id is distinct from p_upload_id) then
    return jsonb_build_object('answer', 'busy');
  end if;
  select count(*), coalesce(sum(size), 0) into v_count, v_bytes
    from public.files where user_id = v_user and id <> p_id;
  if v_count >= p_max_files then
    return jsonb_build_object('answer', 'too_many');
  end if;
  if f.id is not null then
    update public.files
      set upload_id = p_upload_id, lease_expires_at = v_lease, name = p_name
      where id = p_id and user_id = v_user;
  else
    insert into public.files (id, user_id, name, upload_id, lease_expires_at)
      values (p_id, v_user, p_name, p_upload_id, v_lease)
      on conflict do nothing;
    if not found then
      return jsonb_build_object('answer', 'conflict');
    end if;
  end if;
  return jsonb_build_object('answer', 'started', 'room', greatest(p_quota - v_bytes, 0));
end;
$$;

-- Ends an upload whose bytes are in Storage. Answers {"answer"}:
--   stored       the file is ready
--   over_quota   it would be more than the user may store
--   lost         another attempt has taken the id over, or the row is gone
--   no_chat      the chat is not the user's
create function public.finish_file(
  p_id uuid, p_upload_id uuid, p_name text, p_media_type text, p_size bigint, p_sha256 text,
  p_quota bigint, p_chat_id uuid default null, p_metadata jsonb default '{}'
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := auth.uid();
  v_bytes bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended('files ' || v_user::text, 0));
  if p_chat_id is not null
    and not exists (select 1 from public.chats where id = p_chat_id and user_id = v_user) then
    return jsonb_build_object('answer', 'no_chat');
  end if;
  select coalesce(sum(size), 0) into v_bytes
    from public.files where user_id = v_user and id <> p_id;
  if v_bytes + p_size > p_quota then
    return jsonb_build_object('answer', 'over_quota');
  end if;
  update public.files
    set status = 'ready', lease_expires_at = null, name = p_name, media_type = p_media_type,
        size = p_size, sha256 = p_sha256, chat_id = p_chat_id, metadata = p_metadata
    where id = p_id and user_id = v_user and upload_id = p_upload_id
      and status in ('uploading', 'ready');
  if not found then
    return jsonb_build_object('answer', 'lost');
  end if;
  return jsonb_build_object('answer', 'stored');
end;
$$;

revoke execute on function public.search_files(text) from public, anon;
revoke execute on function public.begin_file(uuid, uuid, text, bigint, bigint) from public, anon;
revoke execute on function public.finish_file(
  uuid, uuid, text, text, bigint, text, bigint, uuid, jsonb) from public, anon;
grant execute on function public.search_files(text) to authenticated, service_role;
grant execute on function public.begin_file(uuid, uuid, text, bigint, bigint)
  to authenticated, service_role;
grant execute on function public.finish_file(
  uuid, uuid, text, text, bigint, text, bigint, uuid, jsonb) to authenticated, service_role;

---------------------------------------------------------------------------------------- storage

-- A private bucket in which each user reaches what lies under their own id. A PostgreSQL without
-- Supabase Storage has no such schema, and needs none.
do $$
begin
  if to_regclass('storage.objects') is null then
    return;
  end if;
  insert into storage.buckets (id, name, public) values ('files', 'files', false)
    on conflict (id) do nothing;
  create policy files_objects_select on storage.objects for select to authenticated
    using (bucket_id = 'files' and split_part(name, '/', 1) = (select auth.uid())::text);
  create policy files_objects_insert on storage.objects for insert to authenticated
    with check (bucket_id = 'files' and split_part(name, '/', 1) = (select auth.uid())::text);
  create policy files_objects_update on storage.objects for update to authenticated
    using (bucket_id = 'files' and split_part(name, '/', 1) = (select auth.uid())::text)
    with check (bucket_id = 'files' and split_part(name, '/', 1) = (select auth.uid())::text);
  create policy files_objects_delete on storage.objects for delete to authenticated
    using (bucket_id = 'files' and split_part(name, '/', 1) = (select auth.uid())::text);
end;
$$;
