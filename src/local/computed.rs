//! Computed columns that look at other rows, in SQLite's words.

/// `unread_answer` of a chat: `private.find_unread`
pub const UNREAD: &str = "(select m.id from messages m \
    where m.id = coalesce( \
        (select s.id from messages s where s.chat_id = chats.id and s.status = 'streaming' \
            and s.lease_expires_at > clock_timestamp() - 86400000000), \
        (select u.message_id from \"private.unread_answers\" u where u.chat_id = chats.id \
            and u.ended_at > clock_timestamp() - 86400000000)) \
    and m.chat_id = chats.id and m.user_id = chats.user_id \
    and (m.status <> 'streaming' or (m.lease_expires_at < clock_timestamp() and not exists ( \
        select 1 from \"private.token_reservations\" r where r.run_id = m.run_id \
            and r.user_id = m.user_id and r.lease_expires_at >= clock_timestamp()))) \
    and (m.is_active or m.parts = '[]') \
    and not exists (select 1 from messages n where n.chat_id = m.chat_id \
        and n.user_id = m.user_id and n.is_active and (n.created_at, n.id) > (m.created_at, m.id) \
        and not exists (select 1 from \"private.queued_messages\" q where q.message_id = n.id)))";

/// `sibling_ids` of a message
pub const SIBLINGS: &str = "(select json_group_array(s.id order by s.created_at, \
        (select min(a.created_at) from messages a where a.parent_id = s.id) nulls last, s.id) \
    from messages s \
    where s.chat_id = messages.chat_id and s.user_id = messages.user_id \
        and case when messages.parent_id is null then s.parent_id is null and s.role = messages.role \
            else s.parent_id = messages.parent_id end \
        and (s.id = messages.id or (s.replaces is null \
            and (s.parts <> '[]' or exists (select 1 from messages c \
                where c.parent_id = s.id and c.chat_id = s.chat_id)) \
            and not (s.is_active and messages.is_active))))";
