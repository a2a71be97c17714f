//! A client of the native wire, as simple as can be: one packet, one answer.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use proto::measure::native::{Answer, Ask, Probe, Report};
use proto::measure::{Credentials, PacketSize, Reply, Request, SessionId, join, offer};

/// How long an answer may take, and how often a packet is sent for it.
const PATIENCE: Duration = Duration::from_millis(500);
const TRIES: u32 = 5;

/// The size of calibrations and probes in bytes.
const SIZE: usize = 64;

/// A socket that talks to the server, at an address of its own on this machine.
pub(super) fn socket(number: u32, server: SocketAddrV4) -> Result<UdpSocket> {
    let [_, _, high, low] = number.to_be_bytes();
    let local = SocketAddr::from((Ipv4Addr::new(127, 1, high, low), 0));
    let socket = UdpSocket::bind(local).context("cannot open one socket more")?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// A session that the server has granted.
pub(super) struct Session {
    id: SessionId,
    credentials: Credentials,
    next: u64,
}

impl Session {
    /// Asks for this session.
    pub(super) fn open(socket: &UdpSocket, id: SessionId) -> Result<Self> {
        let mut request = Vec::new();
        let (size, offer) = (PacketSize::new(SIZE as u64)?, Some(offer(id, None)));
        Request::Calibrate { size, offer }.encode(&mut request);
        let answer = ask(socket, &request)?;
        let Some(Reply::Calibrated(Some(welcome))) = Reply::decode(&answer) else {
            bail!("this is no answer to a calibration");
        };
        let grant = welcome.grant.context("no session is granted")?;
        Ok(Self {
            id,
            credentials: join(id, None, &grant)?,
            next: 0,
        })
    }

    /// Its next probe.
    pub(super) fn probe(&mut self) -> Vec<u8> {
        let probe = Probe {
            session: self.id,
            number: self.next,
            sent: 0,
            wants_left: true,
        };
        self.next += 1;
        let mut packet = Vec::new();
        probe.encode(SIZE, &mut packet);
        self.credentials.seal(&mut packet);
        packet
    }

    /// Sends the next probe; whether it was echoed.
    pub(super) fn is_echoed(&mut self, socket: &UdpSocket) -> Result<bool> {
        let answer = ask(socket, &self.probe())?;
        Ok(matches!(Answer::decode(&answer), Some(Answer::Echo(_))))
    }

    /// What the server remembers of it, if it does.
    pub(super) fn report(&self, socket: &UdpSocket) -> Result<Option<Report>> {
        let mut packet = Vec::new();
        Ask { session: self.id }.encode(&mut packet);
        self.credentials.seal(&mut packet);
        Ok(match Answer::decode(&ask(socket, &packet)?) {
            Some(Answer::Report(report)) => Some(report),
            _ => None,
        })
    }
}

fn ask(socket: &UdpSocket, request: &[u8]) -> Result<Vec<u8>> {
    let mut answer = vec![0; 2048];
    for _ in 0..TRIES {
        socket.send(request)?;
        if let Ok(length) = socket.recv(&mut answer) {
            answer.truncate(length);
            return Ok(answer);
        }
    }
    bail!("no answer from the server")
}
