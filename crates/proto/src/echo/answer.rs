//! What a client of the upper-casing stream may expect: where an answer ends, which the stream itself does not say.
//!
//! A server follows either [`Case`]; which, its first answer that differs shows.

use super::{Case, Upper};

/// What of the answers has not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// Nothing: all that was sent is answered.
    Nothing,
    /// More of the upper case.
    More,
    /// Nobody knows: what came is no upper case of what was sent.
    Unknown,
}

/// Compares what comes back on a connection with what was sent on it.
///
/// ```
/// # use proto::echo::{Answers, Awaited};
/// let mut answers = Answers::default();
/// answers.sent("ŉ".as_bytes()); // its upper case has a byte more, but not with the ASCII rule
/// assert_eq!(answers.received("ŉ".as_bytes()), Awaited::Nothing);
/// ```
#[derive(Clone, Debug)]
pub struct Answers {
    /// One for each rule that the server may follow, by what has come.
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    upper: Upper,
    /// What is still to come.
    due: Vec<u8>,
}

impl Default for Answers {
    fn default() -> Self {
        let rule = |case| Rule {
            upper: Upper::new(case),
            due: Vec::new(),
        };
        Self {
            rules: [Case::Unicode, Case::Ascii].map(rule).into(),
        }
    }
}

impl Answers {
    /// These bytes were sent. What is due is kept until it has come: at most three times as much for each rule.
    pub fn sent(&mut self, bytes: &[u8]) {
        for rule in &mut self.rules {
            rule.upper.push(bytes, &mut rule.due);
        }
    }

    /// These bytes came. Says what is awaited now.
    pub fn received(&mut self, bytes: &[u8]) -> Awaited {
        self.rules.retain(|rule| rule.due.starts_with(bytes));
        for rule in &mut self.rules {
            rule.due.drain(..bytes.len());
        }
        self.awaited()
    }

    /// What has not come yet.
    pub fn awaited(&self) -> Awaited {
        match self.rules.as_slice() {
            [] => Awaited::Unknown,
            rules if rules.iter().any(|rule| rule.due.is_empty()) => Awaited::Nothing,
            _ => Awaited::More,
        }
    }
}

/// How long the answer to a stream is, without its bytes.
///
/// A stream of the classic wire that ends too early ends like any other; only its length tells.
#[derive(Clone, Debug, Default)]
pub struct AnswerLength {
    /// For a character that is cut in two.
    upper: Upper,
    scratch: Vec<u8>,
    growth: Growth,
    unicode: u64,
    ascii: u64,
}

impl AnswerLength {
    /// These bytes were sent.
    pub fn sent(&mut self, bytes: &[u8]) {
        self.ascii += bytes.len() as u64;
        let mut rest = bytes;
        while self.upper.held > 0
            && let Some((next, after)) = rest.split_at_checked(1)
        {
            self.push(next);
            rest = after;
        }
        if rest.is_ascii() {
            self.unicode += rest.len() as u64;
        } else {
            self.count(rest);
        }
    }

