//! Which folders of the machine Python sees, and what inside of them stays hidden.

use std::path::{Path, PathBuf};

/// Programs and libraries of the system, to be read. Not all of `/usr`: servers are installed there.
const SYSTEM: [&str; 12] = [
    "/usr/bin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libx32",
    "/usr/libexec",
    "/usr/share",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/etc/alternatives",
    "/etc/ld.so.cache",
];

/// Links into `/usr` on most systems, folders on others.
pub(super) const ROOT: [&str; 6] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// What an interpreter needs of its own folder; somebody's project may be around it.
const INTERPRETER: [&str; 6] = ["bin", "lib", "lib32", "lib64", "pyvenv.cfg", "share/zoneinfo"];

/// A place in the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A file that must not be read.
    HiddenFile,
    /// A folder that is empty there.
    HiddenFolder,
    /// A file or folder to be read.
    Shown,
}

/// The places in the order in which they are mounted: what lies inside of another comes after it.
/// `Err` where Python cannot be shown without what is private.
pub(super) fn places(interpreter: &[PathBuf], private: &[PathBuf]) -> Result<Vec<Place>, String> {
    let mut shown: Vec<PathBuf> = SYSTEM.map(PathBuf::from).to_vec();
    shown.extend(ROOT.iter().map(PathBuf::from).filter(|path| !path.is_symlink()));
    let prefixes = interpreter.iter().filter(|folder| !is_of_the_system(folder));
    shown.extend(prefixes.flat_map(|folder| INTERPRETER.map(|part| folder.join(part))));
    shown.retain(|path| path.exists());
    let mut places = Vec::new();
    for path in private {
        hide(path, &shown, &mut places)?;
    }
    places.extend(shown.into_iter().map(|path| Place { path, kind: Kind::Shown }));
    places.sort();
    places.dedup();
    Ok(places)
}

/// Whether a prefix is one whose parts are shown in any case.
fn is_of_the_system(folder: &Path) -> bool {
    ["/", "/usr", "/usr/local"].iter().any(|prefix| folder == Path::new(prefix))
}

/// Hides a private path wherever a shown folder has it, links followed.
fn hide(private: &Path, shown: &[PathBuf], places: &mut Vec<Place>) -> Result<(), String> {
    // What is not there cannot be read either.
    let Ok(private) = private.canonicalize() else { return Ok(()) };
    let kind = if private.is_dir() { Kind::HiddenFolder } else { Kind::HiddenFile };
    for folder in shown {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let Ok(below) = private.strip_prefix(&real) else { continue };
        if below.as_os_str().is_empty() {
            return Err("it needs a folder that is private: DATA_DIR, or the one in which this \
                        server was started"
                .into());
        }
        places.push(Place { path: folder.join(below), kind });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder with `bin` and `lib`, as an interpreter has them, and a link to it.
    struct Prefix(PathBuf);

    impl Prefix {
        fn new() -> Self {
            let name = format!("chat-backend-view-{}", uuid::Uuid::new_v4());
            let folder = std::env::temp_dir().canonicalize().unwrap().join(name);
            for part in ["real/bin", "real/lib/data", "real/venv/bin", "real/data"] {
                fs::create_dir_all(folder.join(part)).unwrap();
            }
            fs::write(folder.join("real/lib/.env"), "KEY=1").unwrap();
            std::os::unix::fs::symlink(folder.join("real"), folder.join("link")).unwrap();
            Self(folder)
        }

        /// The own places, relative to this folder.
        fn places(&self, interpreter: &[&str], private: &[&str]) -> Result<Vec<String>, String> {
            let join = |paths: &[&str]| paths.iter().map(|path| self.0.join(path)).collect();
            let (interpreter, private): (Vec<_>, Vec<_>) = (join(interpreter), join(private));
            let places = places(&interpreter, &private)?;
            let own = places.into_iter().filter_map(|place| {
                let path = place.path.strip_prefix(&self.0).ok()?.display().to_string();
                Some(match place.kind {
                    Kind::Shown => path,
                    Kind::HiddenFolder => format!("-{path}/"),
                    Kind::HiddenFile => format!("-{path}"),
                })
            });
            Ok(own.collect())
        }
    }

    impl Drop for Prefix {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn of_an_interpreters_folder_only_its_own_parts_are_shown() {
        let prefix = Prefix::new();
        assert_eq!(
            prefix.places(&["real"], &["real", "real/data"]).unwrap(),
            ["real/bin", "real/lib"]
        );
        assert_eq!(prefix.places(&["real/venv"], &["real"]).unwrap(), ["real/venv/bin"]);
    }

    #[test]
    fn what_is_private_is_hidden_inside_of_what_is_shown() {
        let prefix = Prefix::new();
        let private = ["real/lib/data", "link/lib/.env", "real/lib/nothing"];
        assert_eq!(
            prefix.places(&["real"], &private).unwrap(),
            ["real/bin", "real/lib", "-real/lib/.env", "-real/lib/data/"]
        );
        assert_eq!(
            prefix.places(&["link"], &private).unwrap(),
            ["link/bin", "link/lib", "-link/lib/.env", "-link/lib/data/"]
        );
        assert!(prefix.places(&["real"], &["link/lib"]).is_err());
    }

    #[test]
    fn an_interpreter_inside_of_a_hidden_folder_is_shown_again() {
        let prefix = Prefix::new();
        fs::create_dir_all(prefix.0.join("real/lib/data/venv/bin")).unwrap();
        let places = prefix.places(&["real", "real/lib/data/venv"], &["real/lib/data"]).unwrap();
        assert_eq!(places, ["real/bin", "real/lib", "-real/lib/data/", "real/lib/data/venv/bin"]);
    }

    #[test]
    fn the_system_is_shown_once() {
        let places = places(&["/usr".into(), "/".into(), "/usr/local".into()], &[]).unwrap();
        let known: Vec<_> = SYSTEM.iter().chain(&ROOT).map(PathBuf::from).collect();
        assert!(places.iter().all(|place| known.contains(&place.path)), "{places:?}");
        assert!(places.is_sorted() && !places.is_empty());
    }
}
