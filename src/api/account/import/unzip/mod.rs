//! Reads a ZIP archive while it arrives, entry by entry, without the list at its end: the archive may be larger
//! than memory. Does no input and output itself.

mod headers;

use flate2::{Decompress, FlushDecompress, Status};

pub(super) use self::headers::ZipError;
use self::headers::{DESCRIPTOR_LEN, Entry, descriptor_len, entry, u16_at, u32_at};

const LOCAL_HEADER: u32 = 0x0403_4b50;
const HEADER_LEN: usize = 30;
/// What follows the last entry: the list of entries, or the end of one without any.
const LIST: [u32; 3] = [0x0201_4b50, 0x0605_4b50, 0x0606_4b50];
const MAX_ENTRIES: usize = 200_000;
/// What unpacks to more than this, and to more than so many times its size, is made to cost time: text never does.
const FREE: u64 = 64 << 20;
const MAX_RATIO: u64 = 200;
/// How much is unpacked at once.
const PIECE: usize = 32 << 10;

/// What comes next in an archive.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// An entry of this name begins. Its content follows, if it is to be unpacked.
    Entry(String),
    /// More of its content, in the buffer; also of an entry that is not to be unpacked, where only that tells
    /// its end.
    Content,
    /// The entry ends.
    EntryEnd,
    /// More input is needed.
    NeedsInput,
    /// There are no more entries.
    End,
}

enum State {
    Header,
    Content(Entry),
    Descriptor(Entry),
    End,
}

/// Reads an archive.
pub(super) struct Unzip {
    input: Vec<u8>,
    at: usize,
    state: State,
    inflate: Decompress,
    crc: crc32fast::Hasher,
    entries: usize,
    /// How much has arrived.
    received: u64,
    /// How much has been unpacked, and how much may be in all.
    unpacked: u64,
    max_unpacked: u64,
}

impl Unzip {
    /// An archive of which at most so many bytes are unpacked.
    pub(super) fn new(max_unpacked: u64) -> Self {
        Self {
            input: Vec::new(),
            at: 0,
            state: State::Header,
            inflate: Decompress::new(false),
            crc: crc32fast::Hasher::new(),
            entries: 0,
            received: 0,
            unpacked: 0,
            max_unpacked,
        }
    }

