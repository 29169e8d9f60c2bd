//! The transfer of an upload's bytes to Storage, in a task of its own that receives them over a
//! channel. If the sender goes away early, the task removes what it has stored; once everything has
//! been sent, the sender is no longer needed.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::claim::{Upload, already_stored};
use super::content::Content;
use super::error::{over_quota, storage_timeout};
use super::metadata::{FileMetadata, FormFields};
use crate::http::error::ApiError;
use crate::http::response::Created;
use crate::supabase::IDLE;

/// The claim of an id lasts a minute; it is renewed this often.
const RENEW_INTERVAL: Duration = Duration::from_secs(20);
/// The timeout for Storage to confirm that it has all bytes.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(120);
/// The number of pieces buffered for Storage.
const WAITING: usize = 4;

/// An upload whose bytes have all been sent to its task.
pub(super) struct Transfer {
    form: oneshot::Sender<Described>,
    task: JoinHandle<Result<Created, ApiError>>,
}

/// What completing an upload requires.
type Described = (FormFields, FileMetadata);

impl Transfer {
    /// Sends the rest and waits for the end.
    pub(super) async fn complete(
        self,
        fields: FormFields,
        file: FileMetadata,
    ) -> Result<Created, ApiError> {
        // A task that has ended reports why.
        let _ = self.form.send((fields, file));
        joined(self.task).await
    }
}

/// The state of an upload. Each state leads to the next one, or to `Failed`.
pub(super) enum UploadState {
    /// The id is claimed, and bytes are on their way to Storage.
    Receiving { pieces: mpsc::Receiver<Piece>, form: oneshot::Receiver<Described> },
    /// Storage has all bytes. The rest of the form is pending.
    Stored { form: oneshot::Receiver<Described> },
    /// Everything that the row requires is known.
    Described { fields: FormFields, file: FileMetadata },
    /// The row is ready: the upload is a file.
    Ready(Created),
    /// The upload failed. Its row and bytes are removed.
    Failed(ApiError),
}

pub(super) enum Piece {
    Bytes(Bytes),
    /// All bytes have been sent; without it, the upload was interrupted.
    End,
}

/// Sends the bytes in a task of its own. It completes the upload once it has the rest of the form, and
/// otherwise removes what it has stored.
pub(super) async fn start<S>(
    upload: Upload,
    content: &mut Content<S>,
    room: u64,
) -> Result<Transfer, ApiError>
where
    S: Stream<Item = Result<Bytes, ApiError>> + Unpin,
{
    let (pieces, waiting) = mpsc::channel(WAITING);
    let (form, awaited) = oneshot::channel();
    let (tasks, quota) = (upload.files.tasks.clone(), upload.files.quota(&upload.owner));
    let state = UploadState::Receiving { pieces: waiting, form: awaited };
    let task = tasks.spawn(upload.run(state));
    match pump(content, &pieces, room, quota).await {
        Ok(true) => Ok(Transfer { form, task }),
        Ok(false) => {
            drop(form);
            Err(joined(task).await.err().unwrap_or_else(storage_timeout))
        }
        Err(error) => {
            drop((pieces, form));
            // The upload is reverted before the client receives the error.
            let _ = task.await;
            Err(error)
        }
    }
}

impl Upload {
    async fn run(self, mut state: UploadState) -> Result<Created, ApiError> {
        loop {
            state = match state {
                UploadState::Ready(created) => return Ok(created),
                UploadState::Failed(error) => {
                    self.discard().await;
                    return Err(error);
                }
                state => self.next(state).await.unwrap_or_else(UploadState::Failed),
            };
        }
    }

    /// The next state.
    async fn next(&self, state: UploadState) -> Result<UploadState, ApiError> {
        Ok(match state {
            UploadState::Receiving { pieces, form } => {
                self.transfer(pieces).await?;
                UploadState::Stored { form }
            }
            UploadState::Stored { form } => {
                let (fields, file) = form.await.map_err(|_| storage_timeout())?;
                UploadState::Described { fields, file }
            }
            UploadState::Described { fields, file } => {
                UploadState::Ready(self.commit(&fields, &file).await?)
            }
            last @ (UploadState::Ready(_) | UploadState::Failed(_)) => last,
        })
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
            tokio::time::sleep(COMMIT_TIMEOUT).await;
        });
        let mut renewals = tokio::time::interval(RENEW_INTERVAL);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        renewals.tick().await;
        loop {
            tokio::select! {
                sent = &mut upload => return Ok(sent?),
                () = &mut too_late => return Err(storage_timeout()),
                _ = renewals.tick() => self.renew().await,
            }
        }
    }

    /// Gives the file the id that arrived after its bytes, and marks it ready.
    async fn commit(&self, fields: &FormFields, file: &FileMetadata) -> Result<Created, ApiError> {
        match fields.id {
            Some(late) if late != self.id => self.rename(late, fields, file).await,
            _ => self.make_ready(fields, file).await,
        }
    }

    async fn rename(
        &self,
        id: Uuid,
        fields: &FormFields,
        file: &FileMetadata,
    ) -> Result<Created, ApiError> {
        let renamed = Self { id, upload_id: Uuid::new_v4(), ..self.clone() };
        if renamed.claim().await?.is_none() {
            let stored = already_stored(&self.files, &self.owner, id, fields, file).await?;
            self.discard().await;
            return Ok(stored);
        }
        let result = self.move_to(&renamed, fields, file).await;
        let left_over = if result.is_ok() { self } else { &renamed };
        left_over.discard().await;
        result
    }

    async fn move_to(
        &self,
        renamed: &Self,
        fields: &FormFields,
        file: &FileMetadata,
    ) -> Result<Created, ApiError> {
        let (from, to) = (self.owner.object(self.id), self.owner.object(renamed.id));
        self.files.bucket(&self.owner).rename(&from, &to).await?;
        renamed.make_ready(fields, file).await
    }
}

/// Whether all pieces were accepted; if not, the task knows why.
async fn pump<S>(
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
        if !send(pieces, Piece::Bytes(piece)).await? {
            return Ok(false);
        }
    }
    send(pieces, Piece::End).await
}

async fn send(pieces: &mpsc::Sender<Piece>, piece: Piece) -> Result<bool, ApiError> {
    match tokio::time::timeout(IDLE, pieces.send(piece)).await {
        Ok(sent) => Ok(sent.is_ok()),
        Err(_) => Err(storage_timeout()),
    }
}

/// The pieces as a body, which fails if they are incomplete. `ended` is notified when all were read.
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
