//! Objects in the database.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::{Value, json};

use super::error::StorageError;
use super::route::ObjectPath;

/// An object.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) id: String,
    pub(super) bucket_id: String,
    pub(super) name: String,
    pub(super) owner_id: Option<String>,
    pub(super) version: String,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) mimetype: String,
    pub(super) cache_control: String,
    pub(super) user_metadata: Value,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
}

pub(super) const COLUMNS: &str = "id, bucket_id, name, owner_id, version, size, etag, mimetype, \
                                  cache_control, user_metadata, created_at, updated_at";

impl Object {
    /// The object at a path, whether or not the caller may see it.
    pub(super) fn find(
        connection: &Connection,
        path: &ObjectPath,
    ) -> rusqlite::Result<Option<Self>> {
        let select =
            format!("select {COLUMNS} from storage_objects where bucket_id = ? and name = ?");
        let mut statement = connection.prepare_cached(&select)?;
        statement.query_row((&path.bucket, &path.name), Self::read).optional()
    }

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let user_metadata: String = row.get("user_metadata")?;
        Ok(Self {
            id: row.get("id")?,
            bucket_id: row.get("bucket_id")?,
            name: row.get("name")?,
            owner_id: row.get("owner_id")?,
            version: row.get("version")?,
            size: row.get("size")?,
            etag: row.get("etag")?,
            mimetype: row.get("mimetype")?,
            cache_control: row.get("cache_control")?,
            user_metadata: serde_json::from_str(&user_metadata).unwrap_or_default(),
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }

    /// Inserts the object, or replaces the one at its path, keeping that one's id.
    pub(super) fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        let insert = format!(
            "insert into storage_objects ({COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             on conflict (bucket_id, name) do update set owner_id = excluded.owner_id, \
             version = excluded.version, size = excluded.size, etag = excluded.etag, \
             mimetype = excluded.mimetype, cache_control = excluded.cache_control, \
             user_metadata = excluded.user_metadata, updated_at = excluded.updated_at"
        );
        connection.prepare_cached(&insert)?.execute((
            &self.id,
            &self.bucket_id,
            &self.name,
            &self.owner_id,
            &self.version,
            self.size,
            &self.etag,
            &self.mimetype,
            &self.cache_control,
            self.user_metadata.to_string(),
            self.created_at,
            self.updated_at,
        ))?;
        Ok(())
    }

    /// Deletes the row.
    pub(super) fn delete(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached("delete from storage_objects where id = ?")?
            .execute([&self.id])
            .map(drop)
    }

    /// The row as the API shows it.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "bucket_id": self.bucket_id,
            "owner": "",
            "owner_id": self.owner_id,
            "version": self.version,
            "id": self.id,
            "updated_at": iso(self.updated_at),
            "created_at": iso(self.created_at),
            "last_accessed_at": iso(self.created_at),
            "metadata": self.metadata(),
            "user_metadata": self.user_metadata,
        })
    }

    /// The metadata of the file.
    pub(super) fn metadata(&self) -> Value {
        json!({
            "eTag": self.etag,
            "size": self.size,
            "mimetype": self.mimetype,
            "cacheControl": self.cache_control,
            "lastModified": iso(self.updated_at),
            "contentLength": self.size,
            "httpStatusCode": 200,
        })
    }
}

/// A time with milliseconds, as JavaScript prints it.
pub(super) fn iso(micros: i64) -> String {
    let time = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

/// Refuses names that Amazon S3 does not accept, and those with `.` or `..` as a segment.
pub(super) fn check_name(name: &str) -> Result<(), StorageError> {
    const PUNCTUATION: &str = "_/!-.*'() &$@=;:+,?";
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || PUNCTUATION.contains(c);
    if name.is_empty() || name.len() > 1024 || !name.chars().all(is_allowed) {
        return Err(StorageError::invalid_key(name));
    }
    if name.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(StorageError::invalid_key(&format!("{name} contains dot path segment")));
    }
    Ok(())
}
