//! Rows without bytes, and bytes without a row: what an operator should know of.

use std::collections::HashSet;

use serde::Deserialize;
use uuid::Uuid;

use super::{BUCKET, Files};
use crate::supabase::{Caller, SupabaseError};

/// PostgREST gives no more rows at once, and Storage is asked for as many objects.
const PAGE: usize = 1000;
/// More files than this are not looked at.
const MAX_FILES: usize = 200_000;

/// What does not belong together. Names are `<user_id>/<file_id>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orphans {
    /// Files whose bytes are gone.
    pub rows: Vec<String>,
    /// Bytes that no file names.
    pub objects: Vec<String>,
    /// How many files were looked at.
    pub looked_at: usize,
    /// There are more.
    pub is_partial: bool,
}

#[derive(Deserialize)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    status: String,
}

impl Files {
    /// Compares all rows with all objects. It needs the service key, and changes nothing. What is
    /// being uploaded or deleted meanwhile has a row and is no orphan.
    pub async fn orphans(&self) -> Result<Orphans, SupabaseError> {
        let mut orphans = Orphans::default();
        // Objects first: one that is stored later cannot be missed, its row was there before it.
        let objects = self.all_objects(&mut orphans).await?;
        let mut unnamed = objects.clone();
        let mut after = Uuid::nil();
        loop {
            let query = self.supabase.rest(Caller::Service).from("files");
            let query = query.parameter("id", format_args!("gt.{after}")).order("id.asc");
            let rows: Vec<Row> = query.select("id,user_id,status").limit(PAGE).value().await?;
            orphans.looked_at += rows.len();
            for row in &rows {
                let name = format!("{}/{}", row.user_id, row.id);
                unnamed.remove(&name);
                if row.status == "ready" && !objects.contains(&name) {
                    orphans.rows.push(name);
                }
            }
            match rows.last() {
                Some(last) if orphans.looked_at < MAX_FILES => after = last.id,
                Some(_) => {
                    orphans.is_partial = true;
                    break;
                }
                None => break,
            }
        }
        if orphans.is_partial {
            // Half a comparison accuses nobody.
            return Ok(Orphans { rows: Vec::new(), ..orphans });
        }
        orphans.objects = unnamed.into_iter().collect();
        orphans.objects.sort();
        self.without_new_files(&mut orphans).await?;
        Ok(orphans)
    }

    /// A file that was added after the objects were listed has its bytes.
    async fn without_new_files(&self, orphans: &mut Orphans) -> Result<(), SupabaseError> {
        let bucket = self.supabase.bucket(BUCKET, Caller::Service);
        let mut missing = Vec::new();
        for names in orphans.rows.chunks(PAGE) {
            let urls = bucket.sign(names, std::time::Duration::from_secs(60)).await?;
            let gone = names.iter().zip(urls).filter(|(_, url)| url.is_none());
            missing.extend(gone.map(|(name, _)| name.clone()));
        }
        orphans.rows = missing;
        Ok(())
    }

    async fn all_objects(&self, orphans: &mut Orphans) -> Result<HashSet<String>, SupabaseError> {
        let mut names = HashSet::new();
        for folder in self.listed("", &mut orphans.is_partial).await? {
            for object in self.listed(&folder, &mut orphans.is_partial).await? {
                names.insert(format!("{folder}/{object}"));
            }
            if names.len() > MAX_FILES {
                orphans.is_partial = true;
                break;
            }
        }
        Ok(names)
    }

    async fn listed(
        &self,
        folder: &str,
        is_partial: &mut bool,
    ) -> Result<Vec<String>, SupabaseError> {
        let bucket = self.supabase.bucket(BUCKET, Caller::Service);
        let mut names = Vec::new();
        loop {
            let page = bucket.list(folder, names.len(), PAGE).await?;
            let is_last = page.len() < PAGE;
            names.extend(page.into_iter().map(|object| object.name));
            if is_last {
                return Ok(names);
            }
            if names.len() > MAX_FILES {
                *is_partial = true;
                return Ok(names);
            }
        }
    }
}
