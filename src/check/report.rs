//! What a check has found, to be read by a person.

use std::fmt;

/// The findings in their order.
#[derive(Clone, Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
}

#[derive(Clone, Debug)]
enum Finding {
    /// A headline.
    About(String),
    /// Something is as it should be.
    Good(String),
    /// Something could not be looked at, or need not be.
    Note(String),
    /// Something is wrong, and what to do about it.
    Problem(String, String),
}

impl Report {
    /// Begins a part of the report.
    pub fn about(&mut self, what: impl Into<String>) {
        self.findings.push(Finding::About(what.into()));
    }

    /// Something is as it should be.
    pub fn good(&mut self, what: impl Into<String>) {
        self.findings.push(Finding::Good(what.into()));
    }

    /// Something could not be looked at, or need not be.
    pub fn note(&mut self, what: impl Into<String>) {
        self.findings.push(Finding::Note(what.into()));
    }

    /// Something is wrong; `remedy` says what to do.
    pub fn problem(&mut self, what: impl Into<String>, remedy: impl Into<String>) {
        self.findings.push(Finding::Problem(what.into(), remedy.into()));
    }

    /// How many things are wrong.
    pub fn problems(&self) -> usize {
        let is_problem = |finding: &&Finding| matches!(finding, Finding::Problem(..));
        self.findings.iter().filter(is_problem).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            match finding {
                Finding::About(what) => writeln!(f, "\n{what}")?,
                Finding::Good(what) => writeln!(f, "  ✓ {what}")?,
                Finding::Note(what) => writeln!(f, "  – {what}")?,
                Finding::Problem(what, remedy) => writeln!(f, "  ✗ {what}\n    → {remedy}")?,
            }
        }
        match self.problems() {
            0 => writeln!(f, "\nAll is well."),
            1 => writeln!(f, "\n1 problem."),
            problems => writeln!(f, "\n{problems} problems."),
        }
    }
}
