//! What a line of a person asks for.

use proto::relay::native::Name;
use proto::relay::native::frames::To;

use crate::to::{self, Recipient};

/// A line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Say(To, Vec<u8>),
    /// Plain lines are for them from now on.
    Turn(To),
    Join(Name),
    Leave(Name),
    Who(Name),
    Rooms,
    /// Whom do I know?
    Names,
    Keys(Name),
    Trust(Name),
    Help,
    Quit,
    Nothing,
    /// It asks for nothing that is there; this is what to say.
    Wrong(String),
}

/// What `/help` says.
pub(super) const HELP: &str = "\
/msg NAME TEXT     to one person; without TEXT, what you type goes to them from now on
/join #ROOM        be in a room; what you type goes there from now on
/leave [#ROOM]     leave it
/who [#ROOM]       who is in it
/rooms             which rooms there are
/names             whose keys you know
/keys NAME         the key that a name belongs to, to compare it by telephone
/trust NAME        trust the new key of a name whose key has changed
/quit              end; so does Ctrl-D

NAME can be IP/PORT or [V6]/PORT, for clients without a name. // begins a line with a slash.
";

/// Reads a line; `current` is whom plain lines are for.
pub(super) fn read(line: &[u8], current: Option<To>) -> Command {
    let trimmed = line.trim_ascii();
    match trimmed.strip_prefix(b"/") {
        _ if trimmed.is_empty() => Command::Nothing,
        None => plain(line, current),
        Some(rest) if rest.starts_with(b"/") => plain(rest, current),
        Some(rest) => slash(rest, current),
    }
}

fn plain(text: &[u8], current: Option<To>) -> Command {
    match current {
        Some(to) => Command::Say(to, text.to_vec()),
        None => wrong("to whom? /join #ROOM or /msg NAME says it, /help more"),
    }
}

fn slash(rest: &[u8], current: Option<To>) -> Command {
    let (word, rest) = split(rest);
    let room = || match (rest.is_empty(), current) {
        (true, Some(To::Room(room))) => Ok(room),
        _ => to::room(&text(rest)),
    };
    let of_room = |make: fn(Name) -> Command| room().map_or_else(Command::Wrong, make);
    let of_name = |make: fn(Name) -> Command| match text(rest).parse() {
        Ok(name) => make(name),
        Err(error) => Command::Wrong(format!("{error}")),
    };
    match word.to_ascii_lowercase().as_slice() {
        b"msg" | b"m" => message(rest),
        b"join" | b"j" => of_room(Command::Join),
        b"leave" | b"part" => of_room(Command::Leave),
        b"who" => of_room(Command::Who),
        b"rooms" => Command::Rooms,
        b"names" => Command::Names,
        b"keys" => of_name(Command::Keys),
        b"trust" => of_name(Command::Trust),
        b"help" | b"h" | b"?" => Command::Help,
        b"quit" | b"exit" | b"q" => Command::Quit,
        _ => wrong(&format!(
            "there is no /{}; /help says what there is",
            text(word)
        )),
    }
}

fn message(rest: &[u8]) -> Command {
    let (whom, content) = split(rest);
    match text(whom).parse::<Recipient>() {
        Ok(Recipient(to)) if content.is_empty() => Command::Turn(to),
        Ok(Recipient(to)) => Command::Say(to, content.to_vec()),
        Err(error) => Command::Wrong(error.to_string()),
    }
}

/// The first word, and what follows the white space after it.
fn split(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii();
    let end = text
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim_ascii_start())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn wrong(words: &str) -> Command {
    Command::Wrong(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_table() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let (bob, lobby) = (To::Name(name("bob")), To::Room(name("lobby")));
        let there = To::Address("192.0.2.7:5000".parse().unwrap());
        let say = |to, text: &[u8]| Command::Say(to, text.to_vec());
        let table: [(&[u8], Command); 16] = [
            (b"", Command::Nothing),
            (b"  ", Command::Nothing),
            (b" hello: there ", say(lobby, b" hello: there ")),
            (b"//etc", say(lobby, b"/etc")),
            (b"/msg bob hi  you", say(bob, b"hi  you")),
            (b"/msg Bob", Command::Turn(bob)),
            (b"/msg 192.0.2.7/5000 hi", say(there, b"hi")),
            (b"/msg bob \xff", say(bob, b"\xff")),
            (b"/join #den", Command::Join(name("den"))),
            (b"/JOIN den", Command::Join(name("den"))),
            (b"/leave", Command::Leave(name("lobby"))),
            (b"/who", Command::Who(name("lobby"))),
            (b"/who #den", Command::Who(name("den"))),
            (b"/trust bob", Command::Trust(name("bob"))),
            (b"/help", Command::Help),
            (b"/quit", Command::Quit),
        ];
        for (line, expected) in table {
            assert_eq!(read(line, Some(lobby)), expected, "{line:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_answered() {
        for line in [
            &b"hello"[..],
            b"/nonsense",
            b"/msg",
            b"/msg a,b hi",
            b"/who",
            b"/trust",
            b"/leave",
        ] {
            assert!(matches!(read(line, None), Command::Wrong(_)), "{line:?}");
        }
    }
}
