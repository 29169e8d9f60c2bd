//! `toggle_chat`.

use rusqlite::Connection;

use crate::local_supabase::functions::{
    Arguments, Operation, RestError, RowSet, Session, Sql, TableContext, visible_rows,
};

/// Flips `is_archived` or `is_bookmarked`; no row when the chat is not the caller's.
pub(super) fn toggle_chat(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<Vec<i64>, RestError> {
    let table = session.table("chats")?;
    let column = arguments.value("p_column");
    let update = Sql::new("update chats set is_archived = case ")
        .bind(column.clone())
        .push(
            " when 'is_archived' then not is_archived else is_archived end, is_bookmarked = case ",
        )
        .bind(column)
        .push(" when 'is_bookmarked' then not is_bookmarked else is_bookmarked end")
        .push(" where rowid in (select ctid from ")
        .append(visible_rows(session, table, Operation::Update, RowSet::All)?)
        .push(" where id = ")
        .bind(arguments.value("p_chat_id"))
        .push(") returning rowid");
    Ok(TableContext { connection, session, table }.row_ids(&update)?)
}
