-- Search over the text of files. ARCHITECTURE.md ("Search over files") says why it is as it is.
--
-- The server reads the text of a file, divides it into passages, and sends with each the words by which it is
-- found: in lower case, without accents, reduced to their stems. So the database needs to know no language.
-- Users only read these tables; what writes them are functions, which keep them in bounds.

create table public.passages (
  file_id uuid not null constraint passages_file_fkey references public.files (id) on delete cascade,
  ordinal integer not null constraint passages_ordinal_check check (ordinal between 0 and 1999),
  user_id uuid not null default auth.uid()
    constraint passages_user_fkey references auth.users (id) on delete cascade,
  page integer constraint passages_page_check check (page > 0),
  first_line integer constraint passages_first_line_check check (first_line > 0),
  last_line integer constraint passages_last_line_check check (last_line >= first_line),
  content text not null
    constraint passages_content_check check (char_length(content) between 1 and 4000),
  -- Separated by spaces. None has a hyphen, so none can be taken for the id of a user (see the index).
  words text not null
    constraint passages_words_check check (char_length(words) <= 16000 and strpos(words, '-') = 0),
  constraint passages_pkey primary key (file_id, ordinal)
);

create index passages_user_idx on public.passages (user_id);
-- The id of the user counts as one of the words, so that nobody's search reads what others have.
create index passages_words_idx on public.passages
  using gin (array_append(string_to_array(words, ' '), user_id::text));

-- What is known of the text of a file. A file without a row is still to be read.
create table public.indexed_files (
  file_id uuid constraint indexed_files_pkey primary key
    constraint indexed_files_file_fkey references public.files (id) on delete cascade,
  user_id uuid not null default auth.uid()
    constraint indexed_files_user_fkey references auth.users (id) on delete cascade,
  -- Of what file, by which version of the server's rules: another one is read again.
  sha256 text not null constraint indexed_files_sha256_check check (sha256 ~ '^[0-9a-f]{64}$'),
  name text not null constraint indexed_files_name_check check (char_length(name) between 1 and 255),
  version integer not null,
  -- full: its user has as many passages as they may have; it is read when there is room again.
  status text not null
    constraint indexed_files_status_check check (status in ('indexed', 'no_text', 'full')),
  -- Why there is no text, or not all of it.
  note text constraint indexed_files_note_check check (char_length(note) between 1 and 500),
  -- How many passages it has, or would have, and how many words they have together.
  passages integer not null constraint indexed_files_passages_check check (passages between 0 and 2000),
  word_count bigint not null constraint indexed_files_word_count_check check (word_count >= 0),
  indexed_at timestamptz not null default clock_timestamp()
);

create index indexed_files_user_idx on public.indexed_files (user_id);

alter table public.passages enable row level security;
alter table public.indexed_files enable row level security;

create policy passages_select on public.passages for select to authenticated
  using ((select auth.uid()) = user_id);
create policy passages_account on public.passages as restrictive for all to authenticated
  using ((select private.current_account()) = user_id);
create policy indexed_files_select on public.indexed_files for select to authenticated
  using ((select auth.uid()) = user_id);
create policy indexed_files_account on public.indexed_files as restrictive for all to authenticated
  using ((select private.current_account()) = user_id);

revoke all on public.passages from anon;
revoke all on public.passages from authenticated;
revoke all on public.indexed_files from anon;
revoke all on public.indexed_files from authenticated;
grant select on public.passages to authenticated;
grant select on public.indexed_files to authenticated;
grant all on public.passages to service_role;
grant all on public.indexed_files to service_role;

-- Puts these passages in the place of what there is of a file of the caller's. Answers {"answer"}:
--   stored    the file is indexed
--   full      the caller would have more than 20,000 passages; the file has none
--   gone      there is no such file, or it is another one by now
create function private.store_passages(
  p_file_id uuid, p_sha256 text, p_name text, p_version integer, p_status text, p_note text,
  p_passages jsonb
) returns jsonb
  language plpgsql security definer set search_path = '' as $$
declare
  v_user constant uuid := private.current_account();
  v_status text := p_status;
  v_others bigint;
