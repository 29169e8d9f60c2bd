//! Grants: the privileges of the roles that requests use.

/// The privileges of the three roles on a table.
#[derive(Clone, Copy, Debug)]
pub struct Grants {
    /// `anon`
    pub anon: RoleGrants,
    /// `authenticated`
    pub authenticated: RoleGrants,
    /// `service_role`
    pub service_role: RoleGrants,
}

/// The privileges of one role.
#[derive(Clone, Copy, Debug)]
pub struct RoleGrants {
    /// The columns that may be read.
    pub select: Granted,
    /// The columns that may be inserted.
    pub insert: Granted,
    /// The columns that may be updated.
    pub update: Granted,
    /// Whether rows may be deleted.
    pub delete: bool,
}

/// The columns on which a privilege is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// No columns.
    Nothing,
    /// The whole table, including columns that are added later.
    Table,
    /// These columns.
    Columns(&'static [&'static str]),
}

impl RoleGrants {
    /// No privileges.
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

    /// Whether any column is granted.
    pub fn is_anything(&self) -> bool {
        let of_columns = [self.select, self.insert, self.update];
        self.delete || of_columns.iter().any(|granted| *granted != Granted::Nothing)
    }
}

impl Granted {
    /// Whether all of these columns are granted. For an empty list, at least one column must be
    /// granted.
    pub fn covers<'a>(self, columns: impl IntoIterator<Item = &'a str>) -> bool {
        match self {
            Self::Nothing => false,
            Self::Table => true,
            Self::Columns(granted) => columns.into_iter().all(|column| granted.contains(&column)),
        }
    }
}
