//! What the wire says by numbers, in words for people, the cure included where one is known.

use std::time::Duration;

use proto::relay::native::frames::{Ending, Origin, Stage, To, Why};
use proto::relay::native::handshake::Refusal;
use proto::relay::native::identity::SigningKey;
use proto::relay::native::{MAX_CONTENT, Name};
use runtime::addr::Target;
use runtime::units;

use crate::to::{Address, Recipient};
use crate::who::Who;

/// Why a relay does not let somebody register.
pub(crate) fn refusal(why: Refusal, relay: &Target) -> String {
    match why {
        Refusal::NameTaken => format!(
            "somebody else holds this name at {relay}: choose another one by --name, or give the key that it belongs to \
             by --identity FILE"
        ),
        Refusal::NotProven => format!(
            "{relay} does not believe the key of this name: check that this program and the relay are of one version"
        ),
        Refusal::Full => format!("{relay} has no room for more clients: try again later"),
        Refusal::TooFast => {
            format!("too many register at {relay} from this network: try again in a minute")
        }
        Refusal::Version => {
            format!(
                "{relay} speaks another version: use a program of the same version, or --classic"
            )
        }
        Refusal::CutOff => format!(
            "{relay} cannot find out whose this name is, since it is cut off from the other relays: try again later"
        ),
    }
}

/// Why a message did not arrive.
pub(crate) fn why(why: Why, to: To) -> String {
    let to = Recipient(to);
    match why {
        Why::Unknown => format!("nobody has ever gone by \"{to}\" there; check the spelling"),
        Why::Away => format!("{to} is away; send it again when they are back"),
        Why::NotThere => format!(
            "nothing at {to} is registered with the relay, or it may not write there; a client registers by its first \
             word to the relay"
        ),
        Why::NotInRoom => format!("only who is in {to} may speak there; join it first"),
        Why::Behind => format!("{to} takes nothing now and has too much waiting; try again later"),
        Why::Full => "the relay has no room for more messages; try again later".to_owned(),
        Why::TooLong => format!("it is longer than {MAX_CONTENT} bytes"),
        Why::NotClassic => format!(
            "{to} is on the classic wire, which cannot say this: up to about 970 bytes, no white space at its ends"
        ),
        Why::TooFast => "too many messages a second; send fewer".to_owned(),
        Why::Quota => format!(
            "{to} is away, and as much mail from you waits for them as may; try again when they have fetched it"
        ),
        Why::Nameless => format!(
            "{to} is away, and mail is kept only from those who go by a name: give yours by --name"
        ),
        Why::CutOff => format!(
            "{to} is not at this relay, which is cut off from the others and from its mail; try again later"
        ),
    }
}

/// Why a session ended.
pub(crate) fn ending(why: Ending) -> &'static str {
    match why {
        Ending::Done => "the relay ended the connection",
        Ending::Stopping => "the relay has stopped",
        Ending::Elsewhere => "the same name has come with the same key from elsewhere",
        Ending::Unruly => {
            "the relay says that this program breaks its rules; use one of the same version"
        }
    }
}

/// Somebody.
pub(crate) fn origin(from: Origin) -> String {
    match from {
        Origin::Name(name) => name.to_string(),
        Origin::Address(addr) => Address(addr).to_string(),
    }
}

/// How far a message has come.
pub(crate) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Queued => "queued",
        Stage::Refused(_) => "refused",
        Stage::Delivered => "delivered",
        Stage::Read => "read",
    }
}

/// A name belongs to another key than it did.
pub(crate) fn key_changed(name: Name, was: &SigningKey, is: &SigningKey, who: &Who) -> String {
    format!(
        "the key of {name} has changed: it was {}, it is {}. Either {name} has a new identity, or somebody else speaks \
         in that name: ask them. If it is right, /trust {name} in `relay chat`, or remove the line of {name} in {}",
        was,
        is,
        who.file()
    )
}

/// So many of something, in words that fit the number.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    let word = if number == 1 { one } else { many };
    format!("{number} {word}")
}

/// For how long something has been so.
pub(crate) fn since(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => units::show_time(Duration::from_secs(seconds)),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_it_has_run() {
        let table = [
            (7, "7 s"),
            (120, "2 min"),
            (3660, "1 h 1 min"),
            (86_400, "1 d 0 h"),
        ];
        for (seconds, expected) in table {
            assert_eq!(since(seconds), expected);
        }
    }
}