begin
  if jsonb_typeof(p_passages) is distinct from 'array' or jsonb_array_length(p_passages) > 2000
    or p_status is null or p_status not in ('indexed', 'no_text') then
    raise exception 'a file has a status and at most 2000 passages' using errcode = '22023';
  end if;
  -- One file of a user's at a time, so that none overlooks another.
  perform pg_advisory_xact_lock(hashtextextended('passages ' || v_user::text, 0));
  perform 1 from public.files
    where id = p_file_id and user_id = v_user and status = 'ready' and sha256 = p_sha256
      and name = p_name
    for key share;
  if not found then
    return jsonb_build_object('answer', 'gone');
  end if;
  select coalesce(sum(passages), 0) into v_others from public.indexed_files
    where user_id = v_user and status = 'indexed' and file_id <> p_file_id;
  if v_others + jsonb_array_length(p_passages) > 20000 then
    v_status := 'full';
  end if;
  delete from public.passages where file_id = p_file_id and user_id = v_user;
  if v_status = 'indexed' then
    insert into public.passages
        (file_id, ordinal, user_id, page, first_line, last_line, content, words)
      select p_file_id, p.ordinality - 1, v_user, (p.passage ->> 'page')::integer,
          (p.passage ->> 'first_line')::integer, (p.passage ->> 'last_line')::integer,
          p.passage ->> 'content', p.passage ->> 'words'
        from jsonb_array_elements(p_passages) with ordinality as p (passage, ordinality);
  end if;
  insert into public.indexed_files as i
      (file_id, user_id, sha256, name, version, status, note, passages, word_count)
    values (p_file_id, v_user, p_sha256, p_name, p_version, v_status, p_note,
      jsonb_array_length(p_passages),
      (select coalesce(sum(cardinality(string_to_array(p.passage ->> 'words', ' '))), 0)
        from jsonb_array_elements(p_passages) as p (passage)))
    on conflict (file_id) do update
      set user_id = excluded.user_id, sha256 = excluded.sha256, name = excluded.name,
        version = excluded.version, status = excluded.status, note = excluded.note,
        passages = excluded.passages, word_count = excluded.word_count,
        indexed_at = clock_timestamp();
  return jsonb_build_object('answer', case v_status when 'full' then 'full' else 'stored' end);
end;
$$;

-- The passages of a user that have one of these forms, by the index alone: seen from within a larger query,
-- PostgreSQL would rather read all that the user has. Nobody calls it but find_passages.
create function private.passages_with(p_user text, p_forms text[])
  returns table (found_file uuid, found_ordinal integer)
  language plpgsql stable set search_path = '' set enable_seqscan = off as $$
begin
  return query
    select p.file_id, p.ordinal from public.passages p
      where array_append(string_to_array(p.words, ' '), p.user_id::text) @> array[p_user]
        and array_append(string_to_array(p.words, ' '), p.user_id::text) && p_forms
        -- Not by the index of user_id.
        and p.user_id::text = p_user;
end;
$$;

-- The caller's passages that have one of these words, best first: by BM25, which counts a word the more the
-- fewer passages have it. p_words has an array for each word that was asked for, with the forms that count
-- as that word. How often a word is in a passage is looked at only in the 1,000 passages that are most
-- likely to fit; which these are, the index tells. With the rights of its owner, because under row-level
-- security PostgreSQL could not use the index of words; it looks at the caller's rows alone.
create function private.find_passages(
  p_words jsonb, p_limit integer, p_chat_id uuid, p_file_id uuid
) returns table (found_file uuid, found_ordinal integer, found_score numeric)
  language plpgsql stable security definer set search_path = '' set jit = off as $$
declare
  v_user constant text := auth.uid()::text;
  v_passages double precision;
  v_length double precision;
begin
  if jsonb_array_length(p_words) > 24 or (
      select count(*) from jsonb_array_elements(p_words) as word, jsonb_array_elements_text(word)
    ) > 200 then
    raise exception 'at most 24 words with 200 forms together' using errcode = '22023';
  end if;
  select sum(i.passages), sum(i.word_count) / greatest(sum(i.passages), 1)
    into v_passages, v_length
    from public.indexed_files i where i.user_id = v_user::uuid and i.status = 'indexed';
  return query
    with asked as materialized (
      select w.number, array(select jsonb_array_elements_text(w.forms)) as forms
        from jsonb_array_elements(p_words) with ordinality as w (forms, number)
    ), readable as materialized (
      select f.id from public.files f
        where f.user_id = v_user::uuid and f.status = 'ready'
          and (p_chat_id is null or f.chat_id = p_chat_id)
          and (p_file_id is null or f.id = p_file_id)
    ), hits as materialized (
      select a.number, h.found_file as file_id, h.found_ordinal as ordinal
        from asked a cross join private.passages_with(v_user, a.forms) h
        where h.found_file in (select r.id from readable r)
    ), weights as materialized (
      select h.number, ln(1 + (greatest(v_passages - count(*), 0) + 0.5) / (count(*) + 0.5)) as weight
        from hits h group by h.number
    ), likely as materialized (
      select h.file_id, h.ordinal
        from hits h join weights w on w.number = h.number
        group by h.file_id, h.ordinal
        order by round(sum(w.weight)::numeric, 6) desc, h.file_id, h.ordinal
        limit 1000
    ), counted as (
      select l.file_id, l.ordinal, cardinality(s.words) as length, a.number, count(*) as times
        from likely l
          join public.passages p on p.file_id = l.file_id and p.ordinal = l.ordinal
          cross join string_to_array(p.words, ' ') as s (words)
          cross join unnest(s.words) as u (word)
          join (select k.number, unnest(k.forms) as form from asked k) a on a.form = u.word
        group by l.file_id, l.ordinal, cardinality(s.words), a.number
    )
    select c.file_id, c.ordinal,
        round(sum(w.weight * c.times * 2.2
          / (c.times + 1.2 * (0.25 + 0.75 * c.length / v_length)))::numeric, 6) as score
      from counted c join weights w on w.number = c.number
      group by c.file_id, c.ordinal
      order by score desc, c.file_id, c.ordinal
      limit least(greatest(p_limit, 0), 50);
