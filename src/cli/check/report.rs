//! The report of a check.

use std::fmt;

/// The findings in order. Control characters in quoted text are escaped: a name in the database must
/// not reach the operator's terminal as a command.
#[derive(Clone, Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
}

#[derive(Clone, Debug)]
enum Finding {
    /// A headline.
    About(String),
    /// Something was checked and is correct.
    Good(String),
    /// Information that is neither good nor bad.
    Note(String),
    /// Something could not be checked, and why.
    Unseen(String),
    /// A problem, and what to do about it.
    Problem(String, String),
}

impl Report {
    /// Starts a section of the report.
    pub fn section(&mut self, what: impl AsRef<str>) {
        self.findings.push(Finding::About(printable(what)));
    }

    /// Something was checked and is correct.
    pub fn pass(&mut self, what: impl AsRef<str>) {
        self.findings.push(Finding::Good(printable(what)));
    }

    /// Information that is neither good nor bad.
    pub fn note(&mut self, what: impl AsRef<str>) {
        self.findings.push(Finding::Note(printable(what)));
    }

    /// Something could not be checked; `what` says why.
    pub fn skipped(&mut self, what: impl AsRef<str>) {
        self.findings.push(Finding::Unseen(printable(what)));
    }

    /// A problem; `remedy` says what to do.
    pub fn problem(&mut self, what: impl AsRef<str>, remedy: impl AsRef<str>) {
        self.findings.push(Finding::Problem(printable(what), printable(remedy)));
    }

    /// The number of problems.
    pub fn problems(&self) -> usize {
        self.count(|finding| matches!(finding, Finding::Problem(..)))
    }

    /// The number of things that could not be checked.
    pub fn skipped_count(&self) -> usize {
        self.count(|finding| matches!(finding, Finding::Unseen(_)))
    }

    fn count(&self, is_meant: impl Fn(&Finding) -> bool) -> usize {
        self.findings.iter().filter(|finding| is_meant(finding)).count()
    }

    fn summary(&self) -> String {
        let unseen = match self.skipped_count() {
            0 if self.problems() == 0 => return "All is well.".to_owned(),
            0 => String::new(),
            1 => "; 1 thing could not be looked at".to_owned(),
            things => format!("; {things} things could not be looked at"),
        };
        match self.problems() {
            0 => format!("No problem found{unseen}."),
            1 => format!("1 problem{unseen}."),
            problems => format!("{problems} problems{unseen}."),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            match finding {
                Finding::About(what) => writeln!(f, "\n{what}")?,
                Finding::Good(what) => writeln!(f, "  ✓ {what}")?,
                Finding::Note(what) => writeln!(f, "  – {what}")?,
                Finding::Unseen(what) => writeln!(f, "  ? {what}")?,
                Finding::Problem(what, remedy) => writeln!(f, "  ✗ {what}\n    → {remedy}")?,
            }
        }
        writeln!(f, "\n{}", self.summary())
    }
}

/// The text on one line, with control characters escaped.
fn printable(text: impl AsRef<str>) -> String {
    let escape = |character: char| {
        if is_printed(character) {
            character.to_string()
        } else {
            character.escape_default().to_string()
        }
    };
    text.as_ref().chars().map(escape).collect()
}

/// Neither a control character nor one that changes the direction of text.
fn is_printed(character: char) -> bool {
    let turns = ['\u{200e}', '\u{200f}'].contains(&character)
        || ('\u{2028}'..='\u{202e}').contains(&character)
        || ('\u{2066}'..='\u{2069}').contains(&character);
    !character.is_control() && !turns
}

#[cfg(test)]
mod tests {
    use super::Report;

    #[test]
    fn nothing_in_it_reaches_a_terminal_as_a_command() {
        let mut report = Report::default();
        report.problem("policy \u{1b}[2J\n  ✓ all\r\u{202e}", "drop\u{9b}it");
        let text = report.to_string();
        assert!(text.contains(r"policy \u{1b}[2J\n  ✓ all\r\u{202e}"), "{text}");
        assert!(text.contains(r"→ drop\u{9b}it"), "{text}");
    }

    #[test]
    fn what_was_not_seen_is_not_well() {
        let mut report = Report::default();
        assert!(report.to_string().ends_with("\nAll is well.\n"));
        report.skipped("the bucket");
        assert!(
            report.to_string().ends_with("\nNo problem found; 1 thing could not be looked at.\n")
        );
        report.problem("a", "b");
        report.skipped("the clock");
        assert!(report.to_string().ends_with("\n1 problem; 2 things could not be looked at.\n"));
    }
}
