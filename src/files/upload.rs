//! Uploads: claim the id, send the bytes, make the row ready. Each runs in a task of its own, fed by
//! whoever has the bytes; when the feeder goes away, nothing is left behind.

use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::content::{Content, Digest, human};
use super::store::{Claim, Finished};
use super::{Files, MAX_FILES, Owner, kind, name};
use crate::error::ApiError;
use crate::response::Created;
use crate::supabase::IDLE;

/// The claim of an id lasts a minute; it is renewed this often.
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// Storage may take this long to say that it has all bytes.
const LAST_WORD: Duration = Duration::from_secs(120);
/// Pieces that wait for Storage.
const WAITING: usize = 4;

/// What is said about a file that is to be added.
#[derive(Clone, Debug, Default)]
pub struct NewFile {
    /// The client's own id.
    pub id: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// Its type, where it is known.
    pub media_type: Option<String>,
    /// Its chat.
    pub chat_id: Option<Uuid>,
    /// The front end's own data.
    pub metadata: Map<String, Value>,
}

/// What can be said after the bytes too.
#[derive(Clone, Debug, Default)]
pub(super) struct Details {
    pub(super) id: Option<Uuid>,
    pub(super) chat_id: Option<Uuid>,
    pub(super) metadata: Map<String, Value>,
}

/// A file that is stored.
pub type Added = Created;

/// An upload whose bytes have been read.
pub(super) struct Sent {
    id: Uuid,
    said: Said,
    way: Way,
}

enum Way {
    /// They are in Storage, or on their way; the task waits for the details.
    New { details: oneshot::Sender<(Details, Said)>, task: Task },
    /// The id was a file already: they were only looked at.
    Known,
}

type Task = JoinHandle<Result<Created, ApiError>>;

/// What the bytes and their sender say.
#[derive(Clone, Debug)]
struct Said {
    name: String,
    media_type: String,
    digest: Digest,
}

enum Piece {
    Bytes(Bytes),
    /// All bytes have come; without it, the upload has broken off.
    End,
}

impl Files {
    /// Adds a file whose details are known. The same id and content again is the stored file.
    pub async fn add<S>(&self, owner: &Owner, new: NewFile, bytes: S) -> Result<Added, ApiError>
    where
        S: Stream<Item = Result<Bytes, ApiError>> + Unpin,
    {
        let NewFile { id, name, media_type, chat_id, metadata } = new;
        let sent = self.send(owner, id, &name, media_type.as_deref(), bytes).await?;
        self.complete(owner, sent, Details { id, chat_id, metadata }).await
    }

    /// Sends the bytes to Storage, under a claimed id.
    pub(super) async fn send<S>(
        &self,
        owner: &Owner,
        id: Option<Uuid>,
        file_name: &str,
        declared: Option<&str>,
        bytes: S,
    ) -> Result<Sent, ApiError>
    where
        S: Stream<Item = Result<Bytes, ApiError>> + Unpin,
    {
        let name = name::clean(file_name);
        let mut content = Content::open(bytes, self.max_bytes).await?;
        let media_type = kind::media_type(declared, &name, content.head()).map_err(|found| {
            let declared = declared.unwrap_or_default();
            ApiError::invalid("/file", format!("is said to be {declared} but is {found}"))
        })?;
        let id = id.unwrap_or_else(Uuid::now_v7);
        let upload = Upload {
            files: self.clone(),
            owner: owner.clone(),
            id,
            upload_id: Uuid::new_v4(),
            name: name.clone(),
            media_type: media_type.clone(),
        };
        let way = match self.claim(&upload).await? {
            None => {
                while content.next().await?.is_some() {}
                Way::Known
            }
            Some(room) => {
                self.sweep_later(owner);
                upload.start(&mut content, room).await?
            }
        };
        let said = Said { name, media_type, digest: content.digest() };
        Ok(Sent { id, said, way })
    }

    /// Makes an upload a file.
    pub(super) async fn complete(
        &self,
        owner: &Owner,
        sent: Sent,
        details: Details,
    ) -> Result<Created, ApiError> {
        let Sent { id, said, way } = sent;
        let Way::New { details: sender, task } = way else {
            return match details.id {
                Some(other) if other != id => Err(ApiError::id_conflict()),
                _ => self.repeated(owner, id, &details, &said).await,
            };
        };
        // A task that has ended says why.
        let _ = sender.send((details, said));
        joined(task).await
    }