    fn count(&mut self, bytes: &[u8]) {
        let mut left = bytes.len();
        for chunk in bytes.utf8_chunks() {
            self.unicode += self.growth.upper_length(chunk.valid());
            left -= chunk.valid().len() + chunk.invalid().len();
            match left {
                0 => self.push(chunk.invalid()),
                _ => self.unicode += chunk.invalid().len() as u64,
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.upper.push(bytes, &mut self.scratch);
        self.unicode += self.scratch.len() as u64;
        self.scratch.clear();
    }

    /// Whether so many bytes may be the answer to all that was sent, by either rule, at the end of the stream. More
    /// than that is: it is no upper case then, and its end is its server's business.
    pub fn is_reached_by(&self, received: u64) -> bool {
        // A character that was never completed comes back as it was.
        let unicode = self.unicode + self.upper.held as u64;
        received == unicode.min(self.ascii) || received >= unicode.max(self.ascii)
    }
}

/// By how many bytes the upper case of each character of the Basic Multilingual Plane is longer, as soon as it is asked
/// for: to look it up takes a tenth of the time of making the upper case.
#[derive(Clone, Debug, Default)]
struct Growth(Vec<i8>);

impl Growth {
    fn upper_length(&mut self, text: &str) -> u64 {
        if self.0.is_empty() {
            self.0 = (0..=u16::MAX)
                .map(|code| char::from_u32(code.into()).map_or(0, growth))
                .collect();
        }
        let growth = |c: char| match self.0.get(c as usize) {
            Some(growth) => i64::from(*growth),
            None => growth(c).into(),
        };
        let grown: i64 = text.chars().map(growth).sum();
        (text.len() as u64).saturating_add_signed(grown)
    }
}

fn growth(c: char) -> i8 {
    let length: usize = c.to_uppercase().map(char::len_utf8).sum();
    length as i8 - c.len_utf8() as i8 // neither is above 12
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn where_an_answer_ends() {
        use Awaited::{More, Nothing, Unknown};
        type Row = (&'static str, &'static [(&'static str, Awaited)]);
        let table: &[Row] = &[
            ("hello", &[("HEL", More), ("LO", Nothing)]),
            ("straße", &[("STRA", More), ("SSE", Nothing)]),
            ("straße", &[("STRAßE", Nothing)]),
            ("aŉ", &[("A", More), ("\u{2bc}", More), ("N", Nothing)]),
            ("aŉ", &[("Aŉ", Nothing)]),
            ("hello", &[("Acknowledgement", Unknown)]),
            ("hello", &[("HELLO, WORLD", Unknown)]),
            ("", &[("", Nothing), ("?", Unknown)]),
        ];
        for (sent, received) in table {
            let mut answers = Answers::default();
            answers.sent(sent.as_bytes());
            for (bytes, awaited) in *received {
                assert_eq!(answers.received(bytes.as_bytes()), *awaited, "{sent}");
            }
        }
    }

    #[test]
    fn a_rule_that_has_shown_itself_stays() {
        let mut answers = Answers::default();
        answers.sent("ß".as_bytes());
        assert_eq!(answers.received("ß".as_bytes()), Awaited::Nothing);
        answers.sent("ß".as_bytes());
        assert_eq!(answers.received(b"SS"), Awaited::Unknown);
    }

    #[test]
    fn a_late_answer_belongs_to_its_request() {
        let mut answers = Answers::default();
        answers.sent(b"one");
        answers.sent(b"two");
        assert_eq!(answers.received(b"ONE"), Awaited::More);
        assert_eq!(answers.received(b"TWO"), Awaited::Nothing);
    }

    #[test]
    fn lengths_at_the_end() {
        let table: &[(&[u8], &[u64], &[u64])] = &[
            (b"", &[0, 1], &[]),
            (b"hello", &[5, 6], &[0, 4]),
            ("ŉŉ".as_bytes(), &[4, 6, 7], &[0, 3, 5]),
            ("ıı".as_bytes(), &[2, 4, 5], &[0, 1, 3]),
            (b"ab\xc3", &[3], &[2]),
        ];
        for (sent, reached, short) in table {
            let mut length = AnswerLength::default();
            sent.chunks(1).for_each(|byte| length.sent(byte));
            assert!(reached.iter().all(|got| length.is_reached_by(*got)));
            assert!(!short.iter().any(|got| length.is_reached_by(*got)));
        }
    }

    proptest! {
        #[test]
        fn either_rule_is_understood_however_it_is_cut(bytes: Vec<u8>, text: String, size in 1usize..9) {
            for case in [Case::Unicode, Case::Ascii] {
                let sent = [&bytes[..], text.as_bytes()].concat();
                let (mut upper, mut answer) = (Upper::new(case), Vec::new());
                let (mut answers, mut length) = (Answers::default(), AnswerLength::default());
                for piece in sent.chunks(size) {
                    upper.push(piece, &mut answer);
                    answers.sent(piece);
                    length.sent(piece);
                }
                for piece in answer.chunks(size) {
                    prop_assert!(answers.received(piece) != Awaited::Unknown);
                }
                prop_assert_eq!(answers.awaited(), Awaited::Nothing);
                upper.finish(&mut answer);
                prop_assert!(length.is_reached_by(answer.len() as u64));
            }
        }

        #[test]
        fn any_bytes_are_taken(sent: Vec<u8>, received: Vec<Vec<u8>>) {
            let mut answers = Answers::default();
            answers.sent(&sent);
            for bytes in received {
                answers.received(&bytes);
            }
        }
    }
}
