//! Folders of earlier releases open, keep their rows and are brought up to date.

use rusqlite::Connection;

use super::support::{Folder, options};
use crate::local::PROJECT;
use crate::local_supabase::LocalSupabase;

const FOLDERS: &[(&str, &str)] = &[
    ("first", include_str!("folders/first.sql")),
    ("2", include_str!("folders/version_2.sql")),
    ("3", include_str!("folders/version_3.sql")),
    ("4", include_str!("folders/version_4.sql")),
    ("5", include_str!("folders/version_5.sql")),
    ("6", include_str!("folders/version_6.sql")),
];

fn folder_with(sql: &str) -> Folder {
    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    Connection::open(folder.0.join("supabase.db")).unwrap().execute_batch(sql).unwrap();
    folder
}

fn open(folder: &Folder) -> LocalSupabase {
    LocalSupabase::open(&folder.0, PROJECT, options()).unwrap()
}

fn text(connection: &Connection, sql: &str) -> String {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// What the schema is: the same, wherever a folder comes from.
fn schema(connection: &Connection) -> String {
    let select = "select group_concat(sql, char(10) order by name) from sqlite_schema \
                  where tbl_name not glob 'auth_*' or type = 'trigger'";
    text(connection, select)
}

#[test]
fn every_earlier_folder_is_brought_up_to_date() {
    let new = schema(&open(&Folder::new()).connect().unwrap());
    for (name, sql) in FOLDERS {
        let folder = folder_with(sql);
        let supabase = open(&folder);
        let upgraded = supabase.connect().unwrap();
        assert_eq!(schema(&upgraded), new, "{name}");
        let rows = "select (select group_concat(content) from messages) \
                    || (select title from chats) || (select count(*) from usage_logs) \
                    || (select count(*) from analytics)";
        assert_eq!(text(&upgraded, rows), "Question,AnswerKept11", "{name}");
        if name.parse().is_ok_and(|version: u32| version >= 5) {
            let later = "select (select tokens from \"private.token_reservations\") \
                         || (select name from files where created_at < 253370764800000000) \
                         || (select stdout from script_runs)";
            assert_eq!(text(&upgraded, later), "7a.txthi", "{name}");
        }
        drop((upgraded, supabase));
        open(&folder);
    }
}

#[test]
fn script_runs_can_be_cancelled_in_a_folder_of_before() {
    let folder = folder_with(FOLDERS[4].1);
    let supabase = open(&folder);
    let insert = "insert into script_runs (id, user_id, language, code, status, duration_ms) \
                  select 'x', id, 'python', '1', 'cancelled', 1 from auth_users";
    supabase.connect().unwrap().execute_batch(insert).unwrap();
}
