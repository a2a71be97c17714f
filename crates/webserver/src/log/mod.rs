//! The access log: a line for each request, written by a thread of its own.
//!
//! Who answers a request puts its line into a buffer in memory and goes on, however slow a disk or a terminal is. A buffer
//! that is full loses lines, which are counted.

mod line;
mod writer;

use std::path::PathBuf;

use clap::ValueEnum;
use runtime::tcp::Peer;

pub(crate) use line::{Clock, Noted};
pub(crate) use writer::{Log, Writer};

/// In which words requests are logged, as it is typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// The common form where standard output is a terminal or --log-file is given, else nothing
    #[default]
    Auto,
    /// The Common Log Format: who, when, what, the status, how many bytes
    Common,
    /// The same, with the page that led here and the browser
    Combined,
    /// An object for each request, with all that is known of it
    Json,
    /// Nothing
    Off,
}

/// In which words requests are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The Common Log Format.
    Common,
    /// The same and more.
    Combined,
    /// JSON, an object a line.
    Json,
}

/// Where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// To standard output.
    Standard,
    /// To the end of this file.
    File(PathBuf),
}

impl Choice {
    /// What is logged, if anything is.
    pub(crate) fn form(self, place: &Place, is_terminal: bool) -> Option<Form> {
        match self {
            Self::Auto if is_terminal || matches!(place, Place::File(_)) => Some(Form::Common),
            Self::Auto | Self::Off => None,
            Self::Common => Some(Form::Common),
            Self::Combined => Some(Form::Combined),
            Self::Json => Some(Form::Json),
        }
    }
}

/// Who is at the other end, without the port, as logs have it.
fn host(peer: Peer) -> String {
    match peer {
        Peer::Inet(addr) => addr.ip().to_canonical().to_string(),
        Peer::Local => peer.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_unless_told() {
        let file = Place::File("log".into());
        let table = [
            (Choice::Auto, &Place::Standard, true, Some(Form::Common)),
            (Choice::Auto, &Place::Standard, false, None),
            (Choice::Auto, &file, false, Some(Form::Common)),
            (Choice::Off, &file, true, None),
            (Choice::Json, &Place::Standard, false, Some(Form::Json)),
        ];
        for (choice, place, is_terminal, form) in table {
            assert_eq!(choice.form(place, is_terminal), form, "{choice:?}");
        }
    }

    #[test]
    fn an_address_is_the_same_on_every_socket() {
        for (addr, shown) in [
            ("192.0.2.1:5", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:5", "192.0.2.1"),
            ("[2001:db8::1]:5", "2001:db8::1"),
        ] {
            assert_eq!(host(Peer::Inet(addr.parse().unwrap())), shown);
        }
        assert_eq!(host(Peer::Local), "unix");
    }
}
