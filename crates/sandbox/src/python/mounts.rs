//! Which folders of the machine Python can see, and which paths inside them are hidden.

use std::path::{Path, PathBuf};

/// Programs and libraries of the system, read-only. Not all of `/usr`, because servers are installed
/// there.
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

/// The parts of an interpreter's folder that it needs; the folder may be part of somebody's project.
const INTERPRETER: [&str; 6] = ["bin", "lib", "lib32", "lib64", "pyvenv.cfg", "share/zoneinfo"];

/// A path of the machine as it appears in the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mount {
    pub(super) path: PathBuf,
    pub(super) visibility: Visibility,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Visibility {
    /// A file that cannot be read.
    HiddenFile,
    /// A folder that appears empty.
    HiddenFolder,
    /// A file or folder, read-only.
    Shown,
}

/// The mounts in the order in which they are made: a path inside of another comes after it. `Err` if
/// the interpreter cannot be made visible without a private path.
pub(super) fn plan(interpreter: &[PathBuf], private: &[PathBuf]) -> Result<Vec<Mount>, String> {
    let mut shown: Vec<PathBuf> = SYSTEM.map(PathBuf::from).to_vec();
    shown.extend(ROOT.iter().map(PathBuf::from).filter(|path| !path.is_symlink()));
    let prefixes = interpreter.iter().filter(|folder| !is_of_the_system(folder));
    shown.extend(prefixes.flat_map(|folder| INTERPRETER.map(|part| folder.join(part))));
    shown.retain(|path| path.exists());
    let mut mounts = Vec::new();
    for path in private {
        hide(path, &shown, &mut mounts)?;
    }
    mounts.extend(shown.into_iter().map(|path| Mount { path, visibility: Visibility::Shown }));
    mounts.sort();
    mounts.dedup();
    Ok(mounts)
}

/// Whether a prefix is one whose parts are shown in any case.
fn is_of_the_system(folder: &Path) -> bool {
    ["/", "/usr", "/usr/local"].iter().any(|prefix| folder == Path::new(prefix))
}

/// Hides a private path wherever a visible folder contains it, also through links.
fn hide(private: &Path, shown: &[PathBuf], mounts: &mut Vec<Mount>) -> Result<(), String> {
    // A path that does not exist cannot be read either.
    let Ok(private) = private.canonicalize() else { return Ok(()) };
    let visibility =
        if private.is_dir() { Visibility::HiddenFolder } else { Visibility::HiddenFile };
    for folder in shown {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let Ok(below) = private.strip_prefix(&real) else { continue };
        if below.as_os_str().is_empty() {
            return Err("it needs a folder that is private".into());
        }
        mounts.push(Mount { path: folder.join(below), visibility });
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
            let name = format!("sandbox-mounts-{}", uuid::Uuid::new_v4());
            let folder = std::env::temp_dir().canonicalize().unwrap().join(name);
            for part in ["real/bin", "real/lib/data", "real/venv/bin", "real/data"] {
                fs::create_dir_all(folder.join(part)).unwrap();
            }
            fs::write(folder.join("real/lib/.env"), "KEY=1").unwrap();
            std::os::unix::fs::symlink(folder.join("real"), folder.join("link")).unwrap();
            Self(folder)
        }

        /// The own mounts, relative to this folder.
        fn mounts(&self, interpreter: &[&str], private: &[&str]) -> Result<Vec<String>, String> {
            let join = |paths: &[&str]| paths.iter().map(|path| self.0.join(path)).collect();
            let (interpreter, private): (Vec<_>, Vec<_>) = (join(interpreter), join(private));
            let mounts = plan(&interpreter, &private)?;
            let own = mounts.into_iter().filter_map(|mount| {
                let path = mount.path.strip_prefix(&self.0).ok()?.display().to_string();
                Some(match mount.visibility {
                    Visibility::Shown => path,
                    Visibility::HiddenFolder => format!("-{path}/"),
                    Visibility::HiddenFile => format!("-{path}"),
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
            prefix.mounts(&["real"], &["real", "real/data"]).unwrap(),
            ["real/bin", "real/lib"]
        );
        assert_eq!(prefix.mounts(&["real/venv"], &["real"]).unwrap(), ["real/venv/bin"]);
    }

    #[test]
    fn what_is_private_is_hidden_inside_of_what_is_shown() {
        let prefix = Prefix::new();
        let private = ["real/lib/data", "link/lib/.env", "real/lib/nothing"];
        assert_eq!(
            prefix.mounts(&["real"], &private).unwrap(),
            ["real/bin", "real/lib", "-real/lib/.env", "-real/lib/data/"]
        );
        assert_eq!(
            prefix.mounts(&["link"], &private).unwrap(),
            ["link/bin", "link/lib", "-link/lib/.env", "-link/lib/data/"]
        );
        assert!(prefix.mounts(&["real"], &["link/lib"]).is_err());
    }

    #[test]
    fn an_interpreter_inside_of_a_hidden_folder_is_shown_again() {
        let prefix = Prefix::new();
        fs::create_dir_all(prefix.0.join("real/lib/data/venv/bin")).unwrap();
        let mounts = prefix.mounts(&["real", "real/lib/data/venv"], &["real/lib/data"]).unwrap();
        assert_eq!(mounts, ["real/bin", "real/lib", "-real/lib/data/", "real/lib/data/venv/bin"]);
    }

    #[test]
    fn the_system_is_shown_once() {
        let mounts = plan(&["/usr".into(), "/".into(), "/usr/local".into()], &[]).unwrap();
        let known: Vec<_> = SYSTEM.iter().chain(&ROOT).map(PathBuf::from).collect();
        assert!(mounts.iter().all(|mount| known.contains(&mount.path)), "{mounts:?}");
        assert!(mounts.is_sorted() && !mounts.is_empty());
    }
}