    /// How many more bytes the user may store; `None` when the id is a file of theirs already.
    async fn claim(&self, upload: &Upload) -> Result<Option<u64>, ApiError> {
        let Upload { owner, id, upload_id, name, .. } = upload;
        match self.begin(owner, *id, *upload_id, name).await? {
            Claim::Started { room } => Ok(Some(room)),
            Claim::Exists => Ok(None),
            Claim::Busy => Err(busy()),
            Claim::Conflict => Err(ApiError::id_conflict()),
            Claim::TooMany => Err(ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "too_many_files",
                format!("You may have at most {MAX_FILES} files. Delete some first."),
            )),
        }
    }

    /// The stored file, if it is what this upload would have stored.
    async fn repeated(
        &self,
        owner: &Owner,
        id: Uuid,
        details: &Details,
        said: &Said,
    ) -> Result<Created, ApiError> {
        let (row, file) = self.file(owner, id).await?;
        let same = file.sha256 == said.digest.sha256
            && file.size == said.digest.size
            && file.name == said.name
            && file.chat_id == details.chat_id
            && file.metadata == details.metadata;
        if same { Ok(Created::Before(row)) } else { Err(ApiError::id_conflict()) }
    }
}

/// One upload.
struct Upload {
    files: Files,
    owner: Owner,
    id: Uuid,
    upload_id: Uuid,
    name: String,
    media_type: String,
}

impl Upload {
    /// Feeds the bytes to a task of its own. It goes on to the end once it has the details, and
    /// leaves nothing behind if it does not get that far.
    async fn start<S>(self, content: &mut Content<S>, room: u64) -> Result<Way, ApiError>
    where
        S: Stream<Item = Result<Bytes, ApiError>> + Unpin,
    {
        let (pieces, waiting) = mpsc::channel(WAITING);
        let (details, awaited) = oneshot::channel();
        let tasks = self.files.tasks.clone();
        let quota = self.files.quota;
        let task = tasks.spawn(self.run(waiting, awaited));
        match feed(content, &pieces, room, quota).await {
            Ok(true) => Ok(Way::New { details, task }),
            Ok(false) => Err(joined(task).await.err().unwrap_or_else(silent)),
            Err(error) => {
                drop((pieces, details));
                // What was begun is taken back before the client hears of it.
                let _ = task.await;
                Err(error)
            }
        }
    }

    async fn run(
        self,
        pieces: mpsc::Receiver<Piece>,
        details: oneshot::Receiver<(Details, Said)>,
    ) -> Result<Created, ApiError> {
        let sent = self.transfer(pieces).await;
        let finished = match (sent, details.await) {
            (Ok(()), Ok((details, said))) => self.settle(details, said).await,
            (Err(error), _) => Err(error),
            (Ok(()), Err(_)) => Err(silent()),
        };
        if finished.is_err() {
            self.files.discard(&self.owner, self.id, self.upload_id).await;
        }
        finished
    }

    async fn transfer(&self, pieces: mpsc::Receiver<Piece>) -> Result<(), ApiError> {
        let bucket = self.files.bucket(&self.owner);
        let object = self.owner.object(self.id);
        let (ended, all_sent) = oneshot::channel();
        let body = reqwest::Body::wrap_stream(body(pieces, ended));
        let mut upload = std::pin::pin!(bucket.upload(&object, &self.media_type, body));
        let mut too_late = std::pin::pin!(async {
            let _ = all_sent.await;
            tokio::time::sleep(LAST_WORD).await;
        });
        let mut renewals = tokio::time::interval(RENEW_EVERY);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        renewals.tick().await;
        loop {
            tokio::select! {
                sent = &mut upload => return Ok(sent?),
                () = &mut too_late => return Err(silent()),
                _ = renewals.tick() => {
                    let renewed =
                        self.files.begin(&self.owner, self.id, self.upload_id, &self.name).await;
                    if let Err(error) = renewed {
                        tracing::warn!("an upload's claim was not renewed: {}", error.detail());
                    }
                }
            }
        }
    }

    /// Gives the file the id that came after its bytes, and makes it ready.
    async fn settle(&self, details: Details, said: Said) -> Result<Created, ApiError> {
        match details.id {
            Some(late) if late != self.id => self.rename(late, details, said).await,
            _ => self.files.make_ready(self, self.id, &details, &said).await,
        }
    }

