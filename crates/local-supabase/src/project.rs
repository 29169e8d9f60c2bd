//! The project that a local Supabase serves.

use crate::functions::{CheckUser, Function};
use crate::migrations::{self, Legacy, Migration, Registration};
use crate::schema::Schema;

/// A project: its migrations, functions and buckets.
#[derive(Clone, Copy, Debug)]
pub struct Project {
    /// The names and texts of its migrations, in their order: the one description of its tables.
    pub migrations: &'static [(&'static str, &'static str)],
    /// What of the migrations is not read, because something here stands in for it.
    pub registrations: &'static [Registration],
    /// The folders of before there were migrations.
    pub legacy: &'static [Legacy],
    /// The functions that `/rpc/` calls.
    pub functions: &'static [Function],
    /// Buckets that are created when the folder is opened, if missing.
    pub buckets: &'static [Bucket],
    /// What each request of a user has to meet, for policies that are not read.
    pub check_user: Option<CheckUser>,
}

impl Project {
    /// Its migrations.
    pub(crate) fn files(&self) -> Vec<Migration> {
        let file =
            |(file, sql): &(&str, &str)| Migration { is_own: true, ..Migration::new(*file, *sql) };
        self.migrations.iter().map(file).collect()
    }

    /// The tables that its migrations make of a new project.
    pub fn schema(&self) -> &'static Schema {
        migrations::schema_of(&self.files(), self.registrations)
    }

    /// What of its migrations is neither read nor registered.
    pub fn notices(&self) -> Vec<migrations::Notice> {
        migrations::notices_of(&self.files(), self.registrations)
    }
}

/// A bucket. It is created at the start where it is missing.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Its id and name.
    pub id: &'static str,
    /// Whether its objects can be read without an access token.
    pub is_public: bool,
}
