//! Finding out in one round trip what a server speaks, and beginning a session where it speaks the native wire.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proto::measure::native::{Answer, Ask, MIN_SIZE};
use proto::measure::{
    Credentials, Grant, Key, NoSession, PacketSize, Reply, Request, SessionId, Version, Welcome,
    join, offer,
};
use runtime::cpu::Companion;
use runtime::random;
use runtime::udp::{Batch, ClientError, Options, Outbox, Socket, StampClock, is_no_room};

use super::super::calibrate::{Error, RETRY_AFTER, TRIES, not_ours};
use super::super::count::is_refusal;
use super::{Session, Shared};

/// How often a thread that waits for answers looks around.
pub(in crate::probe) const PATIENCE: Duration = Duration::from_millis(20);

/// How long the self-test of the stamps waits for its answer, and how often it is tried.
const TEST_TIMEOUT: Duration = Duration::from_millis(300);
const TEST_TRIES: u32 = 3;

/// What was found out.
pub(crate) enum Hello {
    /// A session on the native wire.
    Native(Box<Session>),
    /// The server speaks the classic wire alone, or must be spoken to on it; its own word where it is one of ours.
    Classic(Option<Version>),
}

/// Calibrates the server, and begins a session if it can. Packets too small for the native wire go on the classic one.
pub(crate) fn hello(
    server: SocketAddr,
    size: PacketSize,
    options: &Options,
    key: Option<Key>,
) -> Result<Hello, Error> {
    let failed = |error| Error::Client(ClientError::new(server, error));
    let socket = Socket::connect(server, options).map_err(failed)?;
    socket.set_patience(Some(PATIENCE)).map_err(failed)?;
    let id = SessionId(u64::from_be_bytes(random::bytes().map_err(failed)?));
    let mut batch = Batch::new();
    let welcome = calibrate(
        &socket,
        &mut batch,
        &calibration(size, id, key.as_ref()),
        server,
    )?;
    let credentials = match (welcome, &key) {
        (
            Some(Welcome {
                grant: Some(grant), ..
            }),
            _,
        ) => join(id, key.as_ref(), &grant)?,
        (_, Some(_)) => return Err(NoSession::ServerHasNoKey.into()),
        (welcome, None) => return Ok(Hello::Classic(welcome.map(|welcome| welcome.version))),
    };
    if size.bytes() < MIN_SIZE {
        return Ok(Hello::Classic(welcome.map(|welcome| welcome.version)));
    }
    let mut session = Session {
        socket,
        id,
        key,
        shared: Arc::new(Shared {
            credentials: Mutex::new(Arc::new(credentials)),
        }),
        stamps: false,
        outbox: Outbox::default(),
        companion: Companion::default(),
    };
    session.test_stamps(&mut batch);
    Ok(Hello::Native(Box::new(session)))
}

/// A calibration that asks for this session.
pub(super) fn calibration(size: PacketSize, id: SessionId, key: Option<&Key>) -> Vec<u8> {
    let mut request = Vec::new();
    let (size, offer) = (size.max(PacketSize::LEAST_CALIBRATED), Some(offer(id, key)));
    Request::Calibrate { size, offer }.encode(&mut request);
    request
}

fn calibrate(
    socket: &Socket,
    batch: &mut Batch,
    request: &[u8],
    server: SocketAddr,
) -> Result<Option<Welcome>, Error> {
    let failed = |error| Error::Client(ClientError::new(server, error));
    for _ in 0..TRIES {
        match socket.send_on(request) {
            Err(error) if is_no_room(&error) => {}
            sent => sent.map_err(failed)?,
        }
        let deadline = Instant::now() + RETRY_AFTER;
        while Instant::now() < deadline {
            let count = batch.receive(socket).map_err(failed)?;
            let answer = (0..count).find_map(|place| batch.get(place));
            match answer.map(|answer| (answer, Reply::decode(answer.payload))) {
                None => {}
                Some((_, Some(Reply::Calibrated(welcome)))) => return Ok(welcome),
                Some((answer, _)) => return Err(not_ours(answer.payload)),
            }
        }
    }
    let timeout = RETRY_AFTER * TRIES;
    Err(ClientError::Silent {
        addr: server,
        timeout,
    }
    .into())
}

/// The credentials that a server which was started anew grants; `None` where it grants none.
pub(super) fn rejoin(
    answer: &[u8],
    id: SessionId,
    key: Option<&Key>,
) -> Option<Result<Credentials, NoSession>> {
    match Reply::decode(answer)? {
        Reply::Calibrated(Some(Welcome {
            grant: Some(grant @ (Grant::Session { .. } | Grant::KeyNeeded)),
            ..
        })) => Some(join(id, key, &grant)),
        _ => None,
    }
}

impl Session {
    /// Asks for totals, and sees whether the question is stamped on its way out and the answer when it comes.
    fn test_stamps(&mut self, batch: &mut Batch) {
        if self.socket.clock() == StampClock::Program {
            return;
        }
        let mut packet = Vec::new();
        Ask { session: self.id }.encode(&mut packet);
        self.shared.get().seal(&mut packet);
        for _ in 0..TEST_TRIES {
            let sent = self.outbox.send(&self.socket, &packet, None, None, 0);
            if sent.is_err_and(|error| !is_refusal(&error)) {
                return;
            }
            let deadline = Instant::now() + TEST_TIMEOUT;
            while Instant::now() < deadline {
                let Ok(count) = batch.receive(&self.socket) else {
                    continue;
                };
                let mut datagrams = (0..count).filter_map(|place| batch.get(place));
                let report = datagrams.find(|datagram| {
                    matches!(Answer::decode(datagram.payload), Some(Answer::Report(_)))
                });
                if let Some(report) = report {
                    let left = self.outbox.collect(&self.socket);
                    self.stamps = left.is_some() && report.came().is_some();
                    return;
                }
            }
        }
    }
}
