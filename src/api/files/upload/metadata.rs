//! The metadata of an upload.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::content::Digest;

/// A file to add.
#[derive(Clone, Debug, Default)]
pub struct NewFile {
    /// ID chosen by the client.
    pub id: Option<Uuid>,
    /// Name of the file.
    pub name: String,
    /// Media type, if it was declared.
    pub media_type: Option<String>,
    /// ID of the chat that the file belongs to.
    pub chat_id: Option<Uuid>,
    /// Custom metadata.
    pub metadata: Map<String, Value>,
}

/// The fields of an upload's form. They may come after the file.
#[derive(Clone, Debug, Default)]
pub(in crate::api::files) struct FormFields {
    pub(super) id: Option<Uuid>,
    pub(super) chat_id: Option<Uuid>,
    pub(super) metadata: Map<String, Value>,
}

/// What is known of a file once all its bytes have been read.
#[derive(Clone, Debug)]
pub(super) struct FileMetadata {
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) digest: Digest,
}
