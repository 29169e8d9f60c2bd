//! Where an interpreter and its packages are inside of the sandbox. Scripts do not see where they are
//! outside, which may tell a user's name or what else is on the machine.

use std::path::{Path, PathBuf};

use super::mounts::{Source, is_of_the_system};

/// The folder of an interpreter that is not the system's.
const HOME: &str = "/python";
/// The folders of packages that are neither in there nor the system's.
const PACKAGES: &str = "/packages";
/// The parts of an interpreter's folder that it needs, besides its program.
const PARTS: [&str; 4] = ["lib", "lib32", "lib64", "share/zoneinfo"];

/// An interpreter as scripts see it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) program: String,
    /// The folders of its packages, joined by colons.
    pub(super) packages: String,
    /// What has to be shown for it.
    pub(super) sources: Vec<Source>,
    /// Where its shared libraries are, if the system does not know it.
    pub(super) libraries: Option<String>,
}

impl Layout {
    /// The layout of an interpreter's program, links resolved, and the folders of its packages.
    pub(super) fn new(program: &Path, packages: &[PathBuf]) -> Self {
        let home = program.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        let mut layout = Self {
            program: text(program),
            packages: String::new(),
            sources: Vec::new(),
            libraries: None,
        };
        if !is_of_the_system(home) {
            layout.relocate(home, program);
        }
        let packages = packages.iter().filter(|folder| folder.exists());
        let inside: Vec<_> = packages.map(|folder| layout.inside(folder, home)).collect();
        layout.packages = inside.join(":");
        layout
    }

    fn relocate(&mut self, home: &Path, program: &Path) {
        let name = program.file_name().map(Path::new).unwrap_or(Path::new("python3"));
        let inside = Path::new(HOME).join("bin").join(name);
        self.program = text(&inside);
        self.sources.push(Source { outside: program.to_owned(), inside });
        for part in PARTS {
            let source = Source { outside: home.join(part), inside: Path::new(HOME).join(part) };
            self.sources.push(source);
        }
        self.libraries = Some(format!("{HOME}/lib"));
    }

    /// The path of a folder of packages, which is shown if it is not already.
    fn inside(&mut self, folder: &Path, home: &Path) -> String {
        if is_of_the_system(folder) {
            return text(folder);
        }
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        if let Ok(below) = real.strip_prefix(home)
            && PARTS.iter().any(|part| below.starts_with(part))
            && !is_of_the_system(home)
        {
            return text(&Path::new(HOME).join(below));
        }
        let before = self.sources.iter().filter(|source| source.inside.starts_with(PACKAGES));
        let inside = PathBuf::from(format!("{PACKAGES}/{}", before.count()));
        self.sources.push(Source { outside: real, inside: inside.clone() });
        text(&inside)
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_interpreter_stays_where_it_is() {
        let layout = Layout::new(Path::new("/usr/bin/python3.11"), &["/usr/lib".into()]);
        assert_eq!((&*layout.program, &*layout.packages), ("/usr/bin/python3.11", "/usr/lib"));
        assert_eq!((layout.sources, layout.libraries), (Vec::new(), None));
    }

    #[test]
    fn another_one_is_moved_with_its_packages() {
        let folder = std::env::temp_dir().canonicalize().unwrap();
        let home = folder.join(format!("sandbox-layout-{}", uuid::Uuid::new_v4()));
        let (packages, venv) = (home.join("lib/python3.11/site-packages"), home.join("venv"));
        for path in [&packages, &venv] {
            std::fs::create_dir_all(path).unwrap();
        }
        let layout = Layout::new(&home.join("bin/python3.11"), &[venv, packages]);
        std::fs::remove_dir_all(&home).unwrap();
        assert_eq!(layout.program, "/python/bin/python3.11");
        assert_eq!(layout.packages, "/packages/0:/python/lib/python3.11/site-packages");
        let inside: Vec<_> = layout.sources.iter().map(|source| text(&source.inside)).collect();
        assert_eq!(inside[..2], ["/python/bin/python3.11", "/python/lib"]);
        assert!(!inside.iter().any(|path| path.contains("sandbox-layout")), "{inside:?}");
    }
}
