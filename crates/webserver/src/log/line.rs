//! A line of the access log. What a peer has said is escaped in it: a line stays a line, and nothing steers a terminal.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proto::http::{Request, Status, Version};
use runtime::escape::is_harmless;
use runtime::tcp::Peer;

use super::{Form, host};

/// What is known of a request that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted<'a> {
    /// Who asked.
    pub(crate) peer: Peer,
    /// Who that is, where a password proved it.
    pub(crate) user: Option<&'a str>,
    /// What was asked; `None` where it was no request.
    pub(crate) request: Option<&'a Request<'a>>,
    /// How it was answered.
    pub(crate) status: Status,
    /// How long the content of the answer is, in bytes.
    pub(crate) bytes: u64,
    /// From when the request was whole until the answer was decided.
    pub(crate) took: Duration,
}

/// Tells the time in the words of a log, and works out what only changes every second once a second.
#[derive(Debug)]
pub(crate) struct Clock {
    zone: TimeZone,
    second: i64,
    text: String,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(TimeZone::system())
    }
}

impl Clock {
    fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            second: i64::MIN,
            text: String::new(),
        }
    }

    /// As the common form has it: `22/Nov/2026:05:31:43 +0000`.
    fn common(&mut self, now: SystemTime) -> &str {
        let now = Timestamp::try_from(now).unwrap_or_default();
        if now.as_second() != self.second {
            self.second = now.as_second();
            let zoned = now.to_zoned(self.zone.clone());
            self.text = zoned.strftime("%d/%b/%Y:%H:%M:%S %z").to_string();
        }
        &self.text
    }

    /// In UTC, to the millisecond (RFC 3339): `2026-11-22T05:31:43.123Z`.
    fn exact(&mut self, now: SystemTime, out: &mut String) {
        let now = Timestamp::try_from(now).unwrap_or_default();
        if now.as_second() != self.second {
            self.second = now.as_second();
            let zoned = now.to_zoned(TimeZone::UTC);
            self.text = zoned.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        }
        let millis = now.subsec_millisecond().unsigned_abs();
        let _ = write!(out, "{}.{millis:03}Z", self.text);
    }
}

impl Noted<'_> {
    /// Appends the line. A clock serves one form.
    pub(crate) fn write(&self, form: Form, now: SystemTime, clock: &mut Clock, out: &mut String) {
        // Writing to a string does not fail.
        let _ = match form {
            Form::Common => self.write_common(now, clock, out),
            Form::Combined => self.write_common(now, clock, out).and_then(|()| {
                let fields = self.request.map(|request| &request.fields);
                let referer = fields.and_then(|fields| fields.referer.as_deref());
                let agent = fields.and_then(|fields| fields.user_agent.as_deref());
                let (referer, agent) = (referer.unwrap_or(b"-"), agent.unwrap_or(b"-"));
                write!(out, " {} {}", Quoted(referer), Quoted(agent))
            }),
            Form::Json => self.write_json(now, clock, out),
        };
        out.push('\n');
    }

    fn write_common(
        &self,
        now: SystemTime,
        clock: &mut Clock,
        out: &mut String,
    ) -> std::fmt::Result {
        write!(out, "{} - ", host(self.peer))?;
        match self.user {
            // The field ends at a space, and has no quotes.
            Some(user) if !user.is_empty() => write!(out, "{}", Word(user.as_bytes()))?,
            _ => out.push('-'),
        }
        write!(out, " [{}] \"", clock.common(now))?;
        match self.request {
            None => out.push('-'),
            Some(request) => write!(
                out,
                "{} {} {}",
                Escaped(request.method_text.as_bytes()),
                Escaped(request.target.as_bytes()),
                name(request.version)
            )?,
        }
        write!(out, "\" {} {}", self.status.code(), self.bytes)
    }

    fn write_json(&self, now: SystemTime, clock: &mut Clock, out: &mut String) -> std::fmt::Result {
        out.push_str("{\"time\":\"");
        clock.exact(now, out);
        write!(out, "\",\"peer\":\"{}\"", self.peer)?;
        field("user", self.user.map(str::as_bytes), out)?;
        if let Some(request) = self.request {
            field("method", Some(request.method_text.as_bytes()), out)?;
            field("target", Some(request.target.as_bytes()), out)?;
            field("version", Some(name(request.version).as_bytes()), out)?;
            field("host", request.host.map(str::as_bytes), out)?;
            field("referer", request.fields.referer.as_deref(), out)?;
            field("agent", request.fields.user_agent.as_deref(), out)?;
        }
        let (status, bytes) = (self.status.code(), self.bytes);
        let took = self.took.as_nanos();
        write!(
            out,
            ",\"status\":{status},\"bytes\":{bytes},\"took_ns\":{took}}}"
        )
    }
}

fn name(version: Version) -> &'static str {
    match version {
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
    }
}

/// A field of an object, which is left out where there is nothing to say.
fn field(name: &str, value: Option<&[u8]>, out: &mut String) -> std::fmt::Result {
    match value {
        None => Ok(()),
        Some(value) => write!(out, ",\"{name}\":\"{}\"", Json(value)),
    }
}

/// Between quotes of ours: quotes, backslashes and what is harmful are escaped.
struct Quoted<'a>(&'a [u8]);

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", Escaped(self.0))
    }
}

