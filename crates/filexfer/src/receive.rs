//! `receive`: waits for files.

use proto::filexfer::native::message::{Filter, Refused, Request};
use runtime::cli::Exit;
use runtime::log::Verbosity;

use crate::args::Receive;
use crate::filter::Filters;
use crate::listen::{self, Outcome, Service, refuse};
use crate::session::Session;
use crate::show::{Stage, Stdout, Way};
use crate::sink::{self, Manner, Place};
use crate::transfer::{TransferError, Watch};

pub(crate) fn run(args: &Receive, verbosity: Verbosity) -> anyhow::Result<Exit> {
    let stage = Stage::new(&args.telling, verbosity, Stdout::Words);
    let filters: Vec<_> = args.exclude.iter().cloned().map(Filter::Exclude).collect();
    Filters::new(&filters)?;
    let sink = Sink {
        place: Place::Folder(args.folder.clone()),
        manner: Manner {
            filters,
            ..args.saving.manner()
        },
    };
    listen::run(&sink, &args.listening, &args.keyed, &stage)
}

struct Sink {
    place: Place,
    manner: Manner,
}

impl Service for Sink {
    const WAY: Way = Way::Received;
    const COMMAND: &'static str = "send";

    fn serve(
        &self,
        session: Session,
        request: Request,
        watch: &mut dyn Watch,
    ) -> Result<Outcome, TransferError> {
        match request {
            Request::Put(_) => {
                let manner = Manner {
                    course: request.course(),
                    ..self.manner.clone()
                };
                sink::receive(session, &self.place, &manner, watch).map(Outcome::Done)
            }
            Request::Get(_) | Request::List => refuse(session, Refused::WrongWay),
        }
    }
}
