//! `serve`: offers files to those who know the key.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use proto::filexfer::native::message::{Ready, Reason, Refused, Request, Want};
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
use crate::transfer::{TransferError, Watch};

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
        manner: manner(&args.sending, &args.choosing),
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
            source::check(&self.offer, &wanted)?;
            Ok(wanted)
        });
        match checked {
            Ok(wanted) if request == Request::List => {
                source::list(session, &self.offer, &wanted).map(|()| Outcome::Looked)
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
        let broken = |what: &str| TransferError::Rules {
            peer,
            what: what.to_owned(),
        };
        let frame = receiving.next()?;
        let frame = frame.ok_or_else(|| broken("it ended before it had asked"))?;
        match frame.prefix.kind {
            Ready::KIND => break,
            Want::KIND => {
                let want = frame.decode::<Want>();
                let want = want.map_err(|error| broken(&error.to_string()))?;
                wanted.names.push(want.message.name);
            }
            kind => {
                return Err(broken(&format!(
                    "expected names, got a frame of kind {kind}"
                )));
            }
        }
        if wanted.names.len() > MAX_WANTS {
            let reason = Reason::new(
                "expected at most 1024 names; ask for their folder, or for some at a time",
            );
            return Ok(Err(Refused::Other(reason)));
        }
    }
    Ok(Ok(wanted))
}
