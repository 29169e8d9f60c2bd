-- Many messages that are stored at once change their chat once, not each of them: the others would read through
-- all versions of its row, and whoever waits for the chat would wait for minutes.

-- As before. The first message of a statement finds the others stored already.
create or replace function private.touch_chat() returns trigger
  language plpgsql set search_path = '' as $$
begin
  update public.chats c
    set last_message_at = (
      select max(m.created_at) from public.messages m
        where m.chat_id = new.chat_id and m.user_id = new.user_id)
    where c.id = new.chat_id and c.user_id = new.user_id
      and (c.last_message_at is null or c.last_message_at < new.created_at);
  return null;
end;
$$;
