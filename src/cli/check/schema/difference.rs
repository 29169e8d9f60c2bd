//! A way in which a database differs from what the migrations say.

/// A way in which the database differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What is different: one sentence that names the object.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// Whether something fails or lies open by it; else it is worth knowing.
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
