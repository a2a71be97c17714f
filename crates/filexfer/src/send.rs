//! `send`: gives files to another side that waits for them.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use proto::filexfer::native::message::{Course, Request};
use proto::filexfer::native::name::Name;
use runtime::cli::Exit;
use runtime::log::Verbosity;

use crate::args::{Choosing, Compress, Send, Sending};
use crate::connect::Other;
use crate::key::Stdin;
use crate::retry::{Again, conclude, persist};
use crate::show::{Stage, Stdout, Way};
use crate::source::{self, Compression, Manner, Offer, Piped, Wanted};

pub(crate) fn run(args: &Send, verbosity: Verbosity) -> anyhow::Result<Exit> {
    let stage = Stage::new(&args.telling, verbosity, Stdout::Words);
    let offer = offer(&args.paths, &args.name)?;
    let (again, stdin) = match offer {
        Offer::Stdin(_) => (Again::Once, Stdin::Data),
        Offer::Paths(_) => (Again::GoesOn, Stdin::Free),
    };
    let course = args.going.course();
    ensure!(
        again == Again::GoesOn || course != Course::Follow,
        "expected files and folders with --watch: standard input cannot be read again"
    );
    let manner = Manner {
        course,
        ..manner(&args.sending, &args.choosing)?
    };
    let other = Other::new(Some(&args.target), &args.keyed, stdin)?;
    let mut show = stage.show(Way::Sent, course, None);
    let retry = args.connecting.retry;
    let ended = persist(retry, again, &other.shutdown, &mut show, |show| {
        let (session, _held) = other.connect(Request::Put(course), &Wanted::default())?;
        Ok(source::send(
            session,
            &offer,
            &Wanted::default(),
            &manner,
            show,
        )?)
    });
    conclude(show, ended)
}

/// What is to be sent, as it is typed.
fn offer(paths: &[PathBuf], name: &str) -> anyhow::Result<Offer> {
    if !paths.iter().any(|path| path == Path::new("-")) {
        let offer = Offer::Paths(paths.to_vec());
        // What is not there is said before anybody is connected to.
        source::validate(&offer)?;
        return Ok(offer);
    }
    ensure!(
        paths.len() == 1,
        "expected either - for standard input or paths, not both"
    );
    let name = Name::new(name.as_bytes()).context("cannot use the name given with --name")?;
    Ok(Offer::Stdin(Piped::stdin(name)))
}

pub(crate) fn manner(sending: &Sending, choosing: &Choosing) -> anyhow::Result<Manner> {
    Ok(Manner {
        limit: sending.limit,
        compression: match sending.compress {
            Compress::Auto => Compression::Auto,
            Compress::Never => Compression::Never,
        },
        filters: choosing.filters()?,
        ..Manner::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_they_are_typed() {
        let offered = |paths: &[&str]| {
            let paths: Vec<_> = paths.iter().map(PathBuf::from).collect();
            offer(&paths, "backup.tar")
        };
        assert!(
            matches!(offered(&["-"]), Ok(Offer::Stdin(piped)) if piped.name.to_string() == "backup.tar")
        );
        assert!(matches!(offered(&["."]), Ok(Offer::Paths(_))));
        assert!(offered(&["-", "."]).is_err());
        assert!(offered(&["no/such/file"]).is_err());
        assert!(offer(&[PathBuf::from("-")], "../x").is_err());
    }
}
