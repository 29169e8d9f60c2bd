//! A difference between a database and the migrations.

/// A difference between the database and the migrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What is different: a sentence that names the object.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// Whether something fails or is exposed because of it; else it is only information.
    pub is_problem: bool,
}

impl Difference {
    pub(super) fn problem(what: String, remedy: String) -> Self {
        Self { what, remedy, is_problem: true }
    }

    pub(super) fn note(what: String) -> Self {
        Self { what, remedy: String::new(), is_problem: false }
    }
}