    async fn rename(&self, id: Uuid, details: Details, said: Said) -> Result<Created, ApiError> {
        let late = Self {
            files: self.files.clone(),
            owner: self.owner.clone(),
            id,
            upload_id: Uuid::new_v4(),
            name: self.name.clone(),
            media_type: self.media_type.clone(),
        };
        let files = &self.files;
        if files.claim(&late).await?.is_none() {
            let stored = files.repeated(&self.owner, id, &details, &said).await?;
            files.discard(&self.owner, self.id, self.upload_id).await;
            return Ok(stored);
        }
        let (from, to) = (self.owner.object(self.id), self.owner.object(id));
        let renamed = async {
            files.bucket(&self.owner).rename(&from, &to).await?;
            files.make_ready(&late, id, &details, &said).await
        };
        let renamed: Result<Created, ApiError> = renamed.await;
        if renamed.is_ok() {
            files.discard(&self.owner, self.id, self.upload_id).await;
        } else {
            files.discard(&self.owner, id, late.upload_id).await;
        }
        renamed
    }
}

impl Files {
    async fn make_ready(
        &self,
        upload: &Upload,
        id: Uuid,
        details: &Details,
        said: &Said,
    ) -> Result<Created, ApiError> {
        let finish = super::store::Finish {
            id,
            upload_id: upload.upload_id,
            name: &said.name,
            media_type: &said.media_type,
            size: said.digest.size,
            sha256: &said.digest.sha256,
            quota: self.quota,
            chat_id: details.chat_id,
            metadata: &details.metadata,
        };
        match self.end(&upload.owner, &finish).await? {
            Finished::Stored => Ok(Created::Now(self.file(&upload.owner, id).await?.0)),
            Finished::OverQuota => Err(over_quota(self.quota)),
            Finished::NoChat => Err(ApiError::not_found("chat")),
            Finished::Lost => Err(busy()),
        }
    }
}

/// Whether all pieces were taken; if not, the task knows why.
async fn feed<S>(
    content: &mut Content<S>,
    pieces: &mpsc::Sender<Piece>,
    room: u64,
    quota: u64,
) -> Result<bool, ApiError>
where
    S: Stream<Item = Result<Bytes, ApiError>> + Unpin,
{
    while let Some(piece) = content.next().await? {
        if content.size() > room {
            return Err(over_quota(quota));
        }
        if !give(pieces, Piece::Bytes(piece)).await? {
            return Ok(false);
        }
    }
    give(pieces, Piece::End).await
}

async fn give(pieces: &mpsc::Sender<Piece>, piece: Piece) -> Result<bool, ApiError> {
    match tokio::time::timeout(IDLE, pieces.send(piece)).await {
        Ok(sent) => Ok(sent.is_ok()),
        Err(_) => Err(silent()),
    }
}

/// The pieces as a body, which breaks off when they do. `ended` is told when all have been taken.
fn body(
    pieces: mpsc::Receiver<Piece>,
    ended: oneshot::Sender<()>,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    stream::try_unfold((pieces, ended), |(mut pieces, ended)| async move {
        match pieces.recv().await {
            Some(Piece::Bytes(piece)) => Ok(Some((piece, (pieces, ended)))),
            Some(Piece::End) => {
                let _ = ended.send(());
                Ok(None)
            }
            None => Err(std::io::ErrorKind::UnexpectedEof.into()),
        }
    })
}

async fn joined(task: Task) -> Result<Created, ApiError> {
    match task.await {
        Ok(result) => result,
        Err(error) => Err(ApiError::internal(format!("an upload crashed: {error}"))),
    }
}

fn over_quota(quota: u64) -> ApiError {
    let detail = format!(
        "Your files may take {} together, and this one would exceed that. Delete some first.",
        human(quota)
    );
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "file_quota_exceeded", detail)
}

fn busy() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "upload_running",
        "A file with this id is being uploaded or deleted. Please try again in a moment.",
    )
    .with_retry_after(Duration::from_secs(5))
}

fn silent() -> ApiError {
    ApiError::new(
        StatusCode::GATEWAY_TIMEOUT,
        "storage_timeout",
        "The storage took too long. Please try again.",
    )
}
