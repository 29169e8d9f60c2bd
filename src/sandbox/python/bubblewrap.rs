//! What Python sees of the machine, as bubblewrap's arguments.

use std::path::{Path, PathBuf};

/// Namespaces of its own, no capabilities, no terminal, an environment of its own.
const ISOLATION: &str = "--unshare-all --unshare-user --uid 1000 --gid 1000 --hostname sandbox \
    --die-with-parent --new-session --cap-drop ALL \
    --setenv PATH /usr/bin:/bin --setenv HOME /tmp --setenv LANG C.UTF-8 \
    --setenv MPLCONFIGDIR /tmp --setenv MPLBACKEND agg --setenv OPENBLAS_NUM_THREADS 1";

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
const ROOT: [&str; 6] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// What Python may have in `/tmp`.
const MAX_TMP_BYTES: u64 = 32 << 20;

/// All arguments before the program. `Err` where the interpreter cannot be shown without showing the
/// server's own files.
pub(super) fn arguments(
    interpreter: &[PathBuf],
    files_bytes: u64,
) -> Result<impl Iterator<Item = String>, String> {
    let tmp_bytes = MAX_TMP_BYTES.min(files_bytes);
    let places = format!(
        "--dev /dev --remount-ro /dev --size {files_bytes} --tmpfs /files \
         --size {tmp_bytes} --tmpfs /tmp --chdir /files --remount-ro /"
    );
    let here = std::env::current_dir().unwrap_or_default();
    let own = own_folders(interpreter);
    if own.iter().map(PathBuf::as_path).chain(SYSTEM.map(Path::new)).any(|f| here.starts_with(f)) {
        return Err("the folder of this server is inside one that Python needs".into());
    }
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let system = SYSTEM.iter().flat_map(|path| bind("--ro-bind-try", Path::new(path)));
    let own: Vec<_> = own.iter().flat_map(|path| bind("--ro-bind", path)).collect();
    let root = ROOT.iter().flat_map(|path| link_or_bind(Path::new(path)));
    Ok(words(ISOLATION).into_iter().chain(system).chain(root).chain(own).chain(words(&places)))
}

/// The interpreter's folders that the system's do not contain.
fn own_folders(interpreter: &[PathBuf]) -> Vec<PathBuf> {
    let is_shown = |folder: &Path| {
        SYSTEM.iter().any(|system| folder.starts_with(system))
            || [Path::new("/"), Path::new("/usr"), Path::new("/usr/local")].contains(&folder)
    };
    let mut own: Vec<_> = interpreter.iter().filter(|folder| !is_shown(folder)).cloned().collect();
    own.sort();
    own.dedup();
    own
}

fn link_or_bind(path: &Path) -> [String; 3] {
    match std::fs::read_link(path) {
        Ok(target) => ["--symlink".to_owned(), text(&target), text(path)],
        Err(_) => bind("--ro-bind-try", path),
    }
}

fn bind(how: &str, path: &Path) -> [String; 3] {
    [how.to_owned(), text(path), text(path)]
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(folders: &[&str]) -> Result<String, String> {
        let folders: Vec<_> = folders.iter().map(PathBuf::from).collect();
        arguments(&folders, 1_000).map(|words| words.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn only_the_interpreter_is_shown_besides_the_system() {
        let words =
            shown(&["/usr", "/usr/lib/python3", "/opt/python", "/opt/python", "/"]).unwrap();
        assert_eq!(words.matches("--ro-bind /").count(), 1, "{words}");
        assert!(words.contains("--ro-bind /opt/python /opt/python "), "{words}");
        assert!(words.contains("--size 1000 --tmpfs /files --size 1000 --tmpfs /tmp "), "{words}");
    }

    #[test]
    fn the_servers_own_folder_is_never_shown() {
        let here = std::env::current_dir().unwrap();
        let above = here.parent().unwrap().to_str().unwrap().to_owned();
        assert!(shown(&[&above]).is_err());
        let inside = here.join("venv").to_str().unwrap().to_owned();
        assert!(shown(&[&inside]).is_ok());
    }
}
