//! Rows without bytes, and bytes without a row, for the operator's information. Users can create both
//! themselves, with rows and objects of their own, so neither is an error.

use std::collections::HashSet;

use serde::Deserialize;
use uuid::Uuid;

use super::service::{BUCKET, Files};
use crate::supabase::{Caller, SupabaseError};

/// The most rows that PostgREST returns at once, and the number of objects requested of Storage.
const PAGE: usize = 1000;
/// The most files that are compared.
const MAX_FILES: usize = 200_000;

/// The result of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orphans {
    /// Files whose bytes are missing.
    pub rows: Vec<ObjectName>,
    /// The number of objects without a row.
    pub objects: usize,
    /// The number of files that were compared.
    pub looked_at: usize,
    /// Whether there are more.
    pub is_partial: bool,
}

/// `<user_id>/<file_id>`, the name of an object that is a file's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    user: Uuid,
    file: Uuid,
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.user, self.file)
    }
}

#[derive(Deserialize)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    status: String,
}

/// The objects in the bucket. Names chosen by users are counted, not kept.
#[derive(Default)]
struct Objects {
    names: HashSet<ObjectName>,
    others: usize,
}

impl Objects {
    fn count(&self) -> usize {
        self.names.len() + self.others
    }

    fn insert(&mut self, folder: &str, object: &str) {
        match (id(folder), id(object)) {
            (Some(user), Some(file)) => {
                self.names.insert(ObjectName { user, file });
            }
            _ => self.others += 1,
        }
    }
}

/// A UUID in the notation that the server writes.
fn id(text: &str) -> Option<Uuid> {
    text.parse().ok().filter(|id: &Uuid| id.to_string() == text)
}

impl Files {
    /// Whether the bucket is public.
    pub async fn bucket_is_public(&self) -> Result<bool, SupabaseError> {
        self.supabase.bucket(BUCKET, Caller::Anon).is_public().await
    }

    /// Compares all rows with all objects. Requires the service key and changes nothing. A file that
    /// is uploaded or deleted meanwhile has a row and is not reported.
    pub async fn orphans(&self) -> Result<Orphans, SupabaseError> {
        let mut orphans = Orphans::default();
        // Objects first: one that is stored later cannot be missed, its row was there before it.
        let objects = self.all_objects(&mut orphans).await?;
        let mut unnamed = objects.names.clone();
        let mut after = Uuid::nil();
        while !orphans.is_partial {
            let query = self.supabase.rest(Caller::Service).from("files");
            let query = query.parameter("id", format_args!("gt.{after}")).order("id.asc");
            let rows: Vec<Row> = query.select("id,user_id,status").limit(PAGE).value().await?;
            orphans.looked_at += rows.len();
            for row in &rows {
                let name = ObjectName { user: row.user_id, file: row.id };
                unnamed.remove(&name);
                if row.status == "ready" && !objects.names.contains(&name) {
                    orphans.rows.push(name);
                }
            }
            match rows.last() {
                Some(last) if orphans.looked_at < MAX_FILES => after = last.id,
                Some(_) => orphans.is_partial = true,
                None => break,
            }
        }
        if orphans.is_partial {
            // An incomplete comparison reports nothing.
            return Ok(Orphans { rows: Vec::new(), ..orphans });
        }
        orphans.objects = unnamed.len() + objects.others;
        self.without_new_files(&mut orphans).await?;
        Ok(orphans)
    }

    /// A file that was added after the objects were listed has its bytes.
    async fn without_new_files(&self, orphans: &mut Orphans) -> Result<(), SupabaseError> {
        let bucket = self.supabase.bucket(BUCKET, Caller::Service);
        let mut missing = Vec::new();
        for rows in orphans.rows.chunks(PAGE) {
            let names: Vec<_> = rows.iter().map(ObjectName::to_string).collect();
            let urls = bucket.sign(&names, std::time::Duration::from_secs(60)).await?;
            missing.extend(
                rows.iter().zip(urls).filter_map(|(row, url)| url.is_none().then_some(*row)),
            );
        }
        orphans.rows = missing;
        Ok(())
    }

    async fn all_objects(&self, orphans: &mut Orphans) -> Result<Objects, SupabaseError> {
        let mut folders: Vec<String> = Vec::new();
        orphans.is_partial = !self.for_each_object("", |name| folders.push(name)).await?;
        let mut objects = Objects::default();
        for folder in &folders {
            let is_whole =
                self.for_each_object(folder, |name| objects.insert(folder, &name)).await?;
            orphans.is_partial |= !is_whole || objects.count() > MAX_FILES;
            if orphans.is_partial {
                break;
            }
        }
        Ok(objects)
    }

    /// Visits all names in a folder. Returns false if there are too many of them.
    async fn for_each_object(
        &self,
        folder: &str,
        mut visit: impl FnMut(String),
    ) -> Result<bool, SupabaseError> {
        let bucket = self.supabase.bucket(BUCKET, Caller::Service);
        let mut offset = 0;
        while offset <= MAX_FILES {
            let page = bucket.list(folder, offset, PAGE).await?;
            offset += page.len();
            let is_last = page.len() < PAGE;
            page.into_iter().for_each(|object| visit(object.name));
            if is_last {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
