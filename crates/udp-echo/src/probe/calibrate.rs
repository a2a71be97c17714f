//! Telling the server the packet size from each socket, and finding out what the server is.

use std::io;
use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use proto::measure::{Grant, NoSession, Offer, PacketSize, Reply, Request, Version, Welcome};
use runtime::escape::Escaped;
use runtime::udp::{Arrived, ClientError, Fan, FanReceiver};

use super::Plan;

/// How long an answer is waited for before the calibration is sent again.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(500);

/// How often a calibration is sent before the server is given up.
pub(super) const TRIES: u32 = 4;

/// Calibrations on the way at once: a classic server reads them one at a time.
const WINDOW: usize = 32;

/// What a server may say in an error, in bytes.
const SHOWN: usize = 60;

/// Why the server was not calibrated.
#[derive(Debug)]
pub(super) enum Error {
    Client(ClientError),
    /// It answered with something that is no answer to a calibration.
    NotAMeasurementServer(String),
    /// It answered with something that no reflector says.
    NotAReflector(String),
    /// It reflects, but without the key.
    ReflectorHasNoKey,
    NoSession(NoSession),
    Receive(io::Error),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Client(error) => error.fmt(f),
            Self::NotAMeasurementServer(said) => write!(
                f,
                "expected a measurement server, such as `udp-echo serve --reply ack`, but it answered the calibration with \"{said}\""
            ),
            Self::NotAReflector(said) => write!(
                f,
                "expected a reflector of STAMP or TWAMP Light, such as `udp-echo serve --stamp`, but it answered with \"{said}\""
            ),
            Self::ReflectorHasNoKey => f.write_str(
                "the reflector answers without the key and so cannot prove itself: give it the same one, or leave --stamp-key-file out",
            ),
            Self::NoSession(error) => error.fmt(f),
            Self::Receive(error) => write!(f, "cannot receive: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<NoSession> for Error {
    fn from(error: NoSession) -> Self {
        Self::NoSession(error)
    }
}

/// What else than a measurement server says this?
pub(super) fn not_ours(answer: &[u8]) -> Error {
    Error::NotAMeasurementServer(shown(answer))
}

/// The beginning of an answer, fit for a terminal.
pub(super) fn shown(answer: &[u8]) -> String {
    Escaped(&answer[..answer.len().min(SHOWN)]).to_string()
}

/// Calibrates from every socket. The first one finds out whether there is a server and which it is.
pub(super) fn calibrate(
    plan: &Plan,
    fan: &Fan,
    receiver: &mut FanReceiver,
) -> Result<Option<Version>, Error> {
    let version = calibrate_from(0..1, plan, fan, receiver)?;
    let mut from = 1;
    while from < fan.len() {
        let to = fan.len().min(from + WINDOW);
        calibrate_from(from..to, plan, fan, receiver)?;
        from = to;
    }
    Ok(version)
}

fn calibrate_from(
    places: Range<usize>,
    plan: &Plan,
    fan: &Fan,
    receiver: &mut FanReceiver,
) -> Result<Option<Version>, Error> {
    let mut request = Vec::new();
    let offer = Offer {
        version: Version::OURS,
        session: None,
        proof: None,
    };
    let (size, offer) = (plan.size.max(PacketSize::LEAST_CALIBRATED), Some(offer));
    Request::Calibrate { size, offer }.encode(&mut request);
    let mut waiting: Vec<usize> = places.collect();
    let mut version = None;
    for _ in 0..TRIES {
        for place in &waiting {
            let sent = fan.send(*place, &request);
            sent.map_err(|error| ClientError::new(plan.server, error))?;
        }
        let deadline = Instant::now() + RETRY_AFTER;
        while !waiting.is_empty() && Instant::now() < deadline {
            version = receive(&mut waiting, deadline, plan, receiver)?.or(version);
        }
        if waiting.is_empty() {
            return Ok(version);
        }
    }
    Err(Error::Client(ClientError::Silent {
        addr: plan.server,
        timeout: RETRY_AFTER * TRIES,
    }))
}

fn receive(
    waiting: &mut Vec<usize>,
    deadline: Instant,
    plan: &Plan,
    receiver: &mut FanReceiver,
) -> Result<Option<Version>, Error> {
    let mut outcome = Ok(None);
    let received = receiver.receive_until(deadline, |place, what, _| {
        match what {
            Arrived::Refused => outcome = Err(ClientError::Refused { addr: plan.server }.into()),
            Arrived::Datagram(answer) => match Reply::decode(answer) {
                Some(Reply::Calibrated(Some(Welcome {
                    grant: Some(Grant::KeyNeeded),
                    ..
                }))) => outcome = Err(NoSession::KeyNeeded.into()),
                Some(Reply::Calibrated(welcome)) => {
                    waiting.retain(|other| *other != place);
                    outcome = Ok(welcome.map(|welcome| welcome.version));
                }
                _ => outcome = Err(not_ours(answer)),
            },
        }
        match outcome {
            Ok(_) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    received.map_err(Error::Receive)?;
    outcome
}
