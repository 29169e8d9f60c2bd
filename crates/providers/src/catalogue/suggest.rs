//! Suggests ids that are similar to an unknown one.

use strsim::levenshtein;

/// Maximum length of the ids that are compared.
const MAX_LEN: usize = 100;

/// Up to three of the candidates, most similar first. The prefix with the provider's name may be
/// missing.
pub(super) fn closest(id: &str, candidates: impl Iterator<Item = String>) -> Vec<String> {
    let id = id.to_lowercase();
    if id.is_empty() || id.len() > MAX_LEN {
        return Vec::new();
    }
    let rated = candidates.filter_map(|candidate| Some((rating(&id, &candidate)?, candidate)));
    let mut rated: Vec<_> = rated.collect();
    rated.sort();
    rated.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// The lower, the more similar: an id with this prefix ranks before one that is spelled similarly.
/// `None` if they have too little in common.
fn rating(id: &str, candidate: &str) -> Option<(bool, usize)> {
    let bare = candidate.split_once('/').map_or(candidate, |(_, bare)| bare);
    let distance = levenshtein(id, bare).min(levenshtein(id, candidate));
    let is_beginning = bare.starts_with(id) || candidate.starts_with(id);
    (is_beginning || distance * 3 <= id.len()).then_some((!is_beginning, distance))
}
