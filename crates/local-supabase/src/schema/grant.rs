//! What is granted to the roles that requests have.

/// What the three roles may do with a table.
#[derive(Clone, Copy, Debug)]
pub struct Grants {
    /// `anon`
    pub anon: RoleGrants,
    /// `authenticated`
    pub authenticated: RoleGrants,
    /// `service_role`
    pub service_role: RoleGrants,
}

/// What one role may do.
#[derive(Clone, Copy, Debug)]
pub struct RoleGrants {
    /// What may be read.
    pub select: Granted,
    /// What may be inserted.
    pub insert: Granted,
    /// What may be updated.
    pub update: Granted,
    /// Whether rows may be deleted.
    pub delete: bool,
}

/// On what a privilege is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// Nothing.
    Nothing,
    /// The whole table, and columns that come later.
    Table,
    /// These columns.
    Columns(&'static [&'static str]),
}

impl RoleGrants {
    /// Nothing at all.
    pub const NOTHING: Self = Self {
        select: Granted::Nothing,
        insert: Granted::Nothing,
        update: Granted::Nothing,
        delete: false,
    };

    /// `grant all`
    pub const ALL: Self = Self {
        select: Granted::Table,
        insert: Granted::Table,
        update: Granted::Table,
        delete: true,
    };

    /// Whether something is granted.
    pub fn is_anything(&self) -> bool {
        let of_columns = [self.select, self.insert, self.update];
        self.delete || of_columns.iter().any(|granted| *granted != Granted::Nothing)
    }
}

impl Granted {
    /// Whether every one of the columns is granted. Of no columns, something must be.
    pub fn covers<'a>(self, columns: impl IntoIterator<Item = &'a str>) -> bool {
        match self {
            Self::Nothing => false,
            Self::Table => true,
            Self::Columns(granted) => columns.into_iter().all(|column| granted.contains(&column)),
        }
    }
}
