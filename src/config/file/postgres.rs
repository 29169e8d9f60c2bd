//! `kind = "postgres"`: functions of the project's database.

use serde::Deserialize;

/// Functions of the project's database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresTools {
    /// The label.
    pub name: String,
}
