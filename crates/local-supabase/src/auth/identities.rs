//! Identities: the ways in which a user can sign in. Here that is an e-mail address, or none.

use rusqlite::{Connection, Row, named_params};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::sql_types::{Time, object, object_text, sorted, uuid};

/// The members are in GoTrue's order.
#[derive(Clone, Serialize)]
pub(super) struct Identity {
    identity_id: Uuid,
    /// The user's id at the provider; for e-mail, the id of the user.
    id: Uuid,
    user_id: Uuid,
    #[serde(serialize_with = "sorted")]
    pub(super) identity_data: Map<String, Value>,
    provider: String,
    last_sign_in_at: Option<Time>,
    created_at: Time,
    updated_at: Time,
    email: String,
}

impl Identity {
    /// The identity of a user who has an e-mail address.
    pub(super) fn email(user_id: Uuid, email: &str, now: Time) -> Self {
        Self {
            identity_id: Uuid::new_v4(),
            id: user_id,
            user_id,
            identity_data: email_data(user_id, email),
            provider: "email".to_owned(),
            last_sign_in_at: Some(now),
            created_at: now,
            updated_at: now,
            email: email.to_owned(),
        }
    }

    /// Changes the address.
    pub(super) fn set_email(&mut self, email: &str, now: Time) {
        self.identity_data.insert("email".to_owned(), json!(email));
        self.identity_data.insert("email_verified".to_owned(), json!(true));
        email.clone_into(&mut self.email);
        self.updated_at = now;
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let identity_data = object(row, "identity_data")?;
        let email = identity_data.get("email").and_then(Value::as_str).unwrap_or_default();
        Ok(Self {
            identity_id: uuid(row, "id")?,
            id: uuid(row, "user_id")?,
            user_id: uuid(row, "user_id")?,
            email: email.to_owned(),
            identity_data,
            provider: row.get("provider")?,
            last_sign_in_at: row.get("last_sign_in_at")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// The data of an e-mail identity.
fn email_data(user_id: Uuid, email: &str) -> Map<String, Value> {
    Map::from_iter([
        ("email".to_owned(), json!(email)),
        ("email_verified".to_owned(), json!(false)),
        ("phone_verified".to_owned(), json!(false)),
        ("sub".to_owned(), json!(user_id)),
    ])
}

/// All identities of a user.
pub(super) fn find_by_user(
    connection: &Connection,
    user_id: Uuid,
) -> rusqlite::Result<Vec<Identity>> {
    connection
        .prepare_cached("select * from auth_identities where user_id = ?1 order by created_at, id")?
        .query_map([user_id.to_string()], Identity::from_row)?
        .collect()
}

/// Inserts or updates an identity.
pub(super) fn save(connection: &Connection, identity: &Identity) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "insert into auth_identities
               (id, user_id, provider, identity_data, last_sign_in_at, created_at, updated_at)
             values (:id, :user_id, :provider, :identity_data, :last_sign_in_at, :created_at, :updated_at)
             on conflict (id) do update set
               identity_data = excluded.identity_data,
               last_sign_in_at = excluded.last_sign_in_at,
               updated_at = excluded.updated_at",
        )?
        .execute(named_params! {
            ":id": identity.identity_id.to_string(),
            ":user_id": identity.user_id.to_string(),
            ":provider": identity.provider,
            ":identity_data": object_text(&identity.identity_data),
            ":last_sign_in_at": identity.last_sign_in_at,
            ":created_at": identity.created_at,
            ":updated_at": identity.updated_at,
        })?;
    Ok(())
}
