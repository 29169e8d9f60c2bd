-- Functions of the project that a model may call: those whose comment begins with @tool. The server calls
-- them through PostgREST with the user's own token. README.md ("Postgres function") says how to write one.

-- JSON Schema of what PostgREST takes for a value of this type. json and not jsonb: the order of columns
-- stays. Types in types in types are not followed for ever.
create function private.json_schema_of(p_type oid, p_depth integer) returns json
  language plpgsql stable set search_path = '' as $$
declare
  t pg_catalog.pg_type;
  v_schema json;
  v_words text;
  v_labels bigint;
begin
  select * into t from pg_catalog.pg_type where oid = p_type;
  if p_depth > 4 then
    return '{}';
  end if;
  if t.typtype = 'd' then
    v_schema := private.json_schema_of(t.typbasetype, p_depth + 1);
    v_words := coalesce(obj_description(t.oid, 'pg_type'),
      t.typname || coalesce(': ' || (
        select string_agg(pg_get_constraintdef(c.oid), ' and ' order by c.conname)
          from pg_catalog.pg_constraint c where c.contypid = t.oid and c.contype = 'c'), ''));
    return (
      select json_object_agg(s.name, s.value order by s.place)
        from (
          select e.key as name, e.value, e.place
            from json_each(v_schema) with ordinality as e (key, value, place)
            where e.key <> 'description'
          union all
          select 'description', to_json(left(v_words || coalesce('; ' || (v_schema ->> 'description'), ''),
            400)), 1000000
        ) s);
  end if;
  if t.typcategory = 'A' and t.typelem <> 0 then
    return json_build_object('type', 'array', 'items', private.json_schema_of(t.typelem, p_depth + 1));
  end if;
  if t.typtype = 'e' then
    select count(*) into v_labels from pg_catalog.pg_enum e where e.enumtypid = t.oid;
    -- Providers take no longer lists.
    if v_labels > 250 then
      return (
        select json_build_object('type', 'string', 'description', 'one of ' || v_labels || ' labels such as '
            || string_agg(e.enumlabel, ', ' order by e.enumsortorder))
          from (
            select enumlabel, enumsortorder from pg_catalog.pg_enum
              where enumtypid = t.oid order by enumsortorder limit 10
          ) e);
    end if;
    return (
      select json_build_object('type', 'string', 'enum', json_agg(e.enumlabel order by e.enumsortorder))
        from pg_catalog.pg_enum e where e.enumtypid = t.oid);
  end if;
  if t.typtype = 'c' then
    -- PostgREST leaves out what it does not know without a word, so nothing else is let through.
    return (
      select json_build_object('type', 'object',
          'properties', coalesce(json_object_agg(a.attname,
            case when a.atttypid in ('varchar'::regtype, 'bpchar'::regtype) and a.atttypmod > 4
              then json_build_object('type', 'string', 'maxLength', a.atttypmod - 4)
              else private.json_schema_of(a.atttypid, p_depth + 1)
            end order by a.attnum), '{}'),
          'additionalProperties', false)
        from (
          select attname, atttypid, atttypmod, attnum from pg_catalog.pg_attribute
            where attrelid = t.typrelid and attnum > 0 and not attisdropped
            order by attnum limit 64
        ) a);
  end if;
  if t.typtype in ('r', 'm') then
    return json_build_object('type', 'string', 'description', t.typname || ', such as [1,5)');
  end if;
  return case t.typname
      when 'bool' then '{"type": "boolean"}'
      when 'int2' then '{"type": "integer", "minimum": -32768, "maximum": 32767}'
      when 'int4' then '{"type": "integer", "minimum": -2147483648, "maximum": 2147483647}'
      -- As text: JavaScript keeps no more than 53 bits of a number.
      when 'int8' then '{"type": "string", "pattern": "^-?[0-9]{1,19}$",
        "description": "a whole number, written as text"}'
      when 'float4' then '{"type": "number"}'
      when 'float8' then '{"type": "number"}'
      when 'numeric' then '{"type": "number"}'
      when 'uuid' then '{"type": "string", "format": "uuid"}'
      when 'date' then '{"type": "string", "format": "date"}'
      when 'time' then '{"type": "string", "description": "a time such as 13:00:00"}'
      when 'timestamptz' then '{"type": "string", "format": "date-time"}'
      when 'timestamp' then '{"type": "string",
        "description": "date and time without a zone, such as 2026-01-31T13:00:00"}'
      when 'interval' then '{"type": "string", "description": "a length of time, such as 3 days"}'
      when 'json' then '{}'
      when 'jsonb' then '{}'
      when 'bytea' then '{"type": "string", "description": "bytes: \\x and hexadecimal digits"}'
      when 'text' then '{"type": "string"}'
      when 'varchar' then '{"type": "string"}'
      when 'bpchar' then '{"type": "string"}'
      else json_build_object('type', 'string', 'description', format_type(t.oid, null))::text
    end::json;
end;
$$;

revoke execute on function private.json_schema_of(oid, integer) from public, anon;
grant execute on function private.json_schema_of(oid, integer) to authenticated, service_role;

-- The functions of the schema public whose comment begins with @tool and that the caller may execute; asked
-- with the service key, those that signed-in users may. {"functions": [{name, comment, volatility, …,
-- arguments: [{name, type, schema, is_optional, default}]}]}. What cannot be called by name is among them:
-- `chat-backend check` tells their authors.
create function public.list_tool_functions() returns json
  language sql stable set search_path = '' as $$
    with marked as (
      select p.*, obj_description(p.oid, 'pg_proc') as comment
        from pg_catalog.pg_proc p
        where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'
          and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
          and has_function_privilege(
            case when current_user = 'service_role' then 'authenticated' else current_user::text end,
            p.oid, 'execute')
    ), arguments as (
      -- Of the inputs alone. An oidvector counts from 0 and the arrays from 1, so none is subscripted by
      -- another's numbers.
      select f.oid, a.place, a.type, nullif(f.proargnames[a.place], '') as name,
          row_number() over (partition by f.oid order by a.place) > f.pronargs - f.pronargdefaults
            as is_optional
        from marked f
          cross join lateral unnest(coalesce(f.proallargtypes, f.proargtypes::oid[]))
            with ordinality as a (type, place)
        where coalesce(f.proargmodes[a.place]::text, 'i') in ('i', 'b', 'v')
          and f.comment ~ '^\s*@tool(\s|$)'
    )
    select json_build_object('functions', coalesce(json_agg(json_build_object(
        'name', f.proname,
        'comment', left(f.comment, 8193),
        'volatility',
          case f.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
        'is_security_definer', f.prosecdef,
        'returns_set', f.proretset,
        'is_overloaded', exists (
          select 1 from pg_catalog.pg_proc o
            where o.pronamespace = f.pronamespace and o.proname = f.proname and o.oid <> f.oid),
        'arguments', (
          select coalesce(json_agg(json_build_object(
              'name', a.name,
              'type', format_type(a.type, null),
              -- None for types such as anyelement, of which no value can be sent.
              'schema', case when t.typtype <> 'p' then private.json_schema_of(a.type, 0) end,
              'is_optional', a.is_optional,
              'default', left(pg_get_function_arg_default(f.oid, a.place::integer), 200)
            ) order by a.place), '[]')
            from arguments a join pg_catalog.pg_type t on t.oid = a.type
            where a.oid = f.oid)
      ) order by f.proname collate "C", f.oid), '[]'))
      from marked f
      where f.comment ~ '^\s*@tool(\s|$)'
  $$;

revoke execute on function public.list_tool_functions() from public, anon;
grant execute on function public.list_tool_functions() to authenticated, service_role;
