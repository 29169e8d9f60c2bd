//! `search_chats` and `search_files`: a literal match that ignores case.

use crate::local_supabase::functions::{
    Arguments, Operation, RestError, RowSet, Session, Sql, visible_rows,
};

/// Chats by their titles and active messages.
pub(super) fn chats(session: Session, arguments: &Arguments) -> Result<Sql, RestError> {
    let messages = visible_rows(session, session.table("messages")?, Operation::Read, RowSet::All)?;
    Ok(Sql::new("contains_text(title, ")
        .bind(arguments.value("q"))
        .push(") or id in (select m.chat_id from ")
        .append(messages)
        .push(" as m where m.is_active and contains_text(m.current_content, ")
        .bind(arguments.value("q"))
        .push("))"))
}

/// Files by their names.
pub(super) fn files(_: Session, arguments: &Arguments) -> Result<Sql, RestError> {
    Ok(Sql::new("contains_text(name, ").bind(arguments.value("q")).push(")"))
}