/// The same without the quotes around it.
struct Escaped<'a>(&'a [u8]);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write_escaped(self.0, f, |character| !"\"\\".contains(character))
    }
}

/// The same where a space would end it.
struct Word<'a>(&'a [u8]);

impl std::fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write_escaped(self.0, f, |character| {
            !"\"\\".contains(character) && !character.is_whitespace()
        })
    }
}

/// Writes what is plain as it is, and the bytes of all else as `\xff`, as other servers do.
fn write_escaped(
    bytes: &[u8],
    f: &mut std::fmt::Formatter<'_>,
    is_plain: impl Fn(char) -> bool,
) -> std::fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_harmless(character) && is_plain(character) {
                f.write_char(character)?;
            } else {
                let mut room = [0; 4];
                write_hex(character.encode_utf8(&mut room).as_bytes(), f)?;
            }
        }
        write_hex(chunk.invalid(), f)?;
    }
    Ok(())
}

fn write_hex(bytes: &[u8], f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
}

/// In a string of JSON. What is not UTF-8 is U+FFFD.
struct Json<'a>(&'a [u8]);

impl std::fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in String::from_utf8_lossy(self.0).chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                plain if is_harmless(plain) => f.write_char(plain)?,
                // All that is harmful is in the first plane.
                other => write!(f, "\\u{:04x}", u32::from(other))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proto::http::{Fields, Method, Then};

    use super::*;

    fn request<'a>(target: &'a str, agent: &'a [u8]) -> Request<'a> {
        Request {
            method: Method::Get,
            method_text: "GET",
            target,
            version: Version::Http11,
            then: Then::Persist,
            host: Some("x"),
            fields: Fields {
                user_agent: Some(agent.into()),
                ..Fields::default()
            },
        }
    }

    fn line(form: Form, request: Option<&Request<'_>>, user: Option<&str>) -> String {
        let noted = Noted {
            peer: Peer::Inet("192.0.2.1:4000".parse().unwrap()),
            user,
            request,
            status: Status::Ok,
            bytes: 12,
            took: Duration::from_micros(3),
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_325_503_007);
        let mut clock = Clock::new(TimeZone::fixed(jiff::tz::offset(1)));
        let mut out = String::new();
        noted.write(form, now, &mut clock, &mut out);
        out
    }

    #[test]
    fn the_three_forms() {
        let request = request("/a?b", b"curl/8");
        let start = "192.0.2.1 - - [22/Nov/2026:06:31:43 +0100] \"GET /a?b HTTP/1.1\" 200 12";
        assert_eq!(
            line(Form::Common, Some(&request), None),
            format!("{start}\n")
        );
        assert_eq!(
            line(Form::Combined, Some(&request), None),
            format!("{start} \"-\" \"curl/8\"\n")
        );
        assert_eq!(
            line(Form::Json, Some(&request), Some("me")),
            "{\"time\":\"2026-11-22T05:31:43.007Z\",\"peer\":\"192.0.2.1:4000\",\"user\":\"me\",\"method\":\"GET\",\
             \"target\":\"/a?b\",\"version\":\"HTTP/1.1\",\"host\":\"x\",\"agent\":\"curl/8\",\"status\":200,\
             \"bytes\":12,\"took_ns\":3000}\n"
        );
    }

    #[test]
    fn what_was_no_request_has_a_line_too() {
        let start = "192.0.2.1 - - [22/Nov/2026:06:31:43 +0100] \"-\" 200 12";
        assert_eq!(line(Form::Common, None, None), format!("{start}\n"));
        assert_eq!(
            line(Form::Combined, None, None),
            format!("{start} \"-\" \"-\"\n")
        );
        assert!(line(Form::Json, None, None).contains("\"status\":200"));
    }

    #[test]
    fn nobody_writes_a_line_of_his_own() {
        let request = request("/\"\\", b"a\" 200\r\n\x1b[2J\xff\xe2\x80\xae");
        let text = line(Form::Combined, Some(&request), Some("a b\"]"));
        assert!(text.contains(" - a\\x20b\\x22] ["), "{text}");
        assert!(text.contains("\"GET /\\x22\\x5c HTTP/1.1\""), "{text}");
        let agent = "\"a\\x22 200\\x0d\\x0a\\x1b[2J\\xff\\xe2\\x80\\xae\"\n";
        assert!(text.ends_with(agent), "{text}");
        let text = line(Form::Json, Some(&request), None);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["agent"], "a\" 200\r\n\x1b[2J\u{fffd}\u{202e}");
        assert!(text.contains("\\u202e"), "{text}");
    }

    proptest! {
        #[test]
        fn a_line_is_a_line(target: String, agent: Vec<u8>, user: String) {
            let request = request(&target, &agent);
            for form in [Form::Common, Form::Combined, Form::Json] {
                let text = line(form, Some(&request), Some(&user));
                let body = text.strip_suffix('\n').unwrap();
                prop_assert!(body.chars().all(is_harmless), "{}", body);
                if form == Form::Json {
                    let value: serde_json::Value = serde_json::from_str(body).unwrap();
                    prop_assert_eq!(value["target"].as_str().unwrap(), &target);
                } else {
                    prop_assert_eq!(body.matches('"').count(), if form == Form::Common { 2 } else { 6 });
                }
            }
        }
    }
}
