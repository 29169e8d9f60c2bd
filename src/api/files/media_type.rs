//! Detects the media type of a file by its first bytes, its name and the declared type. Pure.

use super::text::decode_start;

/// How many bytes the detection needs.
pub(super) const HEAD: usize = 512;

const UNKNOWN: &str = "application/octet-stream";
const UNKNOWN_ZIP: &str = "application/zip";

/// The media type that is stored. `Err` says what the bytes are instead of what was declared.
pub(super) fn media_type(
    declared: Option<&str>,
    name: &str,
    head: &[u8],
) -> Result<String, &'static str> {
    let found = sniff(head);
    let is_zip = found == Some("application/zip");
    let declared = declared.and_then(essence).filter(|declared| declared != UNKNOWN);
    if is_zip
        && declared
            .as_deref()
            .is_none_or(|declared| is_same(declared, UNKNOWN_ZIP) || !is_known(declared))
        && let Some(format) = zip_format(name)
    {
        return Ok(format);
    }
    let Some(declared) = declared else {
        return Ok(found.map_or_else(|| by_name(name, head), str::to_owned));
    };
    let declared = if declared == "image/jpg" { "image/jpeg".to_owned() } else { declared };
    match found {
        Some(found) if is_same(&declared, found) => Ok(declared),
        Some(found) if is_known(&declared) => Err(found),
        // A signature inside a format of its own, such as a ZIP in a word processor's file.
        Some(_) => Ok(declared),
        None if has_signature(&declared) && !head.is_empty() => Err("something else"),
        None if is_text(&declared) && head.contains(&0) && decode_start(head).is_none() => {
            Err("binary")
        }
        // Systems know some extensions of source code and tables as something else.
        None if !is_text(&declared)
            && is_text_by_extension(name)
            && reads_like_text(head, name) =>
        {
            Ok(by_name(name, head))
        }
        None => Ok(declared),
    }
}

/// Types that browsers display without running scripts in them.
pub(super) fn is_inline(media_type: &str) -> bool {
    let safe = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"];
    safe.contains(&media_type)
        || matches!(media_type, "application/pdf" | "text/plain")
        || media_type.starts_with("audio/")
        || media_type.starts_with("video/")
}

/// Whether a file of this type is text.
pub fn is_text(media_type: &str) -> bool {
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let formats = [
        "json",
        "+xml",
        "/xml",
        "yaml",
        "toml",
        "csv",
        "javascript",
        "typescript",
        "markdown",
        "sql",
        "ndjson",
        "jsonl",
        "x-sh",
        "x-python",
    ];
    media_type.starts_with("text/") || formats.iter().any(|format| media_type.ends_with(format))
}

/// Formats with a signature. Libraries that detect types, such as `infer`, look at fewer bytes or
/// further into the file: a text that begins with `GIF` or `BM`, or mentions `%PDF`, would no longer
/// be recognized as text.
const SIGNATURES: &[(&str, &[u8])] = &[
    ("image/png", b"\x89PNG\r\n\x1a\n"),
    ("image/jpeg", b"\xff\xd8\xff"),
    ("image/gif", b"GIF8"),
    ("image/bmp", b"BM"),
    ("application/pdf", b"%PDF-"),
    ("application/zip", b"PK\x03\x04"),
    ("application/gzip", b"\x1f\x8b\x08"),
    ("application/x-executable", b"\x7fELF"),
    ("audio/mpeg", b"ID3"),
    ("audio/flac", b"fLaC"),
    ("application/ogg", b"OggS"),
    ("video/webm", b"\x1a\x45\xdf\xa3"),
    ("application/vnd.sqlite3", b"SQLite format 3\0"),
    // The header of its first page follows; a text may begin with the letters.
    ("application/vnd.apache.parquet", b"PAR1\x15"),
];

/// Formats that are ZIP archives: which one it is, the extension says.
fn zip_format(name: &str) -> Option<String> {
    let guess = mime_guess::from_path(name).first()?;
    let guess = guess.essence_str();
    let is_zip = guess == "application/epub+zip"
        || guess.starts_with("application/vnd.openxmlformats-officedocument.")
        || guess.starts_with("application/vnd.oasis.opendocument.")
        || guess.starts_with("application/vnd.ms-") && guess.ends_with(".macroenabled.12");
    is_zip.then(|| guess.to_owned())
}

