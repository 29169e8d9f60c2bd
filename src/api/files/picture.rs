//! Checks the header of an image and reads its dimensions. Pure.

use imagesize::ImageError;

/// How many bytes are inspected: JPEG files have previews and colour profiles before their dimensions.
pub(super) const HEAD: usize = 64 << 10;

/// The width and height in pixels.
pub type Dimensions = (usize, usize);

/// Whether models receive a file of this type as a picture.
pub fn is_picture(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
}

/// The dimensions of a picture; `None` for other files, and if they are beyond these first bytes.
/// `Err` says why it cannot be a picture.
pub fn dimensions(
    media_type: &str,
    head: &[u8],
    size: u64,
) -> Result<Option<Dimensions>, &'static str> {
    if !is_picture(media_type) {
        return Ok(None);
    }
    match media_type {
        "image/png" => check_png(head, size)?,
        "image/webp" => check_webp(head, size)?,
        _ => {}
    }
    match imagesize::blob_size(head) {
        Ok(found) if found.width == 0 || found.height == 0 => {
            Err("is a picture without width or height")
        }
        // A header alone, or what follows it in the smallest picture.
        Ok(_) if size < smallest(media_type) => Err(CUT_SHORT),
        Ok(found) => Ok(Some((found.width, found.height))),
        Err(ImageError::IoError(_)) if (head.len() as u64) < size => Ok(None),
        Err(ImageError::IoError(_)) => Err(CUT_SHORT),
        Err(_) => Err(DAMAGED),
    }
}

const DAMAGED: &str = "is a damaged picture: its header cannot be read";
const CUT_SHORT: &str = "is a picture that is cut short: not all of it is there";

/// The chunks as far as the pixels, where they are in the first bytes.
fn check_png(head: &[u8], size: u64) -> Result<(), &'static str> {
    let is_whole = head.len() as u64 >= size;
    let mut rest = head.get(8..).unwrap_or_default();
    let mut name: &[u8] = b"IHDR";
    while let Some((start, after)) = rest.split_at_checked(8) {
        let (length, found) = start.split_at(4);
        let is_expected = name.is_empty() || found == name;
        if !is_expected || !found.iter().all(u8::is_ascii_alphabetic) || found == b"IEND" {
            return Err(DAMAGED);
        }
        let length = length.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)) + 4;
        let next = usize::try_from(length).ok().and_then(|length| after.get(length..));
        if next.is_none() && is_whole {
            return Err(CUT_SHORT);
        }
        let (Some(next), false) = (next, found == b"IDAT") else { return Ok(()) };
        (rest, name) = (next, b"");
    }
    if is_whole { Err(CUT_SHORT) } else { Ok(()) }
}

/// The header says how long the file is.
fn check_webp(head: &[u8], size: u64) -> Result<(), &'static str> {
    let length = head.get(4..8).and_then(|length| length.try_into().ok());
    let length = u64::from(length.map_or(0, u32::from_le_bytes));
    if length.saturating_add(8) > size { Err(CUT_SHORT) } else { Ok(()) }
}

/// Fewer bytes hold a header, but no pixel.
fn smallest(media_type: &str) -> u64 {
    match media_type {
        "image/png" => 67,
        "image/jpeg" => 100,
        "image/gif" => 26,
        _ => 30,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of 3 × 2 pixels and what may follow.
    fn png() -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02".to_vec();
        png.resize(33, 0);
        png.extend(b"\0\0\0\x0aIDAT");
        png.resize(100, 0);
        png
    }

    fn dimensions_of(media_type: &str, bytes: &[u8]) -> Result<Option<Dimensions>, &'static str> {
        dimensions(media_type, bytes, bytes.len() as u64)
    }

    #[test]
    fn sizes_are_found() {
        assert_eq!(dimensions_of("image/png", &png()), Ok(Some((3, 2))));
        let gif = [b"GIF89a\x03\0\x02\0".as_slice(), &[0; 40]].concat();
        assert_eq!(dimensions_of("image/gif", &gif), Ok(Some((3, 2))));
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x02\0\x03";
        let jpeg = [jpeg.as_slice(), &[0; 100]].concat();
        assert_eq!(dimensions_of("image/jpeg", &jpeg), Ok(Some((3, 2))));
        let webp = b"RIFF\x30\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x02\0\0\x01\0\0";
        let webp = [webp.as_slice(), &[0; 40]].concat();
        assert_eq!(dimensions_of("image/webp", &webp), Ok(Some((3, 2))));
        assert_eq!(dimensions_of("text/plain", b"hello"), Ok(None));
    }

    #[test]
    fn damaged_pictures_are_refused() {
        assert_eq!(dimensions_of("image/png", b"\x89PNG\r\n\x1a\n"), Err(CUT_SHORT));
        assert_eq!(dimensions_of("image/png", &png()[..33]), Err(CUT_SHORT));
        let mut without_height = png();
        without_height[20..24].fill(0);
        assert!(dimensions_of("image/png", &without_height).unwrap_err().contains("without width"));
        assert_eq!(
            dimensions_of("image/png", b"\x89PNG\r\n\x1a\n\0\0\0\rNONE\0\0\0\x03\0\0"),
            Err(DAMAGED)
        );
        assert_eq!(
            dimensions_of(
                "image/jpeg",
                &[b"\xff\xd8\xff\xe0\0\x04ab".as_slice(), &[0; 99]].concat()
            ),
            Err(DAMAGED)
        );
        assert!(dimensions_of("image/png", b"").is_err());
        let padded = [&png()[..33], &[0; 67]].concat();
        assert_eq!(dimensions_of("image/png", &padded), Err(DAMAGED), "no chunks follow");
        let ended = [&png()[..33], b"\0\0\0\0IEND\xaeB`\x82", &[0; 40]].concat();
        assert_eq!(dimensions_of("image/png", &ended), Err(DAMAGED), "no pixels");
        let mut long = png();
        long[36] = 200;
        assert_eq!(dimensions_of("image/png", &long), Err(CUT_SHORT));
        assert_eq!(dimensions("image/png", &long, 300), Ok(Some((3, 2))), "the rest is elsewhere");
        let webp = b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x02\0\0\x01\0\0";
        let webp = [webp.as_slice(), &[0; 40]].concat();
        assert_eq!(dimensions_of("image/webp", &webp), Err(CUT_SHORT));
    }

    #[test]
    fn a_size_may_lie_behind_the_first_bytes() {
        let jpeg = b"\xff\xd8\xff\xe1\xff\xff";
        assert_eq!(dimensions("image/jpeg", jpeg, 100_000), Ok(None));
        assert_eq!(dimensions("image/jpeg", jpeg, jpeg.len() as u64), Err(CUT_SHORT));
    }
}
