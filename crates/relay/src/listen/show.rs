//! Messages as lines for people or for programs.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proto::relay::native::Name;
use proto::relay::native::client::Incoming;
use proto::relay::native::frames::Body;
use runtime::cli;
use runtime::clock::Past;
use runtime::escape::Escaped;
use runtime::units;
use serde::Serialize;

use crate::to::Address;
use crate::words;

/// Standard output, which has what was [flushed](Shown::flush).
#[derive(Debug)]
pub(super) struct Shown {
    form: Form,
    out: BufWriter<File>,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Lines,
    Json,
}

/// The first object, and one whenever the address changes.
#[derive(Debug, Serialize)]
struct Registered {
    #[serde(rename = "type")]
    kind: &'static str,
    time: String,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// A message. Content that is not UTF-8 is `base64`, other content `text`.
#[derive(Debug, Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    time: String,
    from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<u64>,
    id: u64,
    /// For how long the relay kept it, in seconds.
    waited_s: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    sealed: bool,
}

impl Shown {
    pub(super) fn new(json: bool) -> io::Result<Self> {
        Ok(Self {
            form: if json { Form::Json } else { Form::Lines },
            out: BufWriter::new(cli::raw_stdout()?),
        })
    }

    /// Says by which address one can be reached.
    pub(super) fn registered(&mut self, at: SocketAddr, name: Option<Name>) -> io::Result<()> {
        let at = Address(at).to_string();
        match self.form {
            Form::Lines => writeln!(self.out, "registered as {at}")?,
            Form::Json => self.json(&Registered {
                kind: "registered",
                time: now(),
                at,
                name: name.map(|name| name.to_string()),
            })?,
        }
        self.flush()
    }

    pub(super) fn message(&mut self, message: &Incoming) -> io::Result<()> {
        match self.form {
            Form::Lines => self.out.write_all(line(message).as_bytes()),
            Form::Json => self.json(&object(message)),
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn json(&mut self, object: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, object)?;
        writeln!(self.out)
    }
}

fn line(message: &Incoming) -> String {
    let room = message.room.map(|(room, _)| format!("#{room} "));
    let (from, text) = (words::origin(message.from), Escaped(&message.content));
    let when = match message.waited {
        0 => String::new(),
        waited => format!(" ({})", Past::ago(Duration::from_secs(waited.into()))),
    };
    format!("{}{from}{when}: {text}\n", room.unwrap_or_default())
}

fn object(message: &Incoming) -> Message<'_> {
    let text = std::str::from_utf8(&message.content).ok();
    Message {
        kind: "message",
        time: now(),
        from: words::origin(message.from),
        room: message.room.map(|(room, _)| room.to_string()),
        place: message.room.map(|(_, place)| place),
        id: message.id.0,
        waited_s: message.waited,
        text,
        base64: text.is_none().then(|| STANDARD.encode(&message.content)),
        sealed: message.body == Body::Sealed,
    }
}

fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    units::date(since.map_or(0, |since| since.as_nanos() as u64))
}

#[cfg(test)]
mod tests {
    use proto::relay::native::MessageId;
    use proto::relay::native::frames::{Origin, Wants};

    use super::*;

    fn said(content: &[u8]) -> Incoming {
        Incoming {
            from: Origin::Name("alice".parse().unwrap()),
            room: None,
            id: MessageId(7),
            waited: 0,
            content: content.to_vec(),
            body: Body::Sealed,
            wants: Wants::Nothing,
        }
    }

    #[test]
    fn a_message_is_one_line_whatever_it_says() {
        let mut message = said(b"two\nlines \x1b[31mred\xff");
        assert_eq!(line(&message), "alice: two\\nlines \\u{1b}[31mred\\xff\n");
        message.room = Some(("lobby".parse().unwrap(), 3));
        message.from = Origin::Address("[2001:db8::7]:5000".parse().unwrap());
        assert!(line(&message).starts_with("#lobby [2001:db8::7]/5000: two"));
    }

    #[test]
    fn what_was_kept_has_the_time_when_it_was_sent() {
        let mut message = said(b"hi");
        message.waited = 3 * 86_400;
        let then = Past::ago(Duration::from_secs(3 * 86_400));
        let day = then.to_string()[..10].to_owned();
        assert!(line(&message).starts_with(&format!("alice ({day} ")));
        assert!(line(&message).ends_with("): hi\n"));
        let object = serde_json::to_value(object(&message)).unwrap();
        assert_eq!(object["waited_s"], 3 * 86_400);
    }

    #[test]
    fn bytes_that_are_no_text_are_base64() {
        let of = |content: &[u8]| serde_json::to_value(object(&said(content))).unwrap();
        let (text, bytes) = (of("Grüße".as_bytes()), of(b"\xff\x00"));
        assert_eq!(text["text"], "Grüße");
        assert_eq!((&text["id"], &text["sealed"]), (&7.into(), &true.into()));
        assert!(text.get("base64").is_none() && text.get("room").is_none());
        assert_eq!(bytes["base64"], "/wA=");
        assert!(bytes.get("text").is_none());
    }
}
