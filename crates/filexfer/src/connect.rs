//! The side that connects: the key, the session, and what a signal does to it.

use std::time::Duration;

use proto::filexfer::Key;
use proto::filexfer::native::message::{Ready, Request, Want};
use proto::filexfer::native::name::Name;
use runtime::addr::Target;
use runtime::cli::{self, Exit};
use runtime::escape::Escaped;
use runtime::shutdown::Shutdown;

use crate::args::Keyed;
use crate::discover;
use crate::key::{self, Stdin};
use crate::line::{Held, Lines};
use crate::retry::Failure;
use crate::session::{Protection, Session};
use crate::source::Wanted;

/// How long a connection may take, with the proof of the key.
const CONNECTING: Duration = Duration::from_secs(20);

/// Another side to connect to.
#[derive(Debug)]
pub(crate) struct Other {
    target: Target,
    key: Key,
    protection: Protection,
    pub(crate) shutdown: Shutdown,
    lines: Lines,
}

impl Other {
    /// The one that was named, or the one that offers itself. Asks for the code where no key was named.
    pub(crate) fn new(
        target: Option<&Target>,
        keyed: &Keyed,
        stdin: Stdin,
    ) -> anyhow::Result<Self> {
        let target = match target {
            Some(target) => target.clone(),
            None => discover::find()?,
        };
        let key = key::known(keyed, stdin)?;
        let shutdown = Shutdown::on_signal()?;
        let lines = Lines::default();
        let cut = lines.clone();
        shutdown.on_trigger(move || {
            // Nothing that could be lost has begun, or the other side is being looked for.
            if cut.cut() == 0 {
                cli::complain("interrupted");
                std::process::exit(Exit::Failure as i32);
            }
        });
        Ok(Self {
            target,
            key,
            protection: keyed.protection(),
            shutdown,
            lines,
        })
    }

    /// Connects, and says what for; what is wanted only where something is. While the answer is there a signal cuts the session.
    pub(crate) fn connect(
        &self,
        request: Request,
        wanted: &Wanted,
    ) -> Result<(Session, Held), Failure> {
        let session = Session::connect(&self.target, &self.key, self.protection, CONNECTING)?;
        let held = self.lines.hold(session.sending.line());
        let mut session = session;
        say(&mut session, request, wanted)?;
        Ok((session, held))
    }
}

fn say(session: &mut Session, request: Request, wanted: &Wanted) -> Result<(), Failure> {
    let sending = &mut session.sending;
    sending.say(&request)?;
    if !matches!(request, Request::Put(_)) {
        for name in &wanted.names {
            let name = name.clone();
            sending.say(&Want { name })?;
        }
        for filter in &wanted.filters {
            sending.say(filter)?;
        }
        sending.say(&Ready)?;
    }
    Ok(sending.flush()?)
}

/// Names as they are typed: those of folders may end in `/`.
pub(crate) fn names(typed: &[String]) -> anyhow::Result<Vec<Name>> {
    let name = |text: &String| {
        let text = text.trim_start_matches("./").trim_end_matches('/');
        Name::new(text.as_bytes()).map_err(|error| {
            let text = Escaped(text.as_bytes());
            anyhow::anyhow!("cannot ask for '{text}': {error}; `filexfer list` shows what there is")
        })
    };
    typed.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_they_are_typed() {
        let typed = ["a.iso", "./photos/", "über/漢字"].map(str::to_owned);
        let found = names(&typed).unwrap();
        let shown: Vec<_> = found.iter().map(Name::to_string).collect();
        assert_eq!(shown, ["a.iso", "photos", "über/漢字"]);
        for wrong in ["", "/", "../a", "/etc/passwd", "a\u{1b}"] {
            assert!(names(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
