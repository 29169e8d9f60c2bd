//! The words of a text, as they are stored with passages and searched for. Pure.

use std::cmp::Reverse;
use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::languages::{self, Language};

/// By which rules words are made. With a higher number all files are read again.
pub(super) const VERSION: u32 = 2;

/// The most that is stored with a passage, in characters.
const MAX_STORED: usize = 15_000;
/// Longer ones are no words: keys, encoded data.
const MAX_WORD: usize = 64;
/// The most words that are searched for, the longest ones, and forms of each.
const MAX_ASKED: usize = 24;
const MAX_FORMS: usize = 8;

/// The words of a passage, separated by spaces.
pub(super) fn stored(text: &str) -> String {
    let words = words(text, Letters::AlsoAlone);
    let language = languages::detect(&words);
    let mut stored = String::with_capacity(text.len());
    let mut count = 0;
    for word in &words {
        let word = stem(word, language);
        count += word.chars().count() + 1;
        if count > MAX_STORED {
            break;
        }
        if !stored.is_empty() {
            stored.push(' ');
        }
        stored.push_str(&word);
    }
    stored
}

/// The words that a question asks for, each with the forms that passages may have of it: passages are in
/// languages that the question does not tell.
pub(super) fn asked(question: &str) -> Vec<Vec<String>> {
    let words = words(question, Letters::InPairs);
    let language = languages::detect(&words);
    let mut kept: Vec<_> = words.iter().filter(|word| !language.is_stop_word(word)).collect();
    if kept.is_empty() {
        kept = words.iter().collect();
    }
    let mut seen = HashSet::new();
    let asked = kept.into_iter().map(|word| (word.chars().count(), forms(word)));
    let mut asked: Vec<_> = asked
        .filter(|(_, forms)| forms.first().is_some_and(|form| seen.insert(form.clone())))
        .collect();
    // The longer a word is, the rarer it is.
    asked.sort_by_key(|(length, _)| Reverse(*length));
    asked.truncate(MAX_ASKED);
    asked.into_iter().map(|(_, forms)| forms).collect()
}

fn forms(word: &str) -> Vec<String> {
    let plain = without_accents(word);
    let mut forms = Vec::new();
    for language in languages::ALL.iter() {
        for form in [stem(word, language), stem(&plain, language)] {
            if forms.len() < MAX_FORMS && !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

/// A word without its ending and accents.
fn stem(word: &str, language: &Language) -> String {
    // English words have accents by chance.
    let stemmed = match language.keeps_accents() {
        true => language.stem(word).into_owned(),
        false => language.stem(&without_accents(word)).into_owned(),
    };
    without_accents(&stemmed)
}

/// The letters that search engines take for one another.
fn without_accents(word: &str) -> String {
    if word.is_ascii() {
        return word.to_owned();
    }
    let plain = word.nfd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).nfc();
    plain.fold(String::with_capacity(word.len()), |mut word, c| {
        match c {
            'ß' => word.push_str("ss"),
            'æ' => word.push_str("ae"),
            'œ' => word.push_str("oe"),
            'ø' => word.push('o'),
            'ł' => word.push('l'),
            'đ' | 'ð' => word.push('d'),
            'þ' => word.push_str("th"),
            'ı' => word.push('i'),
            c => word.push(c),
        }
        word
    })
}

/// What is a word where a language has no spaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Letters {
    /// Two neighbouring letters; one that has no neighbours.
    InPairs,
    /// Each letter as well, so that one alone is found.
    AlsoAlone,
}

/// All words, in lower case.
fn words(text: &str, letters: Letters) -> Vec<String> {
    let (mut words, mut word, mut run) = (Vec::new(), String::new(), Vec::new());
    for c in text.nfkc().flat_map(char::to_lowercase) {
        if has_no_spaces(c) {
            end_word(&mut words, &mut word);
            run.push(c);
            continue;
        }
        end_run(&mut words, &mut run, letters);
        if c.is_alphanumeric() || !word.is_empty() && is_combining_mark(c) {
            word.push(c);
        } else {
            end_word(&mut words, &mut word);
        }
    }
    end_word(&mut words, &mut word);
    end_run(&mut words, &mut run, letters);
    words
}

fn end_word(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() && word.chars().count() <= MAX_WORD {
        words.push(std::mem::take(word));
    }
    word.clear();
}

fn end_run(words: &mut Vec<String>, run: &mut Vec<char>, letters: Letters) {
    words.extend(run.windows(2).map(|pair| pair.iter().collect::<String>()));
    if run.len() == 1 || letters == Letters::AlsoAlone {
        words.extend(run.iter().map(char::to_string));
    }
    run.clear();
}

/// Scripts in which words are not separated, and Korean, whose particles are not separated either.
fn has_no_spaces(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a passage has one of the words.
    fn finds(question: &str, passage: &str) -> bool {
        let passage = stored(passage);
        let has = |form: &String| passage.split(' ').any(|word| word == form);
        asked(question).iter().any(|forms| forms.iter().any(has))
    }

    #[test]
    fn words_are_found_in_their_forms() {
        for (question, passage) in [
            ("running", "He runs every day."),
            ("What is the policy?", "Policies of the company"),
            ("resume", "My résumé"),
            ("naïve", "a naive approach"),
            ("Häuser", "Wir haben das Haus und die Wohnung gesehen, die nicht weit ist."),
            ("hauser", "Die Häuser sind alt und das ist gut."),
            ("équipe", "Les équipes sont dans le stade pour la nuit."),
            ("reunión", "Las reuniones de la empresa son los lunes en el despacho."),
            ("Straße", "STRASSE 5"),
            ("ﬁle", "file"),
            ("ＡＢＣ", "abc"),
            ("книга", "Я читаю книги"),
            ("東京", "日本の首都は東京です"),
            ("京", "日本の首都は東京です"),
            ("駅 で", "東京の駅"),
            ("회의", "회의는 월요일에"),
            ("foo_bar", "def bar(): pass"),
            ("INV-2024-0117", "invoice inv-2024-0117"),
            ("the", "the end"),
            ("हिन्दी", "यह हिन्दी है"),
        ] {
            assert!(finds(question, passage), "{question} in {passage}: {:?}", asked(question));
        }
    }

    #[test]
    fn words_of_all_sentences_are_not_searched_for() {
        assert_eq!(asked("What is the rent of it?").len(), 1);
        assert_eq!(asked("Wie hoch ist die Miete?").len(), 2);
        assert_eq!(asked("to be or not to be").len(), 4);
        assert_eq!(asked("?! --"), Vec::<Vec<String>>::new());
        assert!(!finds("the rent", "the end of the world"));
    }

    #[test]
    fn what_is_stored_has_bounds() {
        let long = stored(&"word ".repeat(10_000));
        assert!(long.len() <= MAX_STORED && long.ends_with("word"), "{}", long.len());
        assert_eq!(stored(&format!("{} a-b \0", "x".repeat(65))), "a b");
        let many = (0..100).map(|n| format!("w{n} ")).collect::<String>();
        assert_eq!(asked(&many).len(), MAX_ASKED);
        let question = format!("{many} constitutional");
        assert_eq!(asked(&question)[0][0], "constitut", "the rarest words count");
        assert!(asked("Étrangères königlich").iter().all(|forms| forms.len() <= MAX_FORMS));
    }
}