end;
$$;

-- What is called over the API, as the caller.
create function public.save_passages(
  p_file_id uuid, p_sha256 text, p_name text, p_version integer, p_status text, p_passages jsonb,
  p_note text default null
) returns jsonb
  language sql set search_path = ''
  as $$
    select private.store_passages(p_file_id, p_sha256, p_name, p_version, p_status, p_note, p_passages)
  $$;

-- Passages of the caller's files that have one of these words, best first.
create function public.search_passages(
  p_words jsonb, p_limit integer default 10, p_chat_id uuid default null,
  p_file_id uuid default null
) returns jsonb
  language sql stable set search_path = ''
  as $$
    select coalesce(jsonb_agg(jsonb_build_object('file_id', p.file_id, 'ordinal', p.ordinal,
        'name', f.name, 'media_type', f.media_type, 'page', p.page, 'first_line', p.first_line,
        'last_line', p.last_line, 'content', p.content, 'score', s.found_score)
        order by s.found_score desc, p.file_id, p.ordinal), '[]')
      from private.find_passages(p_words, p_limit, p_chat_id, p_file_id) s
        join public.passages p on p.file_id = s.found_file and p.ordinal = s.found_ordinal
        join public.files f on f.id = p.file_id
  $$;

-- The caller's files that are still to be read, by rules of this version, newest first: at most 1,000.
create function public.unindexed_files(p_version integer, p_limit integer default 1000) returns jsonb
  language sql stable set search_path = ''
  as $$
    select coalesce(jsonb_agg(jsonb_build_object('id', n.id, 'name', n.name,
        'media_type', n.media_type, 'size', n.size, 'sha256', n.sha256)
        order by n.created_at desc, n.id desc), '[]')
      from (
        select f.* from public.files f
            left join public.indexed_files i on i.file_id = f.id
          where f.user_id = (select auth.uid()) and f.status = 'ready'
            and (i.file_id is null or i.version < p_version or i.sha256 <> f.sha256
              or i.name <> f.name
              or i.status = 'full' and i.passages <= 20000 - (
                select coalesce(sum(o.passages), 0) from public.indexed_files o
                  where o.user_id = (select auth.uid()) and o.status = 'indexed'))
          order by f.created_at desc, f.id desc
          limit least(greatest(p_limit, 0), 1000)
      ) n
  $$;

revoke execute on function private.store_passages(
  uuid, text, text, integer, text, text, jsonb) from public, anon;
revoke execute on function private.passages_with(text, text[]) from public, anon;
revoke execute on function private.find_passages(jsonb, integer, uuid, uuid) from public, anon;
revoke execute on function public.save_passages(
  uuid, text, text, integer, text, jsonb, text) from public, anon;
revoke execute on function public.search_passages(jsonb, integer, uuid, uuid) from public, anon;
revoke execute on function public.unindexed_files(integer, integer) from public, anon;
grant execute on function private.store_passages(
  uuid, text, text, integer, text, text, jsonb) to authenticated, service_role;
grant execute on function private.find_passages(jsonb, integer, uuid, uuid)
  to authenticated, service_role;
grant execute on function public.save_passages(
  uuid, text, text, integer, text, jsonb, text) to authenticated, service_role;
grant execute on function public.search_passages(jsonb, integer, uuid, uuid)
  to authenticated, service_role;
grant execute on function public.unindexed_files(integer, integer) to authenticated, service_role;
