//! The subjects of a community on the bus, and how names stand in them.

use std::fmt;

use async_nats::Subject;
use proto::relay::native::Name;

/// A name as one token of a subject: a subject's tokens are parted by '.', and no name has '='.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token(Name);

impl Token {
    pub(super) fn of(name: Name) -> Self {
        Self(name)
    }

    /// The name that stands in a subject as this; `None` where it is none.
    pub(super) fn read(token: &str) -> Option<Name> {
        if token.contains('.') {
            return None;
        }
        Name::new(token.replace('=', ".").as_bytes())
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.0.as_str().split('.');
        f.write_str(parts.next().unwrap_or_default())?;
        parts.try_for_each(|part| write!(f, "={part}"))
    }
}

/// All subjects of a community.
#[derive(Clone, Debug)]
pub(super) struct Subjects {
    community: String,
}

impl Subjects {
    pub(super) fn new(community: Name) -> Self {
        Self {
            community: Token::of(community).to_string(),
        }
    }

    /// Where one hears what is for a name.
    pub(super) fn to(&self, name: Name) -> Subject {
        format!("{}.to.{}", self.community, Token::of(name)).into()
    }

    /// Where one hears what is said in a room.
    pub(super) fn room(&self, room: Name) -> Subject {
        format!("{}.room.{}", self.community, Token::of(room)).into()
    }

    /// Where relays say which names they have.
    pub(super) fn here(&self) -> Subject {
        format!("{}.here", self.community).into()
    }

    /// Where relays say that they are alive.
    pub(super) fn beat(&self) -> Subject {
        format!("{}.beat", self.community).into()
    }

    /// Where all relays are asked.
    pub(super) fn ask(&self) -> Subject {
        format!("{}.ask", self.community).into()
    }

    /// Where letters from one name to another are kept.
    pub(super) fn mail(&self, to: Name, from: Name) -> Subject {
        let (to, from) = (Token::of(to), Token::of(from));
        format!("{}.mail.{to}.{from}", self.community).into()
    }

    /// All letters to a name.
    pub(super) fn mail_to(&self, to: Name) -> String {
        format!("{}.mail.{}.*", self.community, Token::of(to))
    }

    /// All letters.
    pub(super) fn all_mail(&self) -> String {
        format!("{}.mail.*.*", self.community)
    }

    /// Whom letters with this subject are for.
    pub(super) fn receiver(&self, subject: &str) -> Option<Name> {
        let rest = subject.strip_prefix(self.community.as_str())?;
        Token::read(rest.strip_prefix(".mail.")?.split('.').next()?)
    }

    /// The stream that keeps letters. Names of streams have no '.', and those of the bus itself are in capitals.
    pub(super) fn stream(&self) -> String {
        format!("{}_MAIL", self.community.to_ascii_uppercase())
    }

    /// The stream that is the bucket of names.
    pub(super) fn names(&self) -> String {
        format!("KV_{}_names", self.community)
    }

    /// All keys of that bucket.
    pub(super) fn all_names(&self) -> String {
        format!("$KV.{}_names.>", self.community)
    }

    /// The key of a name in it.
    pub(super) fn name(&self, name: Name) -> String {
        format!("$KV.{}_names.{}", self.community, Token::of(name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn subjects_are_as_they_are_written_down() {
        let subjects = Subjects::new(name("plumb.line"));
        assert_eq!(subjects.to(name("a.b")).as_str(), "plumb=line.to.a=b");
        assert_eq!(subjects.room(name("x")).as_str(), "plumb=line.room.x");
        let mail = subjects.mail(name("bob"), name("al.ice"));
        assert_eq!(mail.as_str(), "plumb=line.mail.bob.al=ice");
        assert_eq!(subjects.receiver(&mail), Some(name("bob")));
        assert_eq!(subjects.mail_to(name("b.c")), "plumb=line.mail.b=c.*");
        assert_eq!(subjects.stream(), "PLUMB=LINE_MAIL");
        assert_eq!(subjects.name(name("a.b")), "$KV.plumb=line_names.a=b");
    }

    proptest! {
        #[test]
        fn a_name_comes_back_from_its_token(text in "[a-z0-9][a-z0-9_.-]{0,31}") {
            let token = Token::of(name(&text)).to_string();
            prop_assert!(!token.contains(['.', '*', '>', ' ']));
            prop_assert_eq!(Token::read(&token), Some(name(&text)));
        }

        #[test]
        fn any_text_is_taken(text: String) {
            if let Some(name) = Token::read(&text) {
                prop_assert_eq!(Token::of(name).to_string(), text);
            }
        }
    }
}
