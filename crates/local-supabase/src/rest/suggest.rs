//! Names similar to a misspelled one, for the hints of error messages.

use std::collections::HashMap;

use strsim::levenshtein;

/// The least similarity of two names, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.33;
/// PostgreSQL's MAX_FUZZY_DISTANCE.
const MAX_DISTANCE: usize = 3;

/// The candidate most like `name`, as the fuzzy set of PostgREST finds it: candidates that share
/// enough groups of letters, then the one with the fewest edits.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    [3, 2].into_iter().find_map(|size| {
        let grams = gram_counts(name, size);
        let alike =
            candidates.iter().filter(|c| cosine(&grams, &gram_counts(c, size)) >= MIN_SIMILARITY);
        let scored = alike.map(|candidate| (similarity(name, candidate), *candidate));
        let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
        best.filter(|(score, _)| *score >= MIN_SIMILARITY)
            .map(|(_, candidate)| candidate.to_owned())
    })
}

/// The columns that PostgreSQL would suggest: those with the fewest edits, if they are one or two.
pub(super) fn nearest_columns<'a>(
    name: &str,
    columns: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let mut best = MAX_DISTANCE;
    let mut found = Vec::new();
    for column in columns {
        let distance = levenshtein(name, column);
        if distance > best || distance > column.len() / 2 {
            continue;
        }
        if distance < best {
            found.clear();
        }
        best = distance;
        found.push(column);
    }
    if found.len() > 2 { Vec::new() } else { found }
}

fn gram_counts(name: &str, size: usize) -> HashMap<Vec<char>, f64> {
    let padded: Vec<char> = format!("-{}-", name.to_lowercase()).chars().collect();
    let mut counts = HashMap::new();
    for gram in padded.windows(size) {
        *counts.entry(gram.to_vec()).or_default() += 1.0;
    }
    counts
}

fn cosine(a: &HashMap<Vec<char>, f64>, b: &HashMap<Vec<char>, f64>) -> f64 {
    let norm = |counts: &HashMap<_, f64>| counts.values().map(|n| n * n).sum::<f64>().sqrt();
    let dot: f64 = a.iter().filter_map(|(gram, n)| b.get(gram).map(|m| n * m)).sum();
    dot / (norm(a) * norm(b))
}

fn similarity(a: &str, b: &str) -> f64 {
    let longest = a.chars().count().max(b.chars().count()).max(1);
    1.0 - levenshtein(a, b) as f64 / longest as f64
}
