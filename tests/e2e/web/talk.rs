//! A client as bare as can be: says bytes, hears answers, and is strict about how they are written.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use harness::PATIENCE;

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Line<S = TcpStream> {
    stream: S,
    held: Vec<u8>,
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// Whether a body follows the head of an answer. A client cannot tell from the head alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    ForAll,
    ForHead,
}

impl Line {
    pub(super) fn to(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::on(stream)
    }

    /// Says that no more requests follow.
    pub(super) fn end(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// The same to a peer that may have hung up.
    pub(super) fn end_if_it_is_there(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// The same connection, to say something while another thread hears.
    pub(super) fn try_clone(&self) -> Self {
        Self::on(self.stream.try_clone().unwrap())
    }
}

impl<S: Read + Write> Line<S> {
    pub(super) fn on(stream: S) -> Self {
        let held = Vec::new();
        Self { stream, held }
    }

    pub(super) fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Says this to a peer that may have hung up, and whether it could be said.
    pub(super) fn say_what_can_be_said(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Asks for this, with these further lines (each with its end), and hears the answer.
    pub(super) fn ask(&mut self, method: &str, target: &str, lines: &str) -> Answer {
        self.say(request(method, target, lines));
        match method {
            "HEAD" => self.hear_head(),
            _ => self.hear(),
        }
    }

    pub(super) fn get(&mut self, target: &str) -> Answer {
        self.ask("GET", target, "")
    }

    /// The same with further lines.
    pub(super) fn get_with(&mut self, target: &str, lines: &str) -> Answer {
        self.ask("GET", target, lines)
    }

    /// The next answer.
    pub(super) fn hear(&mut self) -> Answer {
        self.hear_answer(Asked::ForAll)
    }

    /// The next answer, which has no body whatever it says of one.
    pub(super) fn hear_head(&mut self) -> Answer {
        self.hear_answer(Asked::ForHead)
    }

    fn hear_answer(&mut self, asked: Asked) -> Answer {
        let head = self.take_until(b"\r\n\r\n");
        let mut answer = Answer::of_head(&head);
        let has_none = answer.status < 200 || [204, 304].contains(&answer.status);
        if asked == Asked::ForAll && !has_none {
            answer.body = self.body_of(&answer);
        }
        answer
    }

    fn body_of(&mut self, answer: &Answer) -> Vec<u8> {
        match (
            answer.get("transfer-encoding"),
            answer.get("content-length"),
        ) {
            (Some("chunked"), None) => self.take_chunks(),
            (None, Some(length)) => self.take(length.parse().unwrap()),
            (None, None) => {
                assert_eq!(answer.get("connection"), Some("close"), "{answer:?}");
                self.rest()
            }
            _ => panic!("{answer:?} says twice how long it is"),
        }
    }

    fn take_chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let length = self.take_until(b"\r\n");
            let length = String::from_utf8(length).unwrap();
            let length = usize::from_str_radix(length.trim_end(), 16).unwrap();
            body.extend(self.take(length));
            assert_eq!(self.take(2), b"\r\n");
            if length == 0 {
                return body;
            }
        }
    }

    /// So many bytes of what is said.
    pub(super) fn take(&mut self, length: usize) -> Vec<u8> {
        while self.held.len() < length {
            assert!(
                self.hear_more().unwrap() > 0,
                "{} of {length} bytes came",
                self.held.len()
            );
        }
        self.held.drain(..length).collect()
    }

    fn take_until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.held.windows(end.len()).position(|place| place == end) {
                return self.held.drain(..at + end.len()).collect();
            }
            let came = self.hear_more().unwrap();
            assert!(
                came > 0,
                "only {:?} came",
                self.held.escape_ascii().to_string()
            );
        }
    }

    fn hear_more(&mut self) -> io::Result<usize> {
        let mut room = [0; 65_536];
        let length = self.stream.read(&mut room)?;
        self.held.extend_from_slice(&room[..length]);
        Ok(length)
    }

    /// All that is still said until the end.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        while self.hear_more().unwrap() > 0 {}
        std::mem::take(&mut self.held)
    }

    /// The same where the end may come out of order.
    pub(super) fn rest_or_reset(&mut self) -> Vec<u8> {
        while self.hear_more().is_ok_and(|length| length > 0) {}
        std::mem::take(&mut self.held)
    }

    /// Checks that the server says no more and ends the connection, in order or not.
    pub(super) fn ends(mut self) {
        let ended = self.hear_more();
        let reset = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionReset;
        match ended {
            Ok(0) => {}
            Err(error) if reset(&error) => {}
            other => panic!("{other:?}: {:?}", self.held.escape_ascii().to_string()),
        }
        assert_eq!(self.held, b"");
    }
}

impl Answer {
    fn of_head(head: &[u8]) -> Self {
        let head = std::str::from_utf8(head).unwrap();
        let mut lines = head.trim_end_matches("\r\n").split("\r\n");
        let first = lines.next().unwrap();
        let status = first
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.split(' ').next());
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(": ").expect("a header field");
            assert!(!value.contains(['\r', '\n']), "{line:?}");
            (name.to_ascii_lowercase(), value.to_owned())
        });
        Self {
            status: status
                .and_then(|code| code.parse().ok())
                .expect("a status line"),
            fields: fields.collect(),
            body: Vec::new(),
        }
    }

    /// The value of a field, whose name is in lower case here; each may be there once.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(one, _)| one == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert_eq!(values.next(), None, "{name} twice: {:?}", self.fields);
        value
    }

    /// The same of one that has to be there.
    pub(super) fn field(&self, name: &str) -> &str {
        let value = self.get(name);
        value.unwrap_or_else(|| panic!("no {name} in {:?}", self.fields))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// All fields but these, in their order.
    pub(super) fn fields_but(&self, left_out: &[&str]) -> Vec<(String, String)> {
        let fields = self.fields.iter();
        let kept = fields.filter(|(name, _)| !left_out.contains(&name.as_str()));
        kept.cloned().collect()
    }
}

/// A request as a client of today writes it, with these further lines (each with its end).
pub(super) fn request(method: &str, target: &str, lines: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}
