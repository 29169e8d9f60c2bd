//! The arguments of the program.

use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
chat-backend: the API server behind an AI chat front end on Supabase

Usage: chat-backend [COMMAND]

Without a command the server starts. It is set up by environment variables, which may stand in a
file named .env; .env.example lists them all. With none set it brings its own local Supabase and a
scripted model that needs no key.

Commands:

  check                   looks at the settings, at Supabase and its schema, and at the providers'
                          keys, and says what to fix and what it could not look at. It ends with 0
                          if it found no problem, else with 1
  health                  asks the server that runs with these settings whether it is ready, and ends
                          with 0 if it is, else with 1
  migrations [--out DIR]  prints the SQL that a Supabase project needs, or writes it to a folder, as
                          files for `supabase db push`
  backup FILE             saves the local Supabase, on which a server may be running, to a file; - is
                          standard output
  restore FILE            brings a saved local Supabase back, into an empty DATA_DIR; - is standard
                          input
  reset-local [--yes]     deletes the tables that the migrations in MIGRATIONS_DIR have made in the
                          local Supabase, after a question, so that they are made anew at the next
                          start. Users, files and the tables of chat-backend stay

Options:

  -h, --help              prints this
  -V, --version           prints the version

What cannot be understood ends with 2.
";

/// What the program is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve.
    Start,
    /// `check`.
    Check,
    /// `health`.
    Health,
    /// `migrations`, printed or written to a folder.
    Migrations(Option<PathBuf>),
    /// `backup`, to this file.
    Backup(PathBuf),
    /// `restore`, from this file.
    Restore(PathBuf),
    /// `reset-local`, after a question or without one.
    ResetLocal {
        /// Whether `--yes` was given.
        is_sure: bool,
    },
    /// `--help`.
    Help,
    /// `--version`.
    Version,
}

impl Command {
    /// Reads the arguments. An error is one line.
    pub fn parse(arguments: &[&str]) -> Result<Self, String> {
        Ok(match arguments {
            [] => Self::Start,
            [.., "--help" | "-h"] => Self::Help,
            ["--version" | "-V"] => Self::Version,
            ["check"] => Self::Check,
            ["health"] => Self::Health,
            ["migrations"] => Self::Migrations(None),
            ["migrations", "--out", folder] => Self::Migrations(Some(path(folder)?)),
            ["migrations", option] if option.starts_with("--out=") => {
                Self::Migrations(Some(path(&option["--out=".len()..])?))
            }
            ["backup", file] => Self::Backup(path(file)?),
            ["restore", file] => Self::Restore(path(file)?),
            ["reset-local"] => Self::ResetLocal { is_sure: false },
            ["reset-local", "--yes"] => Self::ResetLocal { is_sure: true },
            ["migrations", "--out"] => return Err("--out needs the name of a folder".to_owned()),
            [command @ ("backup" | "restore")] => {
                return Err(format!("{command} needs the name of a file: {command} FILE"));
            }
            _ => {
                return Err(format!("unknown arguments: {}. Try --help", arguments.join(" ")));
            }
        })
    }
}

/// A file or folder; options and nothing are none.
fn path(name: &str) -> Result<PathBuf, String> {
    if name.is_empty() || (name.starts_with('-') && name != "-") {
        return Err(format!("`{name}` is not the name of a file or folder. Try --help"));
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood() {
        let folder = || Some(PathBuf::from("sql"));
        for (line, command) in [
            ("", Command::Start),
            ("check", Command::Check),
            ("health", Command::Health),
            ("migrations", Command::Migrations(None)),
            ("migrations --out sql", Command::Migrations(folder())),
            ("migrations --out=sql", Command::Migrations(folder())),
            ("backup -", Command::Backup("-".into())),
            ("restore a.tar", Command::Restore("a.tar".into())),
            ("reset-local --yes", Command::ResetLocal { is_sure: true }),
            ("check --help", Command::Help),
            ("-V", Command::Version),
        ] {
            let arguments: Vec<_> = line.split_whitespace().collect();
            assert_eq!(Command::parse(&arguments), Ok(command), "{line}");
        }
    }

    #[test]
    fn what_is_not_is_one_line() {
        for (line, message) in [
            ("serve", "unknown arguments: serve. Try --help"),
            ("check now", "unknown arguments: check now. Try --help"),
            ("backup", "backup needs the name of a file: backup FILE"),
            ("restore", "restore needs the name of a file: restore FILE"),
            ("backup --to", "`--to` is not the name of a file or folder. Try --help"),
            ("migrations --out", "--out needs the name of a folder"),
            ("migrations --out=", "`` is not the name of a file or folder. Try --help"),
        ] {
            let arguments: Vec<_> = line.split_whitespace().collect();
            assert_eq!(Command::parse(&arguments), Err(message.to_owned()));
        }
    }
}
