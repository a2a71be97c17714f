//! Code phrases: keys that can be read aloud.
//!
//! A code is three words of BIP 39's English list, 33 bits: `acid-tunnel-oyster`. Nobody can try codes off line
//! ([`super::handshake`]), so that is enough where a few wrong ones end it. No two words of the list begin with the same
//! four letters, so four are enough to type.

use std::fmt;
use std::str::FromStr;

use bip39::Language;
use thiserror::Error;

use crate::filexfer::Key;

/// How many words a code has.
pub const WORDS: usize = 3;

/// How many bits of chance are in a word.
const BITS: u32 = 11;

/// As many letters as tell a word from all others.
const ENOUGH: usize = 4;

/// The most letters of what was typed that an error repeats.
const MAX_TYPED: usize = 24;

/// A code phrase. It prints as the phrase, for the person who is to pass it on; with `{:?}` as `***`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code([u16; WORDS]);

/// Why what was typed is no code.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CodeError {
    /// It has another number of words, this one.
    #[error("expected a code of {WORDS} words, such as acid-tunnel-oyster, got {0}")]
    Words(usize),
    /// One of them is not in the list.
    #[error("'{word}' is in no code: did you mean '{nearest}'?")]
    Unknown {
        /// What was typed, or its beginning.
        word: String,
        /// The word of the list that it is nearest to.
        nearest: &'static str,
    },
}

fn list() -> &'static [&'static str; 2048] {
    Language::English.word_list()
}

impl Code {
    /// The code of this seed, which nobody can guess.
    pub fn new(seed: [u8; 5]) -> Self {
        let [a, b, c, d, e] = seed;
        let seed = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
        let word = |place: u32| (seed >> (place * BITS)) as u16 % (1 << BITS);
        Self([word(2), word(1), word(0)])
    }

    /// The key that it stands for: the phrase as it prints.
    pub fn key(&self) -> Key {
        Key::new(self.to_string().into_bytes()).expect("three words are no longer than a key")
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third] = self.0.map(|word| list()[usize::from(word)]);
        write!(f, "{first}-{second}-{third}")
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// As a person types it: in any case, with hyphens, blanks or other signs between the words, each of them whole or its
/// first four letters or more.
impl FromStr for Code {
    type Err = CodeError;

    fn from_str(typed: &str) -> Result<Self, CodeError> {
        let typed: Vec<_> = typed
            .split(|sign: char| !sign.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let [first, second, third] = typed[..] else {
            return Err(CodeError::Words(typed.len()));
        };
        Ok(Self([find(first)?, find(second)?, find(third)?]))
    }
}

/// The place of this word in the list.
fn find(typed: &str) -> Result<u16, CodeError> {
    let word: String = typed.chars().take(MAX_TYPED).collect();
    let word = word.to_lowercase();
    if let Some(place) = Language::English.find_word(&word) {
        return Ok(place);
    }
    let begins = |known: &&str| word.len() >= ENOUGH && known.starts_with(&word);
    match list().iter().position(begins) {
        Some(place) => Ok(place as u16),
        None => Err(CodeError::Unknown {
            nearest: nearest(&word),
            word,
        }),
    }
}

/// The word of the list that takes the fewest changes.
fn nearest(typed: &str) -> &'static str {
    let typed: Vec<char> = typed.chars().collect();
    let best = list().iter().min_by_key(|word| distance(&typed, word));
    best.copied().unwrap_or_default()
}

/// How many letters have to be added, left out or replaced (Levenshtein).
fn distance(typed: &[char], word: &str) -> usize {
    let mut row: Vec<usize> = (0..=typed.len()).collect();
    for (place, letter) in word.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], place + 1);
        for (column, other) in typed.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[typed.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(typed: &str) -> Result<String, CodeError> {
        typed.parse().map(|code: Code| code.to_string())
    }

    #[test]
    fn golden_phrases() {
        for (seed, phrase) in [
            ([0; 5], "abandon-abandon-abandon"),
            ([0xff; 5], "zoo-zoo-zoo"),
            ([0, 0, 0, 0, 1], "abandon-abandon-ability"),
            ([0, 0, 0, 8, 0], "abandon-ability-abandon"),
            ([0, 0, 0x40, 0, 0], "ability-abandon-abandon"),
        ] {
            let code = Code::new(seed);
            assert_eq!(code.to_string(), phrase);
            assert_eq!(format!("{code:?} {:?}", code.key()), "*** ***");
            let mut key = Vec::new();
            code.key().encode(&mut key);
            assert_eq!(key, phrase.as_bytes());
        }
    }

    #[test]
    fn four_letters_tell_a_word_from_all_others() {
        let begin = |word: &&'static str| word.get(..ENOUGH).unwrap_or(word);
        let mut begins: Vec<_> = list().iter().map(begin).collect();
        begins.dedup();
        assert_eq!(begins.len(), list().len());
    }

    #[test]
    fn what_people_type() {
        let same = [
            "acid-tunnel-oyster",
            "  Acid Tunnel OYSTER \r\n",
            "acid tunn oyst",
            "acid, tunne; oyste.",
            "acid--tunnel__oyster",
        ];
        for typed in same {
            assert_eq!(parse(typed).unwrap(), "acid-tunnel-oyster", "{typed}");
        }
        assert_eq!(parse("add act zoo").unwrap(), "add-act-zoo");
    }

    #[test]
    fn what_is_no_code() {
        for (typed, words) in [("", 0), ("acid", 1), ("acid-acid", 2), ("a b c d", 4)] {
            assert_eq!(parse(typed), Err(CodeError::Words(words)));
        }
        for (typed, nearest) in [
            ("oystre", "oyster"),
            ("oystter", "oyster"),
            ("oy", "boy"),
            ("tunel", "tunnel"),
            ("äcid", "acid"),
        ] {
            let expected = CodeError::Unknown {
                word: typed.to_owned(),
                nearest,
            };
            assert_eq!(parse(&format!("acid-{typed}-acid")), Err(expected));
        }
        let text = parse(&format!("acid acid {}", "x".repeat(1000)));
        assert!(text.unwrap_err().to_string().len() < 80);
    }

    proptest! {
        #[test]
        fn every_code_is_read_as_it_prints(seed: [u8; 5]) {
            let code = Code::new(seed);
            prop_assert_eq!(code.to_string().parse(), Ok(code));
        }

        #[test]
        fn any_text_is_judged(typed: String, words in prop::collection::vec("\\PC*", 3)) {
            let _ = parse(&typed);
            let _ = parse(&words.join("-"));
        }
    }
}
