//! The way of an upload's bytes to Storage: a task of its own, fed by whoever has them. When the
//! feeder goes away, nothing is left behind; once it has given everything, nothing more is needed of
//! it.

use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::content::Content;
use super::{Details, Said, over_quota};
use crate::api::files::{Files, Owner};
use crate::http::error::ApiError;
use crate::http::response::Created;
use crate::supabase::IDLE;

/// The claim of an id lasts a minute; it is renewed this often.
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// Storage may take this long to say that it has all bytes.
const LAST_WORD: Duration = Duration::from_secs(120);
/// Pieces that wait for Storage.
const WAITING: usize = 4;

/// An upload whose bytes have all been given to its task.
pub(in crate::api::files) struct Transfer {
    details: oneshot::Sender<(Details, Said)>,
    task: JoinHandle<Result<Created, ApiError>>,
}

impl Transfer {
    /// Says the rest, and waits for the end.
    pub(in crate::api::files) async fn complete(
        self,
        details: Details,
        said: Said,
    ) -> Result<Created, ApiError> {
        // A task that has ended says why.
        let _ = self.details.send((details, said));
        joined(self.task).await
    }
}

enum Piece {
    Bytes(Bytes),
    /// All bytes have come; without it, the upload has broken off.
    End,
}

/// One upload.
pub(in crate::api::files) struct Upload {
    pub(in crate::api::files) files: Files,
    pub(in crate::api::files) owner: Owner,
    pub(in crate::api::files) id: Uuid,
    pub(in crate::api::files) upload_id: Uuid,
    pub(in crate::api::files) name: String,
    pub(in crate::api::files) media_type: String,
    /// How many bytes come, where it is known.
    pub(in crate::api::files) length: Option<u64>,
}

impl Upload {
    /// Feeds the bytes to a task of its own. It goes on to the end once it has the details, and
    /// leaves nothing behind if it does not get that far.
    pub(in crate::api::files) async fn start<S>(
        self,
        content: &mut Content<S>,
        room: u64,
    ) -> Result<Transfer, ApiError>
    where
        S: Stream<Item = Result<Bytes, ApiError>> + Unpin,
    {
        let (pieces, waiting) = mpsc::channel(WAITING);
        let (details, awaited) = oneshot::channel();
        let tasks = self.files.tasks.clone();
        let quota = self.files.quota;
        let task = tasks.spawn(self.run(waiting, awaited));
        match feed(content, &pieces, room, quota).await {
            Ok(true) => Ok(Transfer { details, task }),
            Ok(false) => {
                drop(details);
                Err(joined(task).await.err().unwrap_or_else(silent))
            }
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
        let finished = match self.transfer(pieces).await {
            Ok(()) => match details.await {
                Ok((details, said)) => self.settle(details, said).await,
                Err(_) => Err(silent()),
            },
            Err(error) => Err(error),
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
        let mut upload =
            std::pin::pin!(bucket.upload(&object, &self.media_type, self.length, body));
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
            length: self.length,
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

async fn joined(task: JoinHandle<Result<Created, ApiError>>) -> Result<Created, ApiError> {
    match task.await {
        Ok(result) => result,
        Err(error) => Err(ApiError::internal(format!("an upload crashed: {error}"))),
    }
}

fn silent() -> ApiError {
    ApiError::new(
        StatusCode::GATEWAY_TIMEOUT,
        "storage_timeout",
        "The storage took too long. Please try again.",
    )
}
