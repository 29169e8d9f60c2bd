//! What a ZIP archive says of its entries.

use thiserror::Error;

const DESCRIPTOR: u32 = 0x0807_4b50;
/// The longest description of an entry's length that follows it, and the beginning of what comes then.
pub(super) const DESCRIPTOR_LEN: usize = 24 + 2;

/// Why an archive cannot be read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ZipError {
    /// It is none, or damaged.
    #[error("is a damaged archive")]
    Malformed,
    /// It needs a password.
    #[error("is an archive with a password")]
    Encrypted,
    /// It was made in a way that is not read here.
    #[error("is an archive of an unusual kind; pack it again, or send conversations.json alone")]
    Unsupported,
    /// It has too many entries, or too much in them.
    #[error("has too much in it")]
    TooLarge,
}

/// What is known of the entry that is being read.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) method: u16,
    /// How many bytes of it are left in the archive, where that is known before.
    pub(super) left: Option<u64>,
    pub(super) is_unpacked: bool,
    pub(super) packed: u64,
    pub(super) crc: Option<u32>,
}

/// What a local header says of its entry.
pub(super) fn entry(header: &[u8], extra: &[u8], is_requested: bool) -> Result<Entry, ZipError> {
    let field = |at| u16_at(header, at).ok_or(ZipError::Malformed);
    let long = |at| u32_at(header, at).ok_or(ZipError::Malformed);
    let (flags, method) = (field(6)?, field(8)?);
    if flags & 1 != 0 {
        return Err(ZipError::Encrypted);
    }
    let has_descriptor = flags & 8 != 0;
    let packed = match long(18)? {
        u32::MAX => long_size(extra).ok_or(ZipError::Malformed)?,
        packed => packed.into(),
    };
    let is_known = !has_descriptor || packed > 0;
    let is_readable = matches!(method, 0 | 8);
    if (!is_known && method != 8) || (is_requested && !is_readable) {
        return Err(ZipError::Unsupported);
    }
    Ok(Entry {
        method,
        left: is_known.then_some(packed),
        is_unpacked: is_requested,
        packed: 0,
        crc: if has_descriptor { None } else { Some(long(14)?) },
    })
}

/// The packed size in the extra field for sizes above 4 GiB, behind the unpacked one.
fn long_size(mut extra: &[u8]) -> Option<u64> {
    loop {
        let (id, length) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        let field = extra.get(4..4 + length)?;
        if id == 1 {
            return u64_at(field, 8);
        }
        extra = &extra[4 + length..];
    }
}

/// How long the description behind an entry is: with or without a signature, with short or long numbers. Another
/// entry or the list follows it.
pub(super) fn descriptor_len(rest: &[u8], crc: u32, entry: Entry) -> Option<usize> {
    // The content of an entry that was only passed over has no sum.
    let is_right = |at| !entry.is_unpacked || u32_at(rest, at) == Some(crc);
    let signature = if u32_at(rest, 0) == Some(DESCRIPTOR) { 4 } else { 0 };
    let short = u32_at(rest, signature + 4).map(u64::from) == Some(entry.packed);
    let long = u64_at(rest, signature + 4) == Some(entry.packed);
    [(short, signature + 12), (long, signature + 20)]
        .into_iter()
        .find(|(fits, length)| *fits && rest.get(*length..*length + 2) == Some(b"PK"))
        .map(|(_, length)| length)
        .filter(|_| is_right(signature))
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
