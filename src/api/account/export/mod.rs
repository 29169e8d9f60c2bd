//! `GET /api/account/export`: everything of a user as one archive, sent while it is read.

mod archive;
mod files;
mod markdown;
mod names;
mod pages;

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tracing::{info, warn};
use uuid::Uuid;

use self::archive::{Archive, Broken, Packing};
use self::files::FileProblems;
use self::pages::Pages;
use super::service::Accounts;
use crate::agent::Credentials;
use crate::api::files::Owner;
use crate::api::{analytics, chats, files as stored_files, messages, scripts};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::http::extract::Keyed;
use crate::http::rate_limit::Turn;
use crate::supabase::{Caller, Rows};

/// How many pieces of the archive wait for a client that reads slowly.
const WAITING: usize = 2;
const CHATS: Keyed = Keyed::by("chat", &["created_at"]);
const MESSAGES: Keyed = Keyed::by("message", &["created_at"]);

const README: &str = "This archive has everything that is stored of your account.

chats/*.json          each chat with all its messages, replaced ones included, as the API returns them
chats/*.md            the same conversations to read, without what was replaced
files.ndjson          your files: names, types, sizes; a line for each
files/                their content; each name begins with the id of the file
usage.ndjson          what your requests have used, a line for each
events.ndjson         events that were recorded, a line for each
script_runs.ndjson    scripts that were run, a line for each
errors.txt            what could not be read, if anything

If the program that opens this archive says that it is damaged or cut off, the download was broken off:
export again.
";

/// The tables that are written line by line: the entry, the table, its columns, its order.
fn tables() -> [(&'static str, &'static str, String, Keyed); 3] {
    use analytics::store::{EVENT_COLUMNS, EVENTS, USAGE, USAGE_COLUMNS};
    [
        ("usage.ndjson", "usage_logs", USAGE_COLUMNS.join(","), USAGE),
        ("events.ndjson", "analytics", EVENT_COLUMNS.join(","), EVENTS),
        ("script_runs.ndjson", "script_runs", scripts::COLUMNS.to_owned(), scripts::LIST),
    ]
}

impl Accounts {
    /// The archive of a user's data. What fails before it begins is a problem; what fails later, but for the
    /// content of files, resets the connection.
    pub(super) async fn export(&self, user: &CurrentUser) -> Result<Response, ApiError> {
        let turn = self.transfers.take(user.id).await?;
        let credentials = Credentials::new(user.id, user.token.clone(), user.expires_at);
        let first = self.rows(&credentials, "chats", chats::COLUMNS, CHATS).next().await?;
        drop(first);
        let (sender, receiver) = mpsc::channel(WAITING);
        let accounts = self.clone();
        self.tasks.spawn(async move {
            let _fresh = accounts.token_refresher.register(&credentials);
            accounts.write_export(credentials, turn, sender).await;
        });
        let day = self.clock.now().strftime("%Y-%m-%d").to_string();
        Ok(response(receiver, &format!("chat-export-{day}.zip")))
    }

    fn rows<'a>(
        &'a self,
        credentials: &'a Credentials,
        table: &'static str,
        columns: &'a str,
        list: Keyed,
    ) -> Pages<'a> {
        Pages::new(&self.supabase, credentials, (table, columns), list)
    }

    async fn write_export(
        &self,
        credentials: Arc<Credentials>,
        turn: Turn,
        sender: mpsc::Sender<io::Result<Bytes>>,
    ) {
        let token = credentials.token();
        let charge = self.supabase.charge(Caller::User(&token));
        let archive = Archive::new(sender.clone(), charge, self.clock.now());
        match self.write_all(&credentials, archive).await {
            Ok(()) => info!("an account was exported"),
            Err(Broken::Gone) => info!("an export was broken off by its client"),
            Err(error) => {
                warn!("an export broke off: {error}");
                // Who reads slowly gets the error when there is room for it.
                drop(turn);
                // Without the list at its end the archive is known to be cut.
                let _ = sender.send(Err(io::Error::other("the export broke off"))).await;
            }
        }
    }

    async fn write_all(
        &self,
        credentials: &Credentials,
        mut archive: Archive,
    ) -> Result<(), Broken> {
        archive.add("README.txt", README).await?;
        let mut chats = self.rows(credentials, "chats", chats::COLUMNS, CHATS);
        while let Some(page) = chats.next().await? {
            for chat in page.split().map_err(ApiError::from)? {
                self.write_chat(credentials, &mut archive, chat).await?;
            }
        }
        for (entry, table, columns, list) in &tables() {
            archive.begin(entry, Packing::Deflated, 0).await?;
            let mut rows = self.rows(credentials, table, columns, *list);
            while let Some(page) = rows.next().await? {
                write_lines(&mut archive, &page).await?;
            }
        }
        let problems = self.write_files(credentials, &mut archive).await?;
        if let Some(errors) = problems.text() {
            archive.add("errors.txt", &errors).await?;
        }
        archive.finish().await
    }

    /// A chat as JSON and as Markdown. Messages that fit into one page are read once.
    async fn write_chat(
        &self,
        credentials: &Credentials,
        archive: &mut Archive,
        row: &RawValue,
    ) -> Result<(), Broken> {
        #[derive(Deserialize)]
        struct Chat {
            id: Uuid,
            title: String,
            created_at: String,
        }
        let chat: Chat = read(row, "chat")?;
        let name = names::chat(chat.id, &chat.title, &chat.created_at);
        let messages = || {
            self.rows(credentials, "messages", messages::COLUMNS, MESSAGES)
                .with("chat_id", format!("eq.{}", chat.id))
        };
        if !archive.begin(&format!("{name}.json"), Packing::Deflated, 0).await? {
            return Ok(());
        }
        archive.write(format!("{{\"chat\":{},\n\"messages\":[", row.get()).as_bytes()).await?;
        let (mut pages, mut first, mut count) = (messages(), None, 0);
        while let Some(page) = pages.next().await? {
            for (index, message) in page.split().map_err(ApiError::from)?.iter().enumerate() {
                let separator: &[u8] = if count + index == 0 { b"\n" } else { b",\n" };
                archive.write(separator).await?;
                archive.write(message.get().as_bytes()).await?;
            }
            first = (count == 0).then_some(page);
            count += 1;
        }
        archive.write(b"\n]}\n").await?;

        archive.begin(&format!("{name}.md"), Packing::Deflated, 0).await?;
        archive.write(markdown::head(&chat.title, &chat.created_at).as_bytes()).await?;
        if let Some(page) = first {
            return write_markdown(archive, &page).await;
        }
        let mut pages = messages();
        while let Some(page) = pages.next().await? {
            write_markdown(archive, &page).await?;
        }
        Ok(())
    }

    /// The files' rows, and then their content.
    async fn write_files(
        &self,
        credentials: &Credentials,
        archive: &mut Archive,
    ) -> Result<FileProblems, Broken> {
        let rows = || {
            self.rows(credentials, "files", stored_files::COLUMNS, stored_files::LIST)
                .with("status", "eq.ready".to_owned())
        };
        archive.begin("files.ndjson", Packing::Deflated, 0).await?;
        let mut pages = rows();
        while let Some(page) = pages.next().await? {
            write_lines(archive, &page).await?;
        }
        let mut problems = FileProblems::default();
        let mut pages = rows();
        while let Some(page) = pages.next().await? {
            for row in page.split().map_err(ApiError::from)? {
                let owner = Owner { id: credentials.user_id, token: credentials.token() };
                let file = read(row, "file")?;
                problems.write_file(&self.files, &owner, archive, &file).await?;
            }
        }
        Ok(problems)
    }
}

fn read<'a, T: Deserialize<'a>>(row: &'a RawValue, what: &str) -> Result<T, Broken> {
    let unreadable = |error| Broken::Rows(ApiError::unreadable(what, error));
    serde_json::from_str(row.get()).map_err(unreadable)
}

async fn write_lines(archive: &mut Archive, page: &Rows) -> Result<(), Broken> {
    for row in page.split().map_err(ApiError::from)? {
        archive.write(row.get().as_bytes()).await?;
        archive.write(b"\n").await?;
    }
    Ok(())
}

async fn write_markdown(archive: &mut Archive, page: &Rows) -> Result<(), Broken> {
    for row in page.split().map_err(ApiError::from)? {
        let message = read(row, "message")?;
        archive.write(markdown::message(&message).as_bytes()).await?;
    }
    Ok(())
}

fn response(receiver: mpsc::Receiver<io::Result<Bytes>>, name: &str) -> Response {
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((piece, receiver))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    response
}