/// Types that the first bytes tell, or that they contradict.
fn is_known(media_type: &str) -> bool {
    SIGNATURES.iter().any(|(kind, _)| *kind == media_type) || is_text(media_type)
}

fn sniff(head: &[u8]) -> Option<&'static str> {
    let riff = |kind: &[u8]| head.starts_with(b"RIFF") && head.get(8..12) == Some(kind);
    if riff(b"WEBP") {
        return Some("image/webp");
    }
    if riff(b"WAVE") {
        return Some("audio/wav");
    }
    if head.get(4..8) == Some(b"ftyp") {
        let is_avif = matches!(head.get(8..12), Some(b"avif" | b"avis"));
        return Some(if is_avif { "image/avif" } else { "video/mp4" });
    }
    // Two letters alone may begin any text.
    let is_bitmap = head.starts_with(b"BM") && head.get(6..10) == Some(&[0; 4]);
    SIGNATURES
        .iter()
        .find(|(kind, signature)| {
            head.starts_with(signature) && (*kind != "image/bmp" || is_bitmap)
        })
        .map(|(kind, _)| *kind)
        .or_else(|| looks_like_markup(head))
}

/// HTML and SVG, which run scripts where a browser shows them.
fn looks_like_markup(head: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with("<!doctype html") || text.starts_with("<html") {
        return Some("text/html");
    }
    let is_svg = text.starts_with("<svg") || text.starts_with("<?xml") && text.contains("<svg");
    is_svg.then_some("image/svg+xml")
}

/// Declared pictures and PDF files must match their signature: models and browsers rely on the type.
fn has_signature(media_type: &str) -> bool {
    const CHECKED: [&str; 7] = [
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "image/bmp",
        "image/avif",
        "application/pdf",
    ];
    CHECKED.contains(&media_type)
}

fn is_same(declared: &str, found: &str) -> bool {
    declared == found
        || match found {
            // Source code counts as text.
            "text/html" | "image/svg+xml" => {
                is_text(declared) && declared != "text/html" || declared.ends_with("xml")
            }
            "video/mp4" => {
                ["video/", "audio/", "image/"].iter().any(|kind| declared.starts_with(kind))
            }
            "video/webm" => declared.starts_with("video/") || declared.starts_with("audio/"),
            "application/ogg" => declared.contains("ogg") || declared.contains("opus"),
            "application/gzip" => declared.contains("gzip"),
            "application/zip" => declared.contains("zip"),
            "audio/wav" => declared.starts_with("audio/"),
            _ => false,
        }
}

/// By the extension, or text if the content looks like it.
fn by_name(name: &str, head: &[u8]) -> String {
    let guess = mime_guess::from_path(name).first();
    let guess = guess.as_ref().map(mime_guess::Mime::essence_str);
    match guess {
        _ if reads_like_text(head, name) => {
            guess.filter(|guess| is_text(guess)).unwrap_or("text/plain")
        }
        Some(guess) if !has_signature(guess) && (!is_text(guess) || head.is_empty()) => guess,
        _ => UNKNOWN,
    }
    .to_owned()
}

fn is_text_by_extension(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let is_typescript = extension.is_some_and(|e| ["ts", "mts", "cts"].contains(&e.as_str()));
    is_typescript || mime_guess::from_path(name).iter().any(|guess| is_text(guess.essence_str()))
}

/// Whether there are no bytes that text never contains; the last character may be cut off. Of what is not
/// in Unicode, most must be ASCII where the name does not say that it is text.
fn reads_like_text(head: &[u8], name: &str) -> bool {
    let is_mostly_ascii = || {
        let ascii = head.iter().filter(|byte| byte.is_ascii()).count();
        ascii * 4 >= head.len() * 3
    };
    match decode_start(head) {
        Some(text) if text.is_guess => is_text_by_extension(name) || is_mostly_ascii(),
        Some(_) => !head.is_empty(),
        None => false,
    }
}

/// The type without parameters, in lower case; `None` for an invalid media type.
fn essence(declared: &str) -> Option<String> {
    let essence = declared.split(';').next()?.trim().to_ascii_lowercase();
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let (kind, subtype) = essence.split_once('/')?;
    (essence.len() <= 255 && is_token(kind) && is_token(subtype)).then_some(essence)
}

#[cfg(test)]
mod tests {
    use super::*;

