//! The arguments of bubblewrap, which decide what Python can see of the machine.

use std::path::{Path, PathBuf};

use super::layout::Layout;
use super::mounts::{self, Mount, ROOT, Visibility};

/// Separate namespaces, no capabilities, no terminal, an environment of its own.
const ISOLATION: &str = "--unshare-all --unshare-user --uid 1000 --gid 1000 --hostname sandbox \
    --die-with-parent --new-session --cap-drop ALL \
    --setenv PATH /usr/bin:/bin --setenv HOME /tmp --setenv LANG C.UTF-8 \
    --setenv MPLCONFIGDIR /tmp --setenv MPLBACKEND agg --setenv OPENBLAS_NUM_THREADS 1";

/// The size limit of `/tmp`.
const MAX_TMP_BYTES: u64 = 32 << 20;

/// All arguments before the program. `Err` if the interpreter cannot be made visible without a private
/// path.
pub(super) fn arguments(
    layout: &Layout,
    private: &[PathBuf],
    files_bytes: u64,
) -> Result<Vec<String>, String> {
    let mounts = mounts::plan(&layout.sources, private)?;
    let tmp_bytes = MAX_TMP_BYTES.min(files_bytes);
    let mut arguments = words(ISOLATION);
    let libraries = layout.libraries.iter();
    arguments.extend(libraries.flat_map(|path| words(&format!("--setenv LD_LIBRARY_PATH {path}"))));
    arguments.extend(ROOT.iter().filter_map(|path| link(path)).flatten());
    arguments.extend(words(&format!(
        "--dev /dev --remount-ro /dev --size {files_bytes} --tmpfs /files \
         --size {tmp_bytes} --tmpfs /tmp"
    )));
    arguments.extend(mounts.iter().flat_map(mount_arguments));
    let hidden = mounts.iter().filter(|mount| mount.visibility == Visibility::HiddenFolder);
    arguments.extend(hidden.flat_map(|mount| ["--remount-ro".to_owned(), text(&mount.path)]));
    arguments.extend(words("--chdir /files --remount-ro /"));
    Ok(arguments)
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn mount_arguments(mount: &Mount) -> Vec<String> {
    let path = text(&mount.path);
    match &mount.visibility {
        Visibility::Shown(outside) => vec!["--ro-bind-try".into(), text(outside), path],
        Visibility::HiddenFolder => vec!["--tmpfs".into(), path],
        Visibility::HiddenFile => vec!["--ro-bind".into(), "/dev/null".into(), path],
    }
}

fn link(path: &str) -> Option<[String; 3]> {
    let target = std::fs::read_link(path).ok()?;
    Some(["--symlink".to_owned(), text(&target), path.to_owned()])
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments_for(private: &[PathBuf]) -> String {
        let layout = Layout {
            program: String::new(),
            packages: String::new(),
            sources: Vec::new(),
            libraries: None,
        };
        arguments(&layout, private, 1_000).unwrap().join(" ")
    }

    #[test]
    fn what_can_be_written_is_bounded() {
        let words = arguments_for(&[]);
        assert!(words.contains("--size 1000 --tmpfs /files --size 1000 --tmpfs /tmp "), "{words}");
        assert!(words.contains("--ro-bind-try /usr/bin /usr/bin "), "{words}");
    }

    #[test]
    fn what_is_hidden_is_empty_and_cannot_be_written() {
        let hidden = Path::new("/usr/share/misc").canonicalize();
        let Ok(hidden) = hidden else { return };
        let words = arguments_for(std::slice::from_ref(&hidden));
        let hidden = hidden.display();
        let (shown, rest) = words.split_once("--ro-bind-try /usr/share /usr/share ").unwrap();
        assert!(!shown.contains("/usr/share"), "{words}");
        assert!(rest.contains(&format!("--tmpfs {hidden} ")), "{words}");
        assert!(rest.contains(&format!("--remount-ro {hidden} ")), "{words}");
    }
}
