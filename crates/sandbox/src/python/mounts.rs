//! Which folders of the machine Python can see, and which paths inside them are hidden.

use std::path::{Path, PathBuf};

use super::mount_points::MountPoints;

/// Programs and libraries of the system, read-only. Not all of `/usr`, because servers are installed
/// there.
const SYSTEM: [&str; 13] = [
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
    "/nix/store",
];

/// Links into `/usr` on most systems, folders on others.
pub(super) const ROOT: [&str; 6] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// A file or folder of the machine, and where scripts see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) outside: PathBuf,
    pub(super) inside: PathBuf,
}

impl Source {
    /// Where it is outside as well.
    fn in_place(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { outside: path.clone(), inside: path }
    }
}

/// A path as it appears in the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mount {
    pub(super) path: PathBuf,
    pub(super) visibility: Visibility,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Visibility {
    /// A file that cannot be read.
    HiddenFile,
    /// A folder that appears empty.
    HiddenFolder,
    /// This file or folder, read-only.
    Shown(PathBuf),
}

/// The mounts in the order in which they are made: a path inside of another comes after it. `Err` if
/// an interpreter cannot be made visible without a private path.
pub(super) fn plan(interpreter: &[Source], private: &[PathBuf]) -> Result<Vec<Mount>, String> {
    let mut shown: Vec<Source> = SYSTEM.map(Source::in_place).to_vec();
    let root = ROOT.iter().filter(|path| !Path::new(path).is_symlink());
    shown.extend(root.map(Source::in_place));
    shown.extend_from_slice(interpreter);
    shown.retain(|source| source.outside.exists());
    let mut mounts = Vec::new();
    let mount_points = MountPoints::of_this_process();
    for path in private {
        // A path that does not exist cannot be read either.
        let Ok(path) = path.canonicalize() else { continue };
        for place in mount_points.places(&path).iter().filter(|place| place.exists()) {
            hide(place, &shown, &mut mounts)?;
        }
    }
    mounts.extend(shown.into_iter().map(|source| Mount {
        path: source.inside,
        visibility: Visibility::Shown(source.outside),
    }));
    mounts.sort();
    mounts.dedup();
    Ok(mounts)
}

/// Whether a path is shown in any case, or a prefix whose parts are.
pub(super) fn is_of_the_system(path: &Path) -> bool {
    ["/", "/usr", "/usr/local"].iter().any(|prefix| path == Path::new(prefix))
        || SYSTEM.iter().any(|folder| path.starts_with(folder))
}

/// Hides a private path without links wherever a visible folder contains it, also through links.
fn hide(private: &Path, shown: &[Source], mounts: &mut Vec<Mount>) -> Result<(), String> {
    let visibility =
        if private.is_dir() { Visibility::HiddenFolder } else { Visibility::HiddenFile };
    for source in shown {
        let real = source.outside.canonicalize().unwrap_or_else(|_| source.outside.clone());
        let Ok(below) = private.strip_prefix(&real) else { continue };
        if below.as_os_str().is_empty() {
            return Err("it needs a folder that is private".into());
        }
        mounts.push(Mount { path: source.inside.join(below), visibility: visibility.clone() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder with `lib`, as an interpreter has it, and a link to it.
    struct Prefix(PathBuf);

    impl Prefix {
        fn new() -> Self {
            let name = format!("sandbox-mounts-{}", uuid::Uuid::new_v4());
            let folder = std::env::temp_dir().canonicalize().unwrap().join(name);
            fs::create_dir_all(folder.join("real/lib/data")).unwrap();
            fs::write(folder.join("real/lib/.env"), "KEY=1").unwrap();
            std::os::unix::fs::symlink(folder.join("real"), folder.join("link")).unwrap();
            Self(folder)
        }

        /// What appears below `/python` when a folder is shown as `/python/lib`.
        fn mounts(&self, lib: &str, private: &[&str]) -> Result<Vec<String>, String> {
            let lib = Source { outside: self.0.join(lib), inside: "/python/lib".into() };
            let private: Vec<_> = private.iter().map(|path| self.0.join(path)).collect();
            let mounts = plan(&[lib], &private)?;
            let own = mounts.into_iter().filter_map(|mount| {
                let path = mount.path.strip_prefix("/python").ok()?.display().to_string();
                Some(match mount.visibility {
                    Visibility::Shown(_) => path,
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
    fn what_is_private_is_hidden_inside_of_what_is_shown() {
        let prefix = Prefix::new();
        let private = ["real/lib/data", "link/lib/.env", "real/lib/nothing"];
        for lib in ["real/lib", "link/lib"] {
            assert_eq!(prefix.mounts(lib, &private).unwrap(), ["lib", "-lib/.env", "-lib/data/"]);
            assert!(prefix.mounts(lib, &["link/lib"]).is_err());
        }
        assert_eq!(prefix.mounts("real/lib", &["real"]).unwrap(), ["lib"]);
        assert_eq!(prefix.mounts("real/nothing", &[]).unwrap(), [""; 0]);
    }

    #[test]
    fn the_system_is_shown_once() {
        let mounts = plan(&[], &[]).unwrap();
        let known: Vec<_> = SYSTEM.iter().chain(&ROOT).map(PathBuf::from).collect();
        assert!(mounts.iter().all(|mount| known.contains(&mount.path)), "{mounts:?}");
        assert!(mounts.is_sorted() && !mounts.is_empty());
        for (path, is_system) in
            [("/usr", true), ("/usr/lib/python3", true), ("/usr/x", false), ("/home/x", false)]
        {
            assert_eq!(is_of_the_system(Path::new(path)), is_system, "{path}");
        }
    }
}