    const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    #[test]
    fn types_are_found() {
        let cases: &[(Option<&str>, &str, &[u8], &str)] = &[
            (None, "a", PNG, "image/png"),
            (Some("application/octet-stream"), "a.txt", PNG, "image/png"),
            (Some("image/jpg"), "a", b"\xff\xd8\xff\xe0", "image/jpeg"),
            (Some("text/csv; charset=utf-8"), "a", b"a,b\n1,2", "text/csv"),
            (None, "data.csv", b"a,b\n1,2", "text/csv"),
            (None, "notes.md", b"# Hi", "text/markdown"),
            (None, "LICENSE", b"MIT", "text/plain"),
            (None, "blob", b"\0\x01", "application/octet-stream"),
            (None, "a.csv", b"\0\x01", "application/octet-stream"),
            (None, "a.png", b"hello", "text/plain"),
            (None, "a.txt", b"<!DOCTYPE html><p>", "text/html"),
            (None, "a.ts", b"const a = 1", "text/plain"),
            (None, "a.ts", b"G\0\x11\xff", "video/vnd.dlna.mpeg-tts"),
            (None, "empty.csv", b"", "text/csv"),
            (Some("video/mp2t"), "a.ts", b"const a = 1", "text/plain"),
            (Some("application/vnd.ms-excel"), "a.csv", b"a;b", "text/csv"),
            (Some("application/x-own"), "a.own", b"a;b", "application/x-own"),
            (Some("text/plain"), "a.txt", b"<svg onload=x>", "text/plain"),
            (Some("application/vnd.ms-excel"), "a.xls", b"PK\x03\x04", "application/vnd.ms-excel"),
            (None, "a.xlsx", b"PK\x03\x04", XLSX),
            (Some("application/zip"), "a.XLSX", b"PK\x03\x04", XLSX),
            (Some("application/x-zip-compressed"), "a.xlsx", b"PK\x03\x04", XLSX),
            (Some("application/octet-stream"), "a.epub", b"PK\x03\x04", "application/epub+zip"),
            (Some("application/vnd.ms-excel"), "a.xlsx", b"PK\x03\x04", XLSX),
            (None, "a.zip", b"PK\x03\x04", "application/zip"),
            (None, "a.txt", b"PK\x03\x04", "application/zip"),
            (None, "a.parquet", b"PAR1\x15\x04", "application/vnd.apache.parquet"),
            (None, "a", b"PAR1 is a word", "text/plain"),
            (None, "a.csv", b"caf\xe9;1", "text/csv"),
            (None, "a", b"Le caf\xe9 est bon", "text/plain"),
            (None, "a", b"\xe9\xe8\xfa\xf3", "application/octet-stream"),
            (None, "a.csv", b"\xff\xfea\0;\0b\0", "text/csv"),
            (Some("text/csv"), "a.csv", b"\xff\xfea\0;\0b\0", "text/csv"),
            (Some("text/plain"), "a.txt", b"\xfe\xff\0a\0b\xd8", "text/plain"),
            (Some("nonsense"), "a.json", b"{}", "application/json"),
            (Some("image/png"), "empty.png", b"", "image/png"),
        ];
        for (declared, name, head, expected) in cases {
            assert_eq!(media_type(*declared, name, head).as_deref(), Ok(*expected), "{name}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let cases: &[(&str, &[u8], &str)] = &[
            ("image/png", b"\xff\xd8\xff", "image/jpeg"),
            ("image/png", b"<html><script>", "text/html"),
            ("application/pdf", b"hello", "something else"),
            ("text/csv", PNG, "image/png"),
            ("text/plain", b"a\0b", "binary"),
            ("image/png", b"PK\x03\x04", "application/zip"),
            ("text/csv", b"PK\x03\x04", "application/zip"),
        ];
        for (declared, head, found) in cases {
            assert_eq!(media_type(Some(declared), "a", head), Err(*found), "{declared}");
        }
    }

    #[test]
    fn a_text_may_begin_almost_like_a_signature() {
        for text in
            ["GIF or PNG?", "BM is bitmap", "SQLite is small", "It has %PDF-1.7", "<!-- a -->"]
        {
            let found = media_type(Some("text/plain"), "a.txt", text.as_bytes());
            assert_eq!(found.as_deref(), Ok("text/plain"), "{text}");
        }
    }

    #[test]
    fn only_harmless_types_are_shown() {
        for shown in ["image/png", "application/pdf", "text/plain", "video/mp4"] {
            assert!(is_inline(shown), "{shown}");
        }
        for saved in ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", ""] {
            assert!(!is_inline(saved), "{saved}");
        }
    }
}
