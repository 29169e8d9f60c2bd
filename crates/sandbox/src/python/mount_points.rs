//! Where else a path of this machine appears: a folder can be mounted in several places.

use std::fs;
use std::path::{Path, PathBuf};

/// What is mounted where, in the order in which it was mounted.
#[derive(Default)]
pub(super) struct MountPoints(Vec<MountPoint>);

struct MountPoint {
    /// The file system.
    device: String,
    /// The folder of the file system that is mounted.
    root: PathBuf,
    /// Where it is mounted.
    path: PathBuf,
}

impl MountPoints {
    /// Those that this process sees.
    pub(super) fn of_this_process() -> Self {
        Self::parse(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    fn parse(mountinfo: &str) -> Self {
        Self(mountinfo.lines().filter_map(MountPoint::parse).collect())
    }

    /// A path without links, and all other places where it, or a part of it, appears.
    pub(super) fn places(&self, path: &Path) -> Vec<PathBuf> {
        let mut places = vec![path.to_owned()];
        let around = self.0.iter().filter(|mount| path.starts_with(&mount.path));
        // Of several mounts on one folder the last one is seen.
        let Some(here) = around.max_by_key(|mount| mount.path.components().count()) else {
            return places;
        };
        let stored = below(&here.root, path.strip_prefix(&here.path).unwrap_or(path));
        for mount in self.0.iter().filter(|mount| mount.device == here.device) {
            if let Ok(rest) = stored.strip_prefix(&mount.root) {
                places.push(below(&mount.path, rest));
            } else if mount.root.starts_with(&stored) {
                places.push(mount.path.clone());
            }
        }
        places.sort();
        places.dedup();
        places
    }
}

impl MountPoint {
    /// A line of `/proc/self/mountinfo`.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(' ').skip(2);
        let device = fields.next()?.to_owned();
        Some(Self { device, root: unescaped(fields.next()?), path: unescaped(fields.next()?) })
    }
}

/// Joins without a slash at the end.
fn below(folder: &Path, rest: &Path) -> PathBuf {
    folder.components().chain(rest.components()).collect()
}

/// The kernel writes spaces and the like as `\040`.
fn unescaped(field: &str) -> PathBuf {
    let mut pieces = field.split('\\');
    let mut path = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let code = piece.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                path.push(char::from(code));
                path += &piece[3..];
            }
            None => path = format!("{path}\\{piece}"),
        }
    }
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &str = "\
        22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        30 22 254:0 /srv/chat /usr/local/lib/chat rw - ext4 /dev/vda rw\n\
        31 22 254:0 /srv/chat/storage /opt/my\\040files rw - ext4 /dev/vda rw\n\
        32 22 0:45 / /mnt rw - tmpfs tmpfs rw\n\
        33 22 0:45 /in /usr/share/in rw - tmpfs tmpfs rw\n";

    fn places(path: &str) -> Vec<String> {
        let places = MountPoints::parse(MOUNTINFO).places(Path::new(path));
        places.into_iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_path_is_found_wherever_it_is_mounted() {
        assert_eq!(
            places("/srv/chat"),
            ["/opt/my files", "/srv/chat", "/usr/local/lib/chat"],
            "a part of it counts as well"
        );
        assert_eq!(
            places("/usr/local/lib/chat/storage/x"),
            ["/opt/my files/x", "/srv/chat/storage/x", "/usr/local/lib/chat/storage/x"]
        );
        assert_eq!(places("/mnt/in/x"), ["/mnt/in/x", "/usr/share/in/x"]);
        assert_eq!(places("/mnt/other"), ["/mnt/other"]);
        assert_eq!(places("/srv/chats"), ["/srv/chats"]);
        let none = MountPoints::default().places(Path::new("/srv"));
        assert_eq!(none, [Path::new("/srv")]);
    }
}
