//! What stands above a passage: the headings of Markdown, the header of a table. Pure.

/// The most that is repeated above a passage, in characters.
const MAX_ABOVE: usize = 300;

/// How a text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Plain,
    Markdown,
    /// Rows of values, the first of which has their names.
    Table,
}

impl Format {
    pub(super) fn of(name: &str, media_type: &str) -> Self {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let extension = extension.as_deref().unwrap_or_default();
        if media_type.ends_with("markdown")
            || media_type.ends_with("wordprocessingml.document")
            || matches!(extension, "md" | "markdown" | "mdx")
        {
            Self::Markdown
        } else if media_type.ends_with("csv")
            || media_type == "text/tab-separated-values"
            || matches!(extension, "csv" | "tsv")
        {
            Self::Table
        } else {
            Self::Plain
        }
    }
}

/// What has been read of the lines so far.
pub(super) enum Structure {
    Plain,
    Markdown {
        /// The headings that hold here, with their levels.
        headings: Vec<(usize, String)>,
        is_code: bool,
    },
    Table {
        header: Option<String>,
        /// Whether a value goes on in the next line.
        is_quoted: bool,
    },
}

impl Structure {
    pub(super) fn new(format: Format) -> Self {
        match format {
            Format::Plain => Self::Plain,
            Format::Markdown => Self::Markdown { headings: Vec::new(), is_code: false },
            Format::Table => Self::Table { header: None, is_quoted: false },
        }
    }

    /// Whether something new begins with this line.
    pub(super) fn is_border(&self, line: &str) -> bool {
        matches!(self, Self::Markdown { is_code: false, .. }) && heading(line).is_some()
    }

    /// Whether what was read may end here. A value with very many lines may be divided all the same.
    pub(super) fn is_complete(&self) -> bool {
        !matches!(self, Self::Table { is_quoted: true, .. })
    }

    /// What stands above a passage that begins with this line.
    pub(super) fn above(&self, line: &str) -> String {
        let above = match self {
            Self::Plain | Self::Table { header: None, .. } => return String::new(),
            Self::Table { header: Some(header), .. } => header.clone(),
            Self::Markdown { headings, is_code } => {
                let level =
                    heading(line).filter(|_| !is_code).map_or(usize::MAX, |(level, _)| level);
                let above = headings.iter().filter(|(other, _)| *other < level);
                above.map(|(_, heading)| heading.as_str()).collect::<Vec<_>>().join(" > ")
            }
        };
        if above.is_empty() {
            return above;
        }
        let mut above: String = above.chars().take(MAX_ABOVE).collect();
        above.push('\n');
        above
    }

    /// Takes note of a line.
    pub(super) fn read(&mut self, line: &str) {
        match self {
            Self::Plain => {}
            Self::Markdown { headings, is_code } => {
                let is_fence =
                    ["```", "~~~"].iter().any(|fence| line.trim_start().starts_with(fence));
                *is_code ^= is_fence;
                if let Some((level, text)) = heading(line).filter(|_| !*is_code && !is_fence) {
                    headings.retain(|(other, _)| *other < level);
                    headings.push((level, text.to_owned()));
                }
            }
            Self::Table { header, is_quoted } => {
                if header.is_none() && !line.trim().is_empty() {
                    *header = Some(line.to_owned());
                }
                *is_quoted ^= line.matches('"').count() % 2 == 1;
            }
        }
    }
}

/// The level and text of a heading.
fn heading(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    let is_heading = (1..=6).contains(&level) && text.starts_with(' ');
    is_heading.then(|| (level, text.trim_end_matches('#').trim()))
}
