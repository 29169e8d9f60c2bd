//! Languages: how their words are reduced to stems, and which of their words say nothing. Pure.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use snowball_stemmers_rs::{Algorithm, Stemmer};

/// A language in Latin letters. Other scripts tell theirs themselves.
pub(super) struct Language {
    algorithm: Algorithm,
    stop_words: HashSet<&'static str>,
}

/// The first is what a text is taken for that does not tell.
pub(super) static ALL: LazyLock<Vec<Language>> = LazyLock::new(|| {
    vec![
        Language::new(
            Algorithm::English,
            "a about am an and any are as at be been but by can could d did do does for from had has \
                 have how i if in into is it its ll m me my no not of on or our re s shall should so t \
                 than that the their them then there these they this those to us ve was we were what \
                 when where which who whom whose why will with would you your",
        ),
        Language::new(
            Algorithm::German,
            "aber als am an auch auf aus bei bin bis das dass dem den der des die du ein eine einem \
                 einen einer er es für hat haben ich im in ist kann mit nach nicht noch oder sich sie \
                 sind so über um und uns von vor war was welche wenn wer werden wie wir wird wo zu zum \
                 zur",
        ),
        Language::new(
            Algorithm::French,
            "à au aux avec c ce ces cette comment d dans de des du elle elles en est et il ils je \
                 l la le les leur mais n ne nous on ou où par pas plus pour qu que quel quelle quels \
                 qui s sa se ses son sont sur un une vous y",
        ),
        Language::new(
            Algorithm::Spanish,
            "a al como con cuál cuándo de del dónde el ella en entre era es esta este está están \
                 fue ha hay la las le lo los más no nos o para pero por qué que quién se ser si sin \
                 sobre son su sus un una y ya",
        ),
        Language::new(
            Algorithm::Italian,
            "a al alla anche che chi ci come con da dal dalla dei del della di dove e è gli ha \
                 hanno i il in la le lo ma nel nella non o per più quale quando questa questo se si \
                 sono su sul tra un una uno",
        ),
        Language::new(
            Algorithm::Portuguese,
            "a ao aos as com como da das de do dos e é ela ele em entre foi há isso mais mas na \
                 não nas no nos o os ou para pela pelo por qual quando que quem se ser seu sua são \
                 também um uma",
        ),
        Language::new(
            Algorithm::Dutch,
            "aan als bij dan dat de deze die dit door een en er geen had heeft het hij hoe ik in is \
                 je kan maar met naar niet nog of om onder ook op over te tot uit van voor waar was \
                 wat we wie wij wordt worden zich zij zijn",
        ),
        Language::new(
            Algorithm::Swedish,
            "att av de den det du där efter eller en ett från för ha han har hon hur i inte jag kan \
                 med men mot när och om på sig ska som så till under var vad vi vid är",
        ),
    ]
});

/// The language that these words are most likely in.
pub(super) fn detect(words: &[String]) -> &'static Language {
    let count =
        |language: &Language| words.iter().filter(|word| language.is_stop_word(word)).count();
    let mut likely = &ALL[0];
    let mut most = count(likely).max(1);
    for language in &ALL[1..] {
        let count = count(language);
        if count > most {
            (likely, most) = (language, count);
        }
    }
    likely
}

impl Language {
    fn new(algorithm: Algorithm, stop_words: &'static str) -> Self {
        Self { algorithm, stop_words: stop_words.split_ascii_whitespace().collect() }
    }

    /// Whether a word is in most sentences.
    pub(super) fn is_stop_word(&self, word: &str) -> bool {
        self.stop_words.contains(word)
    }

    /// Whether endings of the language have accents.
    pub(super) fn keeps_accents(&self) -> bool {
        self.algorithm != Algorithm::English
    }

    /// A word without its ending.
    pub(super) fn stem<'a>(&self, word: &'a str) -> Cow<'a, str> {
        match word.chars().find(|c| c.is_alphabetic()).map(|first| self.algorithm_of(first)) {
            Some(Some(algorithm)) => Stemmer::create(algorithm).stem(word),
            _ => word.into(),
        }
    }

    /// How words are stemmed that have this letter.
    fn algorithm_of(&self, letter: char) -> Option<Algorithm> {
        match letter {
            'a'..='z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Some(self.algorithm),
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(Algorithm::Greek),
            '\u{400}'..='\u{4ff}' => Some(Algorithm::Russian),
            '\u{530}'..='\u{58f}' => Some(Algorithm::Armenian),
            '\u{600}'..='\u{6ff}' => Some(Algorithm::Arabic),
            '\u{900}'..='\u{97f}' => Some(Algorithm::Hindi),
            '\u{b80}'..='\u{bff}' => Some(Algorithm::Tamil),
            _ => None,
        }
    }
}
