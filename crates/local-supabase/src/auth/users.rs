//! Users, as they are stored and as GoTrue returns them.

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::identities::{self, Identity};
use super::sql_types::{Time, object, object_text, sorted, uuid};

/// The members are in GoTrue's order, and absent where GoTrue leaves them out.
#[derive(Clone, Serialize)]
pub(super) struct User {
    pub(super) id: Uuid,
    aud: &'static str,
    pub(super) role: String,
    /// In lower case; empty for an anonymous user.
    pub(super) email: String,
    #[serde(skip)]
    pub(super) password_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email_confirmed_at: Option<Time>,
    phone: &'static str,
    /// As it was when the user was read, because in GoTrue the database computes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_sign_in_at: Option<Time>,
    #[serde(serialize_with = "sorted")]
    pub(super) app_metadata: Map<String, Value>,
    #[serde(serialize_with = "sorted")]
    pub(super) user_metadata: Map<String, Value>,
    /// Not read for lists, where GoTrue shows `null`.
    pub(super) identities: Option<Vec<Identity>>,
    created_at: Time,
    pub(super) updated_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) banned_until: Option<Time>,
    pub(super) is_anonymous: bool,
}

impl User {
    /// A user without an e-mail address, who is anonymous.
    pub(super) fn new(user_metadata: Map<String, Value>, now: Time) -> Self {
        Self {
            id: Uuid::new_v4(),
            aud: "authenticated",
            role: "authenticated".to_owned(),
            email: String::new(),
            password_hash: None,
            email_confirmed_at: None,
            phone: "",
            confirmed_at: None,
            last_sign_in_at: None,
            app_metadata: Map::new(),
            user_metadata,
            identities: Some(Vec::new()),
            created_at: now,
            updated_at: now,
            banned_until: None,
            is_anonymous: true,
        }
    }

    /// Gives the user an e-mail address to sign in with, in place of the one they may have.
    pub(super) fn set_email(&mut self, email: &str, now: Time) {
        let identities = self.identities.get_or_insert_default();
        match identities.first_mut() {
            Some(identity) => identity.set_email(email, now),
            None => identities.push(Identity::email(self.id, email, now)),
        }
        email.clone_into(&mut self.email);
        self.app_metadata.insert("provider".to_owned(), json!("email"));
        self.app_metadata.insert("providers".to_owned(), json!(["email"]));
        self.is_anonymous = false;
    }

    /// Marks the e-mail address as confirmed.
    pub(super) fn confirm_email(&mut self, now: Time) {
        self.email_confirmed_at = Some(now);
        self.user_metadata.insert("email_verified".to_owned(), json!(true));
    }

    pub(super) fn is_banned(&self, now: Time) -> bool {
        self.banned_until.is_some_and(|until| now < until)
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let email_confirmed_at = row.get("email_confirmed_at")?;
        Ok(Self {
            id: uuid(row, "id")?,
            aud: "authenticated",
            role: row.get("role")?,
            email: row.get::<_, Option<String>>("email")?.unwrap_or_default(),
            password_hash: row.get("password_hash")?,
            email_confirmed_at,
            phone: "",
            confirmed_at: email_confirmed_at,
            last_sign_in_at: row.get("last_sign_in_at")?,
            app_metadata: object(row, "app_metadata")?,
            user_metadata: object(row, "user_metadata")?,
            identities: None,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            banned_until: row.get("banned_until")?,
            is_anonymous: row.get("is_anonymous")?,
        })
    }
}

/// Sets members of a user's metadata; `null` removes one.
pub(super) fn merge(metadata: &mut Map<String, Value>, changes: Map<String, Value>) {
    for (name, value) in changes {
        match value {
            Value::Null => metadata.remove(&name),
            value => metadata.insert(name, value),
        };
    }
}

/// Finds a user by id.
pub(super) fn find(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<User>> {
    find_where(connection, "select * from auth_users where id = ?1", &id.to_string())
}

/// Finds a user by e-mail address, ignoring case.
pub(super) fn find_by_email(
    connection: &Connection,
    email: &str,
) -> rusqlite::Result<Option<User>> {
    find_where(connection, "select * from auth_users where email = ?1", email)
}

fn find_where(connection: &Connection, query: &str, value: &str) -> rusqlite::Result<Option<User>> {
    let user = connection.prepare_cached(query)?.query_row([value], User::from_row).optional()?;
    user.map(|user| {
        let identities = identities::find_by_user(connection, user.id)?;
        Ok(User { identities: Some(identities), ..user })
    })
    .transpose()
}

/// One page of users, newest first, and the total number of users.
pub(super) fn page(
    connection: &Connection,
    page: u32,
    per_page: u32,
) -> rusqlite::Result<(Vec<User>, u32)> {
    let offset = i64::from(page - 1) * i64::from(per_page);
    let total = connection.query_row("select count(*) from auth_users", [], |row| row.get(0))?;
    let users = connection
        .prepare_cached(
            "select * from auth_users order by created_at desc, id desc limit ?1 offset ?2",
        )?
        .query_map(params![per_page, offset], User::from_row)?
        .collect::<rusqlite::Result<_>>()?;
    Ok((users, total))
}

/// Inserts or updates a user with their identities.
pub(super) fn save(connection: &Connection, user: &User) -> rusqlite::Result<()> {
    connection.prepare_cached(include_str!("save_user.sql"))?.execute(named_params! {
        ":id": user.id.to_string(),
        ":role": user.role,
        ":email": user.email,
        ":password_hash": user.password_hash,
        ":email_confirmed_at": user.email_confirmed_at,
        ":last_sign_in_at": user.last_sign_in_at,
        ":app_metadata": object_text(&user.app_metadata),
        ":user_metadata": object_text(&user.user_metadata),
        ":is_anonymous": user.is_anonymous,
        ":banned_until": user.banned_until,
        ":created_at": user.created_at,
        ":updated_at": user.updated_at,
    })?;
    user.identities.iter().flatten().try_for_each(|identity| identities::save(connection, identity))
}

/// Deletes a user and, by the foreign keys, their data. Returns whether the user existed.
pub(super) fn delete(connection: &Connection, id: Uuid) -> rusqlite::Result<bool> {
    let deleted = connection.execute("delete from auth_users where id = ?1", [id.to_string()])?;
    Ok(deleted > 0)
}
