//! What a person is shown, as text.

use proto::relay::native::client::Incoming;
use proto::relay::native::frames::{Happened, Happening, Joined, Member, RoomSize, To};
use runtime::clock::Past;
use runtime::escape::Escaped;

use crate::to::Recipient;
use crate::words::{count, origin};

/// What stands before each further line of a message.
const INDENT: &str = "\n        ";

/// When a message was said, as far as is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    At(Past),
    Earlier,
}

/// Somebody's message.
pub(super) fn message(message: &Incoming, when: When) -> String {
    let when = match when {
        When::At(time) => time.to_string(),
        When::Earlier => "  ·  ".to_owned(),
    };
    let from = origin(message.from);
    let text = text(&message.content);
    match message.room {
        Some((room, _)) => format!("{when} #{room} {from}: {text}\n"),
        None => format!("{when} {from} → you: {text}\n"),
    }
}

/// Several lines stay several lines, and cannot pass for others.
fn text(content: &[u8]) -> String {
    let lines = content.split(|byte| *byte == b'\n');
    let lines: Vec<_> = lines.map(|line| Escaped(line).to_string()).collect();
    lines.join(INDENT)
}

/// Something that is told in passing.
pub(super) fn note(words: &str) -> String {
    format!("   -- {words}\n")
}

/// Something that went wrong.
pub(super) fn alarm(words: &str) -> String {
    format!("   !! {words}\n")
}

/// Messages have come to their receiver's program.
pub(super) fn delivered(number: u64, to: To) -> String {
    let number = if number == 1 {
        String::new()
    } else {
        format!("{number} ")
    };
    format!("   ✓ {number}delivered to {}\n", Recipient(to))
}

/// Nobody has taken a message that the relay has.
pub(super) fn waits(to: To) -> String {
    note(&format!(
        "the relay has it for {}, who has not taken it yet",
        Recipient(to)
    ))
}

/// A message did not arrive.
pub(super) fn refused(content: &[u8], to: To, why: &str) -> String {
    const SHOWN: usize = 120;
    let dots = if content.len() > SHOWN { "…" } else { "" };
    let text = Escaped(&content[..content.len().min(SHOWN)]);
    alarm(&format!(
        "not delivered to {}: {why}: \"{text}{dots}\"",
        Recipient(to)
    ))
}

/// One is in a room.
pub(super) fn joined(joined: &Joined, was_there: bool) -> String {
    let members = match joined.members {
        0 | 1 => "alone".to_owned(),
        more => format!("with {}", count(u64::from(more) - 1, "other", "others")),
    };
    let earlier = match joined.kept {
        0 => String::new(),
        kept => format!(
            "; {}",
            count(kept.into(), "earlier message", "earlier messages")
        ),
    };
    let mut text = note(&format!("you are in #{}, {members}{earlier}", joined.room));
    if was_there {
        text += &missed(joined);
    }
    text
}

fn missed(joined: &Joined) -> String {
    let room = joined.room;
    match joined.missed {
        Some(0) => String::new(),
        Some(missed) => {
            let said = count(missed, "message was", "messages were");
            let kept = if missed == 1 { "is" } else { "are" };
            alarm(&format!(
                "{said} said in #{room} while you were away and {kept} kept no more"
            ))
        }
        None => alarm(&format!(
            "what else was said in #{room} while you were away is not known: the relay began anew, or is another one"
        )),
    }
}

/// Something happened in a room.
pub(super) fn happened(happened: &Happened) -> String {
    let (who, room) = (origin(happened.who), happened.room);
    note(&match happened.what {
        Happening::Joined => format!("{who} has joined #{room}"),
        Happening::Left => format!("{who} has left #{room}"),
        Happening::Slow(dropped) => {
            let missed = count(dropped, "message", "messages");
            format!("{who} is slow and has missed {missed} of #{room}")
        }
    })
}

/// Who is in a room.
pub(super) fn members(members: &[Member]) -> String {
    if members.is_empty() {
        return note("nobody is there");
    }
    let who = members.iter().map(|member| match member.dropped {
        0 => origin(member.who),
        dropped => format!("{} (slow: missed {dropped})", origin(member.who)),
    });
    note(&format!(
        "{}: {}",
        members.len(),
        who.collect::<Vec<_>>().join(", ")
    ))
}

/// Which rooms there are.
pub(super) fn rooms(rooms: &[RoomSize]) -> String {
    if rooms.is_empty() {
        return note("there are no rooms; /join #ROOM makes one");
    }
    let rooms = rooms
        .iter()
        .map(|size| format!("#{} ({})", size.room, size.members));
    note(&rooms.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use proto::relay::native::MessageId;
    use proto::relay::native::frames::{Body, Mark, Origin, Wants};

    use super::*;

    #[test]
    fn a_message_cannot_pass_for_another_line() {
        let said = Incoming {
            from: Origin::Name("alice".parse().unwrap()),
            room: None,
            id: MessageId(1),
            waited: 0,
            content: b"hi\n14:05 bob \x1b[2J\xe2\x80\xae".to_vec(),
            body: Body::Sealed,
            wants: Wants::Nothing,
        };
        let shown = message(&said, When::Earlier);
        assert_eq!(
            shown,
            "  ·   alice → you: hi\n        14:05 bob \\u{1b}[2J\\u{202e}\n"
        );
    }

    #[test]
    fn what_was_missed_is_told() {
        let room = Joined {
            room: "lobby".parse().unwrap(),
            mark: Mark { epoch: 1, place: 5 },
            kept: 2,
            missed: Some(3),
            members: 1,
        };
        let there = joined(&room, true);
        assert!(
            there.contains("you are in #lobby, alone; 2 earlier messages\n"),
            "{there}"
        );
        assert!(
            there.contains("3 messages were said in #lobby while you were away"),
            "{there}"
        );
        assert_eq!(joined(&room, false).lines().count(), 1);
        assert!(
            joined(
                &Joined {
                    missed: None,
                    ..room
                },
                true
            )
            .contains("began anew")
        );
    }

    #[test]
    fn a_long_text_that_was_refused_is_shown_in_part() {
        let to = To::Room("lobby".parse().unwrap());
        let shown = refused(&[b'x'; 500], to, "why");
        assert!(shown.contains("not delivered to #lobby: why: \"xxx") && shown.len() < 200);
    }
}