    /// Adds what has arrived. [`next`](Self::next) is called until it needs more.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.input.drain(..std::mem::take(&mut self.at));
        self.input.extend_from_slice(bytes);
        self.received += bytes.len() as u64;
    }

    /// The next event. `requested` says of an entry's name whether its content is unpacked, into `content`.
    pub(super) fn next(
        &mut self,
        requested: impl Fn(&str) -> bool,
        content: &mut Vec<u8>,
    ) -> Result<Event, ZipError> {
        loop {
            content.clear();
            let event = match self.state {
                State::Header => Some(self.header(&requested)?),
                State::Content(entry) => self.content(entry, content)?,
                State::Descriptor(entry) => Some(self.descriptor(entry)?),
                State::End => {
                    self.at = self.input.len();
                    Some(Event::End)
                }
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    fn rest(&self) -> &[u8] {
        &self.input[self.at..]
    }

    fn header(&mut self, requested: impl Fn(&str) -> bool) -> Result<Event, ZipError> {
        let Some(signature) = u32_at(self.rest(), 0) else { return Ok(Event::NeedsInput) };
        if LIST.contains(&signature) {
            self.state = State::End;
            return Ok(Event::End);
        }
        if signature != LOCAL_HEADER {
            return Err(ZipError::Malformed);
        }
        let rest = self.rest();
        let (Some(name_len), Some(extra_len)) = (u16_at(rest, 26), u16_at(rest, 28)) else {
            return Ok(Event::NeedsInput);
        };
        let name_end = HEADER_LEN + usize::from(name_len);
        let end = name_end + usize::from(extra_len);
        if rest.len() < end {
            return Ok(Event::NeedsInput);
        }
        if self.entries >= MAX_ENTRIES {
            return Err(ZipError::TooLarge);
        }
        let name = String::from_utf8_lossy(&rest[HEADER_LEN..name_end]).into_owned();
        let entry = entry(rest, &rest[name_end..end], requested(&name))?;
        self.at += end;
        self.entries += 1;
        self.inflate.reset(false);
        self.crc = crc32fast::Hasher::new();
        self.state = State::Content(entry);
        Ok(Event::Entry(name))
    }

    /// More of the content; nothing where something else comes next.
    fn content(
        &mut self,
        mut entry: Entry,
        content: &mut Vec<u8>,
    ) -> Result<Option<Event>, ZipError> {
        // Without its length, only what it unpacks to tells where an entry ends.
        let is_inflated = entry.method == 8 && (entry.is_unpacked || entry.left.is_none());
        let available = self.rest().len() as u64;
        let taken = available.min(entry.left.unwrap_or(u64::MAX));
        let has_ended = if is_inflated {
            self.inflate(&mut entry, taken, content)?
        } else {
            let taken = if entry.is_unpacked { taken.min(PIECE as u64) } else { taken };
            // At most what there is.
            let end = self.at + usize::try_from(taken).unwrap_or_default();
            if entry.is_unpacked {
                content.extend_from_slice(&self.input[self.at..end]);
            }
            self.at = end;
            entry.packed += taken;
            entry.left = entry.left.map(|left| left - taken);
            entry.left == Some(0)
        };
        self.count(content)?;
        self.state = if has_ended { State::Descriptor(entry) } else { State::Content(entry) };
        Ok(match content.is_empty() {
            true if has_ended => None,
            true => Some(Event::NeedsInput),
            false => Some(Event::Content),
        })
    }

    /// Whether the entry has ended.
    fn inflate(
        &mut self,
        entry: &mut Entry,
        available: u64,
        content: &mut Vec<u8>,
    ) -> Result<bool, ZipError> {
        content.reserve(PIECE);
        let end = self.at + usize::try_from(available).unwrap_or_default();
        let before = self.inflate.total_in();
        let input = &self.input[self.at..end];
        let status = self
            .inflate
            .decompress_vec(input, content, FlushDecompress::None)
            .map_err(|_| ZipError::Malformed)?;
        let read = self.inflate.total_in() - before;
        self.at += usize::try_from(read).unwrap_or_default();
        entry.packed += read;
        entry.left = entry.left.map(|left| left - read);
        match status {
            Status::StreamEnd if entry.left.is_none_or(|left| left == 0) => Ok(true),
            Status::StreamEnd => Err(ZipError::Malformed),
            // All of it was read, and it is not whole.
            _ if entry.left == Some(0) && content.is_empty() => Err(ZipError::Malformed),
            _ => Ok(false),
        }
    }

    fn count(&mut self, content: &[u8]) -> Result<(), ZipError> {
        self.unpacked += content.len() as u64;
        let max = self.max_unpacked.min(FREE.saturating_add(self.received * MAX_RATIO));
        if self.unpacked > max {
            return Err(ZipError::TooLarge);
        }
        self.crc.update(content);
        Ok(())
    }

    /// The end of an entry, which may be followed by what was not known at its beginning.
    fn descriptor(&mut self, entry: Entry) -> Result<Event, ZipError> {
        let crc = self.crc.clone().finalize();
        match entry.crc {
            Some(expected) if entry.is_unpacked && expected != crc => {
                return Err(ZipError::Malformed);
            }
            Some(_) => {}
            None => {
                if self.rest().len() < DESCRIPTOR_LEN {
                    return Ok(Event::NeedsInput);
                }
                let length = descriptor_len(self.rest(), crc, entry).ok_or(ZipError::Malformed)?;
                self.at += length;
            }
        }
        self.state = State::Header;
        Ok(Event::EntryEnd)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::{Event, Unzip, ZipError};

    const LIST: &str = "conversations.json";
    const TEXT: &str = "requested requested requested requested";

    fn fill<W: Write + std::io::Seek>(mut zip: ZipWriter<W>, method: CompressionMethod) -> W {
        let options = SimpleFileOptions::default().compression_method(method);
        for (name, text) in
            [("a/picture.png", "not requested"), ("conversations.json", TEXT), ("empty", "")]
        {
            zip.start_file(name, options).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.start_file("large", options.large_file(true)).unwrap();
        zip.write_all(b"not requested").unwrap();
        zip.finish().unwrap()
    }

    fn with_sizes(method: CompressionMethod) -> Vec<u8> {
        fill(ZipWriter::new(Cursor::new(Vec::new())), method).into_inner()
    }

    fn streamed() -> Vec<u8> {
        let mut archive = Vec::new();
        fill(ZipWriter::new_stream(&mut archive), CompressionMethod::Deflated);
        archive
    }

    /// The names, the content of what is requested, and whether it had an end.
    fn read(
        archive: &[u8],
        piece: usize,
        max: u64,
    ) -> Result<(Vec<String>, String, bool), ZipError> {
        let (mut unzip, mut content) = (Unzip::new(max), Vec::new());
        let (mut names, mut text, mut is_whole) = (Vec::new(), String::new(), false);
        for piece in archive.chunks(piece) {
            unzip.push(piece);
            loop {
                match unzip.next(|name| name == LIST, &mut content)? {
                    Event::Entry(name) => names.push(name),
                    Event::Content if names.last().is_some_and(|name| name == LIST) => {
                        text.push_str(std::str::from_utf8(&content).unwrap());
                    }
                    Event::Content => {}
                    Event::EntryEnd => {}
                    Event::NeedsInput => break,
                    Event::End => {
                        is_whole = true;
                        break;
                    }
                }
            }
        }
        Ok((names, text, is_whole))
    }

    #[test]
    fn archives_of_all_kinds_in_pieces() {
        for archive in [
            with_sizes(CompressionMethod::Deflated),
            with_sizes(CompressionMethod::Stored),
            streamed(),
        ] {
            for piece in [1, 3, 64, 100_000] {
                let (names, text, is_whole) = read(&archive, piece, 1_000).unwrap();
                let all = ["a/picture.png", "conversations.json", "empty", "large"];
                assert_eq!(names, all, "{piece}");
                assert_eq!((text.as_str(), is_whole), (TEXT, true), "{piece}");
            }
        }
    }

    #[test]
    fn a_cut_archive_has_no_end() {
        let archive = streamed();
        for end in 0..archive.len() {
            match read(&archive[..end], 7, 1_000) {
                Ok((_, text, is_whole)) => assert!(!is_whole || text == TEXT, "{end}"),
                Err(error) => assert_eq!(error, ZipError::Malformed, "{end}"),
            }
        }
        assert_eq!(read(b"not an archive", 5, 10), Err(ZipError::Malformed));
    }

    #[test]
    fn what_unpacks_to_too_much() {
        let mut zip = ZipWriter::new_stream(Vec::new());
        zip.start_file("conversations.json", SimpleFileOptions::default()).unwrap();
        for _ in 0..1_000 {
            zip.write_all(&[b' '; 100_000]).unwrap();
        }
        let bomb = zip.finish().unwrap().into_inner();
        assert!(bomb.len() < 200_000);
        for max in [10_000_000, u64::MAX] {
            assert_eq!(read(&bomb, 1_000, max), Err(ZipError::TooLarge), "{max}");
        }
    }

    #[test]
    fn damaged_content_is_noticed() {
        let mut archive = with_sizes(CompressionMethod::Stored);
        let at = archive.windows(TEXT.len()).position(|w| w == TEXT.as_bytes()).unwrap();
        archive[at] = b'W';
        assert_eq!(read(&archive, 64, 1_000), Err(ZipError::Malformed));
    }
}
