//! The computed columns that show what an answer's run has saved of it, in SQLite's words.

macro_rules! run {
    () => {
        "\"private.token_reservations\" r where r.run_id = messages.run_id \
            and r.user_id = messages.user_id"
    };
}

/// The parts that the run has saved; null if it has saved none.
macro_rules! parts {
    () => {
        concat!(
            "(select nullif(json_group_array(json(saved.part) order by saved.part_index), '[]') from ( \
                select part_index, iif(json_type(frame, '$.text') is null, frame, \
                    json_set(frame, '$.text', text)) as part \
                from (select p.part_index, group_concat(p.text, '' order by p.checkpoint) as text, \
                    (select f.part from \"private.answer_pieces\" f where f.run_id = p.run_id \
                        and f.part_index = p.part_index and f.part is not null \
                        order by f.checkpoint desc limit 1) as frame \
                    from \"private.answer_pieces\" p where p.run_id = (select r.run_id from ",
            run!(),
            ") group by p.part_index)) saved)"
        )
    };
}

/// `current_status`
pub const STATUS: &str = concat!(
    "(case when messages.status = 'streaming' and messages.lease_expires_at < clock_timestamp() \
        and not exists (select 1 from ",
    run!(),
    " and r.lease_expires_at >= clock_timestamp()) then 'interrupted' else messages.status end)"
);

/// `current_content`
pub const CONTENT: &str = concat!(
    "(case when messages.status = 'streaming' and messages.parts = '[]' then coalesce(( \
        select group_concat(iif(e.type = 'object' and e.value ->> '$.type' = 'text', \
            e.value ->> '$.text', ''), '' order by e.key) from json_each(",
    parts!(),
    ") e), messages.content) else messages.content end)"
);

/// `current_parts`
pub const PARTS: &str = concat!(
    "(case when messages.status = 'streaming' and messages.parts = '[]' then coalesce(",
    parts!(),
    ", messages.parts) else messages.parts end)"
);

/// `current_metadata`
pub const METADATA: &str = concat!(
    "(case when messages.status = 'streaming' then coalesce(( \
        select json_patch(messages.metadata, json_patch('{}', json_object( \
            'model', r.log ->> '$.model', 'provider', r.log ->> '$.provider'))) from ",
    run!(),
    " and r.checkpoint > 0), messages.metadata) else messages.metadata end)"
);
