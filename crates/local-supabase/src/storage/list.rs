//! Listing a folder: its objects, and the folders that objects further down imply.

use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::{Connection, Row, named_params};
use serde_json::{Value, json};

use super::access::reachable;
use super::body::Params;
use super::error::{StorageError, json_response};
use super::objects::{Object, iso};
use crate::context::Context;
use crate::role::Role;

const MAX_LIMIT: u64 = 10_000;

/// `POST /object/list/{bucket}`
pub(super) async fn list(
    context: &Context,
    role: Role,
    bucket: String,
    params: &Params,
) -> Result<Response, StorageError> {
    let prefix = params.required_text("prefix")?;
    let folder = match prefix.trim_matches('/') {
        "" => String::new(),
        folder => format!("{folder}/"),
    };
    let search = params.text("search")?.unwrap_or_default();
    let limit = params.number("limit", 1)?.unwrap_or(100).min(MAX_LIMIT);
    let offset = params.number("offset", 0)?.unwrap_or(0);
    let order = order(params.get("sortBy"));
    let listed = context.database.read(role, move |connection| {
        let statement = format!("{ENTRIES} order by {order} limit :limit offset :offset");
        let mut statement = connection.prepare_cached(&statement)?;
        let params = named_params! {
            ":bucket": bucket, ":folder": folder, ":search": search,
            ":reachable": reachable(role), ":limit": limit, ":offset": offset,
        };
        let rows = statement.query_map(params, entry)?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    });
    Ok(json_response(StatusCode::OK, &listed.await?))
}

/// One row for each object directly in the folder, and one for each folder in it. Prefixes are compared
/// ignoring case, like PostgreSQL's `ilike`.
const ENTRIES: &str = "
    with inside as (
      select *, substr(name, length(:folder) + 1) as rest
      from storage_objects
      where bucket_id = :bucket
        and lower(substr(name, 1, length(:folder || :search))) = lower(:folder || :search)
        and (:reachable is null or substr(name, 1, length(:reachable)) = :reachable)
    ), entries as (
      select *, instr(rest, '/') > 0 as is_folder,
        case instr(rest, '/') when 0 then rest else substr(rest, 1, instr(rest, '/') - 1) end
          as entry
      from inside
    )
    select *, case when is_folder then null else created_at end as sort_created_at,
      case when is_folder then null else updated_at end as sort_updated_at
    from entries group by entry, is_folder";

fn order(sort: Option<&Value>) -> String {
    let text = |name| sort.and_then(|sort| sort.get(name)).and_then(Value::as_str);
    let direction = match text("order") {
        Some(order) if order.eq_ignore_ascii_case("desc") => "desc",
        _ => "asc",
    };
    match text("column") {
        Some("created_at" | "last_accessed_at") => {
            format!("is_folder desc, sort_created_at {direction}, entry")
        }
        Some("updated_at") => format!("is_folder desc, sort_updated_at {direction}, entry"),
        _ => format!("entry {direction}"),
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Value> {
    let name: String = row.get("entry")?;
    if row.get("is_folder")? {
        return Ok(json!({
            "name": name, "id": null, "updated_at": null, "created_at": null,
            "last_accessed_at": null, "metadata": null,
        }));
    }
    let object = Object::read(row)?;
    Ok(json!({
        "name": name,
        "id": object.id,
        "updated_at": iso(object.updated_at),
        "created_at": iso(object.created_at),
        "last_accessed_at": iso(object.created_at),
        "metadata": object.metadata(),
    }))
}

/// `POST /object/list-v2/{bucket}`: by name, with a cursor.
pub(super) async fn list_v2(
    context: &Context,
    role: Role,
    bucket: String,
    params: &Params,
) -> Result<Response, StorageError> {
    let page = Page {
        bucket,
        prefix: params.text("prefix")?.unwrap_or_default(),
        after: params.text("cursor")?.as_deref().and_then(read_cursor).unwrap_or_default(),
        limit: params.number("limit", 1)?.unwrap_or(1000).min(1000) as usize,
        with_folders: params.flag("with_delimiter")?.unwrap_or(false),
    };
    let listed = context.database.read(role, move |connection| page.read(connection, role)).await?;
    Ok(json_response(StatusCode::OK, &listed))
}

struct Page {
    bucket: String,
    prefix: String,
    after: String,
    limit: usize,
    with_folders: bool,
}

impl Page {
    fn read(&self, connection: &Connection, role: Role) -> Result<Value, StorageError> {
        let select = "select * from storage_objects where bucket_id = :bucket and name > :after \
             and substr(name, 1, length(:prefix)) = :prefix \
             and (:reachable is null or substr(name, 1, length(:reachable)) = :reachable) \
             order by name";
        let mut statement = connection.prepare_cached(select)?;
        let mut rows = statement.query(named_params! {
            ":bucket": self.bucket, ":after": self.after, ":prefix": self.prefix,
            ":reachable": reachable(role),
        })?;
        let (mut folders, mut objects) = (Vec::<Value>::new(), Vec::new());
        let (mut last, mut has_next) = (None::<String>, false);
        while let Some(row) = rows.next()? {
            let object = Object::read(row)?;
            let key = self.folder_of(&object.name);
            // A folder counts once, and a cursor that names it continues after all that it contains.
            if key.is_some() && key == last || key.is_some() && key.as_ref() == Some(&self.after) {
                continue;
            }
            if folders.len() + objects.len() == self.limit {
                has_next = true;
                break;
            }
            match &key {
                Some(folder) => folders.push(json!({ "key": base(folder), "name": folder })),
                None => objects.push(self.object(&object)),
            }
            last = Some(key.unwrap_or(object.name));
        }
        let mut listed = json!({ "hasNext": has_next, "folders": folders, "objects": objects });
        if let Some(last) = last.filter(|_| has_next) {
            listed["nextCursor"] = json!(STANDARD.encode(format!("l:{last}")));
            listed["nextCursorKey"] = json!(last);
        }
        Ok(listed)
    }

    /// The folder below the prefix that contains the name, with its slash.
    fn folder_of(&self, name: &str) -> Option<String> {
        let rest = &name[self.prefix.len()..];
        let slash = rest.find('/').filter(|_| self.with_folders)?;
        Some(name[..=self.prefix.len() + slash].to_owned())
    }

    fn object(&self, object: &Object) -> Value {
        json!({
            "key": base(&object.name),
            "name": object.name,
            "id": object.id,
            "updated_at": iso(object.updated_at),
            "created_at": iso(object.created_at),
            "last_accessed_at": iso(object.created_at),
            "metadata": object.metadata(),
        })
    }
}

fn base(name: &str) -> &str {
    name.trim_end_matches('/').rsplit('/').next().unwrap_or(name)
}

fn read_cursor(cursor: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    text.strip_prefix("l:").map(str::to_owned)
}
