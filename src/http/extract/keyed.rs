//! Keyset pagination: lists that are sorted by a time, then by id.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::supabase::Query;

/// The key of a row in a list: the time that it is sorted by, then its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The time that the list is sorted by.
    pub at: Timestamp,
    /// Breaks ties.
    pub id: Uuid,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortOrder {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// A list whose rows are sorted by a time and by id.
#[derive(Clone, Copy, Debug)]
pub struct Keyed {
    /// The name of a row, such as `chat`.
    pub row: &'static str,
    /// The path of rows that are embedded in another row, such as `messages.`; otherwise empty.
    pub path: &'static str,
    /// The column that the rows are sorted by.
    pub column: &'static str,
    /// The members of a row with its time: the first that is not null.
    pub members: &'static [&'static str],
}

impl Keyed {
    /// Rows of a table that are sorted by this column.
    pub const fn by(row: &'static str, column: &'static [&'static str; 1]) -> Self {
        Self { row, path: "", column: column[0], members: column }
    }

    /// Sorts the rows of a query, and skips those up to a cursor.
    pub fn page<'a>(&self, query: Query<'a>, order: SortOrder, after: Option<Cursor>) -> Query<'a> {
        let Self { path, column, .. } = self;
        let (direction, beyond) = match order {
            SortOrder::Ascending => ("asc", "gt"),
            SortOrder::Descending => ("desc", "lt"),
        };
        let sorted = format_args!("{column}.{direction},id.{direction}");
        let query = query.unescaped(format_args!("{path}order"), sorted);
        let Some(Cursor { at, id }) = after else { return query };
        let rows = format!("({column}.{beyond}.{at},and({column}.eq.{at},id.{beyond}.{id}))");
        // PostgreSQL uses an index for the first condition, which the second implies.
        query
            .parameter(&format!("{path}{column}"), format_args!("{beyond}e.{at}"))
            .parameter(&format!("{path}or"), rows)
    }

    /// The cursor of the page after this row, a JSON object.
    pub fn cursor(&self, row: &[u8]) -> Result<Cursor, ApiError> {
        let mut row = serde_json::Deserializer::from_slice(row);
        row.deserialize_map(self).map_err(|error| ApiError::unreadable(self.row, error))
    }
}

/// Reads the key of a row, and skips everything else.
impl<'de> Visitor<'de> for &Keyed {
    type Value = Cursor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut row: A) -> Result<Cursor, A::Error> {
        let (mut id, mut time) = (None, None);
        while let Some(member) = row.next_key_seed(MemberName(self))? {
            match member {
                Member::Id => id = Some(row.next_value()?),
                // One that counts before it may have a time already, which later ones do not replace.
                Member::Time(rank) if time.is_none_or(|(known, _)| rank < known) => {
                    let at: Option<Timestamp> = row.next_value()?;
                    time = at.map(|at| (rank, at)).or(time);
                }
                Member::Time(_) | Member::Other => drop(row.next_value::<IgnoredAny>()?),
            }
        }
        let (_, at) = time.ok_or_else(|| A::Error::custom("no time"))?;
        Ok(Cursor { at, id: id.ok_or_else(|| A::Error::missing_field("id"))? })
    }
}

/// A member of a row.
enum Member {
    Id,
    /// One of the times, by the place in the order in which they count.
    Time(usize),
    Other,
}

/// Reads the name of a member.
struct MemberName<'a>(&'a Keyed);

impl<'de> DeserializeSeed<'de> for MemberName<'_> {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<Member, D::Error> {
        name.deserialize_identifier(self)
    }
}

impl Visitor<'_> for MemberName<'_> {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Member, E> {
        let rank = self.0.members.iter().position(|member| *member == name);
        Ok(match rank {
            Some(rank) => Member::Time(rank),
            None if name == "id" => Member::Id,
            None => Member::Other,
        })
    }
}

/// Opaque to clients: microseconds since 1970 and the id.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.as_microsecond(), self.id.simple())
    }
}

impl FromStr for Cursor {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let parse = || {
            let (micros, id) = text.split_once('.')?;
            Some(Self {
                at: Timestamp::from_microsecond(micros.parse().ok()?).ok()?,
                id: id.parse().ok()?,
            })
        };
        parse().ok_or_else(unknown_cursor)
    }
}

pub(super) fn unknown_cursor() -> ApiError {
    ApiError::invalid("/cursor", "is not a cursor that this server has given out")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Keyed;

    const CHATS: Keyed = Keyed {
        row: "chat",
        path: "",
        column: "last_activity_at",
        members: &["last_message_at", "created_at"],
    };

    fn key(row: &Value) -> Option<String> {
        Some(CHATS.cursor(row.to_string().as_bytes()).ok()?.to_string())
    }

    #[test]
    fn the_key_of_a_row() {
        let id = "0199f0c2-7c1e-7d53-b3ac-4a2c5a1f0e6b";
        let (first, second) = ("1970-01-01T00:00:00.000001+00:00", "1970-01-01T00:00:01Z");
        let read = "0199f0c27c1e7d53b3ac4a2c5a1f0e6b";
        let row = json!({ "id": id, "last_message_at": second, "created_at": first });
        assert_eq!(key(&row), Some(format!("1000000.{read}")));
        let row = json!({ "last_message_at": null, "created_at": first, "id": id });
        assert_eq!(key(&row), Some(format!("1.{read}")));
        assert_eq!(key(&json!({ "id": id, "created_at": null })), None);
        assert_eq!(key(&json!({ "id": 5, "created_at": first })), None);
        assert_eq!(key(&json!({ "created_at": first })), None);
    }
}
