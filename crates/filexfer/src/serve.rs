//! `serve`: offers files to those who know the key.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use proto::filexfer::native::message::{
    Filter, MAX_FILTERS, Ready, Reason, Refused, Request, Want,
};
use proto::frame::Message;
use runtime::cli::Exit;
use runtime::log::Verbosity;

use crate::args::Serve;
use crate::classic;
use crate::listen::{self, Outcome, Service, refuse};
use crate::send::manner;
use crate::session::{Receiving, Session};
use crate::show::{Stage, Stdout, Way};
use crate::source::{self, Manner, Offer, Wanted};
use crate::transfer::{TransferError, Watch, rules};

/// The most names that a peer may ask for.
const MAX_WANTS: usize = 1024;

pub(crate) fn run(args: &Serve, verbosity: Verbosity) -> anyhow::Result<Exit> {
    let offer = Offer::Paths(args.paths.clone());
    source::validate(&offer)?;
    if args.classic {
        check_classic(args)?;
    }
    let stage = Stage::new(&args.telling, verbosity, Stdout::Words);
    let source = Source {
        offer,
        manner: manner(&args.sending, &args.choosing)?,
        classic: args.classic.then(|| args.paths[0].as_path()),
    };
    listen::run(&source, &args.listening, &args.keyed, &stage)
}

fn check_classic(args: &Serve) -> anyhow::Result<()> {
    ensure!(
        args.keyed.key_file.is_some(),
        "expected --key-file with --classic: its key travels in the clear, so it has to be one of its own"
    );
    let [path] = &args.paths[..] else {
        bail!("expected one file with --classic: that wire has no names");
    };
    classic::open(path).context("cannot serve classic clients")?;
    Ok(())
}

struct Source<'a> {
    offer: Offer,
    manner: Manner,
    classic: Option<&'a Path>,
}

impl Service for Source<'_> {
    const WAY: Way = Way::Sent;
    const COMMAND: &'static str = "get";

    fn serve(
        &self,
        mut session: Session,
        request: Request,
        watch: &mut dyn Watch,
    ) -> Result<Outcome, TransferError> {
        let wanted = match request {
            Request::Put(_) => return refuse(session, Refused::WrongWay),
            Request::List | Request::Get(_) => wanted(session.peer, &mut session.receiving)?,
        };
        let checked = wanted.and_then(|wanted| {
            source::check(&self.offer, &wanted, &self.manner)?;
            Ok(wanted)
        });
        match checked {
            Ok(wanted) if request == Request::List => {
                source::list(session, &self.offer, &wanted, &self.manner).map(|()| Outcome::Looked)
            }
            Ok(wanted) => {
                let manner = Manner {
                    course: request.course(),
                    ..self.manner.clone()
                };
                source::send(session, &self.offer, &wanted, &manner, watch).map(Outcome::Done)
            }
            Err(refused) => refuse(session, refused),
        }
    }

    fn classic(&self) -> Option<&Path> {
        self.classic
    }
}

/// What is asked for, until the peer has said it all.
fn wanted(
    peer: SocketAddr,
    receiving: &mut Receiving,
) -> Result<Result<Wanted, Refused>, TransferError> {
    let mut wanted = Wanted::default();
    loop {
        let broken = |what: &str| rules(peer, what);
        let frame = receiving.next()?;
        let frame = frame.ok_or_else(|| broken("it ended before it had asked"))?;
        match frame.prefix.kind {
            Ready::KIND => break,
            Want::KIND => {
                let want = frame.decode::<Want>();
                let want = want.map_err(|error| broken(&error.to_string()))?;
                wanted.names.push(want.message.name);
            }
            Filter::KIND => {
                let filter = frame.decode::<Filter>();
                let filter = filter.map_err(|error| broken(&error.to_string()))?;
                wanted.filters.push(filter.message);
            }
            kind => {
                return Err(broken(&format!(
                    "expected names or filters, got a frame of kind {kind}"
                )));
            }
        }
        if wanted.names.len() > MAX_WANTS {
            let reason = Reason::new(
                "expected at most 1024 names; ask for their folder, or for some at a time",
            );
            return Ok(Err(Refused::Other(reason)));
        }
        if wanted.filters.len() > MAX_FILTERS {
            let reason = Reason::new("expected at most 256 filters; an ignore file may hold more");
            return Ok(Err(Refused::Other(reason)));
        }
    }
    Ok(Ok(wanted))
}

#[cfg(test)]
mod tests {
    use proto::filexfer::native::message::{Done, MAX_PATTERN};
    use proto::filexfer::native::name::Name;

    use super::*;
    use crate::source::tests::peer::pair;

    /// What is understood of what the other side says.
    fn heard(
        say: impl FnOnce(&mut crate::session::Sending),
    ) -> Result<Result<Wanted, Refused>, TransferError> {
        let (mut asking, mut asked) = pair();
        say(&mut asking.sending);
        asking.sending.flush().unwrap();
        asking.sending.end().unwrap();
        wanted(asked.peer, &mut asked.receiving)
    }

    fn exclude(text: &str) -> Filter {
        Filter::Exclude(text.to_owned().try_into().unwrap())
    }

    #[test]
    fn names_and_filters_in_any_order() {
        let name = Name::new(*b"a").unwrap();
        let said = heard(|out| {
            out.say(&exclude("*.o")).unwrap();
            out.say(&Want { name: name.clone() }).unwrap();
            out.say(&exclude("b")).unwrap();
            out.say(&Ready).unwrap();
        });
        let wanted = said.unwrap().unwrap();
        assert_eq!(wanted.names, [name]);
        assert_eq!(wanted.filters, [exclude("*.o"), exclude("b")]);
    }

    #[test]
    fn too_many_filters_are_refused() {
        let longest = "p".repeat(MAX_PATTERN);
        for (filters, is_refused) in [(MAX_FILTERS, false), (MAX_FILTERS + 1, true)] {
            let said = heard(|out| {
                (0..filters).for_each(|_| out.say(&exclude(&longest)).unwrap());
                out.say(&Ready).unwrap();
            });
            let refused = matches!(said.unwrap(), Err(Refused::Other(_)));
            assert_eq!(refused, is_refused, "{filters}");
        }
    }

    #[test]
    fn what_is_neither_breaks_the_rules() {
        let said = heard(|out| out.say(&Done).unwrap());
        assert!(matches!(said, Err(TransferError::Rules { .. })));
        let said = heard(|out| out.say(&exclude("a")).unwrap());
        assert!(matches!(said, Err(TransferError::Rules { .. })));
    }
}
