//! Bursts of datagrams between one socket and many peers: as few system calls as can be, for throughput.
//!
//! What comes one after the other from one sender, each datagram as long as the first, is handed over as one [`Burst`]
//! where the system puts it together (Linux, UDP_GRO of udp(7)); a [`Run`] of datagrams to one receiver is handed to the
//! system as one where it cuts them apart (UDP_SEGMENT).

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::admission::{Admission, REST};
use super::totals::{Totals, add};
use super::{Batch, Datagram, Socket, imp};
use crate::alert::Alert;
use crate::limit::{RateLimit, Rates};
use crate::log::Throttle;

/// What one receiver has of what many senders may have in common; see [`Intake::new`].
const NETWORK_SHARE: NonZeroU32 = NonZeroU32::new(16).unwrap();

/// Datagrams of one sender that came together.
#[derive(Clone, Copy, Debug)]
pub struct Burst<'a> {
    /// Who sent them, as far as their headers say.
    pub from: SocketAddr,
    /// Which of our addresses they were sent to, where the socket has several and the system tells (Linux).
    pub to: Option<IpAddr>,
    /// The datagrams, one behind the other.
    pub bytes: &'a [u8],
    /// The length of each in bytes, but for the last, which may be shorter. It is 0 for a single empty one.
    pub size: usize,
}

impl Burst<'_> {
    /// How many datagrams it is.
    pub fn datagrams(&self) -> usize {
        count(self.bytes, self.size)
    }
}

/// Datagrams to one receiver.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Who it is for.
    pub to: SocketAddr,
    /// The address of ours that it comes from; the system chooses without one.
    pub from: Option<IpAddr>,
    /// The length of each in bytes, but for the last, which may be shorter.
    pub size: usize,
    /// The datagrams, one behind the other.
    pub datagrams: &'a [u8],
}

impl Run<'_> {
    fn count(&self) -> usize {
        count(self.datagrams, self.size)
    }
}

/// No bytes are one empty datagram.
fn count(bytes: &[u8], size: usize) -> usize {
    bytes.len().div_ceil(size.max(1)).max(1)
}

/// Datagrams of a run that were not sent.
#[derive(Debug)]
pub struct Failure {
    /// The run's place among those that were handed over, from 0.
    pub run: usize,
    /// How many datagrams of it; there may be more failures of the same run.
    pub datagrams: usize,
    /// Their bytes.
    pub bytes: usize,
    /// What the system said.
    pub error: io::Error,
}

/// Room for what one system call receives.
#[derive(Debug)]
pub struct Bursts(Batch);

impl Bursts {
    /// Allocates the room: 1 MiB on Linux.
    #[expect(clippy::new_without_default, reason = "it is not cheap")]
    pub fn new() -> Self {
        Self(Batch(imp::Batch::of_bursts()))
    }

    /// Blocks until something has come, takes what is there, and says how many bursts that are; 0 as for
    /// [`Batch::receive`].
    ///
    /// # Errors
    /// What the system says.
    pub fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        self.0.receive(socket)
    }

    /// Takes what is there without waiting.
    ///
    /// # Errors
    /// What the system says.
    pub fn poll(&mut self, socket: &Socket) -> io::Result<usize> {
        self.0.poll(socket)
    }

    /// The burst at this place, below what was said last; `None` if it has no sender or there is none at this place.
    pub fn get(&self, place: usize) -> Option<Burst<'_>> {
        self.told(place).map(|(burst, _)| burst)
    }

    fn told(&self, place: usize) -> Option<(Burst<'_>, Datagram<'_>)> {
        let first = self.0.get(place)?;
        let burst = Burst {
            from: first.from,
            to: first.to,
            bytes: first.payload,
            size: self.0.0.size(place),
        };
        Some((burst, first))
    }
}

/// The receiving side of a server: what comes to one socket, from those who may be answered at all.
#[derive(Debug)]
pub struct Intake {
    socket: Arc<Socket>,
    bursts: Bursts,
    came: usize,
    admission: Admission,
    alert: Alert,
    totals: Arc<Totals>,
    faults: Throttle,
}

impl Intake {
    /// More than a server answers a second that is handed bursts.
    const MOST: NonZeroU32 = NonZeroU32::new(16_000_000).unwrap();

    /// Receives from this socket, which is for [bursts](Socket::receiving_bursts). Each source may send
    /// `per_second` datagrams a second, and all of a [`Network`](crate::limit::Network) together sixteen times as many;
    /// without it they are held back only where others contend with them for a server that is behind.
    pub fn new(socket: Arc<Socket>, per_second: Option<NonZeroU32>, totals: Arc<Totals>) -> Self {
        let rates = Rates {
            most: Self::MOST,
            ..Rates::of_sources(per_second)
        };
        let networks = RateLimit::new(rates.times(NETWORK_SHARE));
        let admission = Admission::new(socket.local_addr(), RateLimit::new(rates));
        Self {
            admission: admission.with_networks(networks),
            socket,
            bursts: Bursts::new(),
            came: 0,
            alert: Alert::default(),
            totals,
            faults: Throttle::default(),
        }
    }

    /// Waits until something has come, and says how many bursts that are; 0 as for [`Bursts::receive`]. While what comes
    /// follows closely it is looked for during the first tenth of a millisecond. A socket that fails is reported, and
    /// rests for a moment.
    pub fn wait(&mut self) -> usize {
        if !self.finds() {
            let received = self.bursts.receive(&self.socket);
            self.note(received);
        }
        if self.came > 0 {
            self.alert.came(Instant::now());
        }
        self.came
    }

    /// Whether something came while it was worth looking for.
    fn finds(&mut self) -> bool {
        let Some(until) = self.alert.until(Instant::now()) else {
            return false;
        };
        while self.look() == 0 {
            if Instant::now() >= until {
                self.alert.missed();
                return false;
            }
            thread::yield_now(); // to whoever may be about to speak
        }
        self.alert.found();
        true
    }

    /// The same without waiting.
    pub fn look(&mut self) -> usize {
        let received = self.bursts.poll(&self.socket);
        self.note(received)
    }

    fn note(&mut self, received: io::Result<usize>) -> usize {
        self.came = received.unwrap_or_else(|error| {
            if self.faults.admits(Instant::now()) {
                let (socket, unlogged) = (self.socket.local_addr(), self.faults.unlogged());
                tracing::warn!(%socket, %error, unlogged, "cannot receive");
            }
            thread::sleep(REST);
            0
        });
        if self.came > 0 {
            self.admission.note_dropped(&self.bursts.0, &self.totals);
        }
        self.came
    }

    /// Hands out what came and may be answered, and says how many bursts came from somebody, answered or not.
    pub fn each(&mut self, now: Instant, mut take: impl FnMut(&Burst<'_>)) -> usize {
        let mut heard = 0;
        for place in 0..self.came {
            let Some((burst, first)) = self.bursts.told(place) else {
                continue; // a wait that was ended
            };
            heard += 1;
            let wanted = burst.datagrams();
            self.totals.count_many_received(wanted, burst.bytes.len());
            let allowed = self.admission.admitted(&first, wanted, now, &self.totals);
            let bytes = burst.bytes.len().min(allowed * burst.size);
            if allowed > 0 {
                take(&Burst {
                    bytes: &burst.bytes[..bytes],
                    ..burst
                });
            }
        }
        self.admission.adapt(&self.bursts.0, now);
        self.came = 0;
        heard
    }
}

/// The sending side.
pub struct Dispatch(imp::bursts::Out);

impl fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatch").finish_non_exhaustive()
    }
}

impl Default for Dispatch {
    fn default() -> Self {
        Self(imp::bursts::Out::new())
    }
}

impl Dispatch {
    /// Sends these runs in order, with as few system calls as can be, counts what was sent and says what was not. Where
    /// the way out cannot cut a run apart, its datagrams go one by one.
    pub fn send<'a>(
        &mut self,
        socket: &Socket,
        runs: impl Iterator<Item = Run<'a>>,
        totals: &Totals,
        mut failed: impl FnMut(Failure),
    ) {
        let (mut datagrams, mut bytes) = (0, 0);
        let (mut lost, mut lost_bytes) = (0, 0);
        let runs = runs.inspect(|run| {
            datagrams += run.count();
            bytes += run.datagrams.len();
        });
        self.0.send(&socket.inner, runs, &mut |failure: Failure| {
            lost += failure.datagrams;
            lost_bytes += failure.bytes;
            failed(failure);
        });
        totals.count_many_sent(datagrams - lost, bytes - lost_bytes);
        if lost > 0 {
            add(&totals.failed, lost as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use super::*;

    fn socket(addr: &str) -> Arc<Socket> {
        let socket = Socket::bind(addr.parse().unwrap()).unwrap();
        Arc::new(socket.receiving_bursts())
    }

    fn client() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let patience = Some(Duration::from_secs(10));
        socket.set_read_timeout(patience).unwrap();
        socket
    }

    fn run(to: SocketAddr, size: usize, datagrams: &[u8]) -> Run<'_> {
        Run {
            to,
            from: None,
            size,
            datagrams,
        }
    }

    fn numbered(count: usize, size: usize) -> Vec<u8> {
        (0..count).flat_map(|n| vec![n as u8; size]).collect()
    }

    /// Sends all of these, which must not fail.
    fn send(from: &Socket, runs: &[Run<'_>]) -> Totals {
        let totals = Totals::default();
        let failed = |failure: Failure| panic!("{failure:?}");
        Dispatch::default().send(from, runs.iter().copied(), &totals, failed);
        totals
    }

    /// What comes, datagram by datagram, until there are so many.
    fn receive(socket: &Socket, count: usize) -> Vec<(SocketAddr, Vec<u8>)> {
        let (mut bursts, mut all) = (Bursts::new(), Vec::new());
        while all.len() < count {
            let came = bursts.receive(socket).unwrap();
            assert!(came > 0, "{} of {count}", all.len());
            for burst in (0..came).filter_map(|place| bursts.get(place)) {
                let before = all.len();
                match burst.bytes {
                    [] => all.push((burst.from, Vec::new())),
                    bytes => {
                        all.extend(bytes.chunks(burst.size).map(|one| (burst.from, one.into())))
                    }
                }
                assert_eq!(all.len() - before, burst.datagrams());
            }
        }
        all
    }

    #[test]
    fn runs_of_every_size_come_whole_and_in_order() {
        let (sender, receiver) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
        for (size, count) in [
            (1, 1),
            (1, 200),
            (50, 64),
            (1232, 53),
            (9000, 20),
            (60_000, 3),
        ] {
            let mut datagrams = numbered(count, size);
            if size > 1 {
                datagrams.extend(b"a shorter one".iter().take(size - 1));
            }
            let runs = [run(receiver.local_addr(), size, &datagrams)];
            let totals = send(&sender, &runs);
            let expected: Vec<_> = datagrams.chunks(size).map(<[u8]>::to_vec).collect();
            let came = receive(&receiver, expected.len());
            assert!(came.iter().all(|(from, _)| *from == sender.local_addr()));
            let came: Vec<_> = came.into_iter().map(|(_, datagram)| datagram).collect();
            assert!(came == expected, "{size} {count}");
            let counts = totals.counts();
            let sent = (counts.sent, counts.sent_bytes);
            assert_eq!(sent, (expected.len() as u64, datagrams.len() as u64));
        }
    }

    #[test]
    fn more_runs_than_one_call_sends_keep_their_order() {
        let (sender, receiver) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
        let datagrams: Vec<_> = (0..300_u16).map(|n| n.to_be_bytes()).collect();
        let to = |datagram| run(receiver.local_addr(), 2, datagram);
        let runs: Vec<_> = datagrams.iter().map(|one| to(&one[..])).collect();
        send(&sender, &runs);
        let came = receive(&receiver, 300);
        assert!(
            came.iter()
                .map(|(_, one)| &one[..])
                .eq(datagrams.iter().map(|one| &one[..]))
        );
    }

    #[test]
    fn an_empty_datagram_is_one() {
        let (sender, receiver) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
        let totals = send(&sender, &[run(receiver.local_addr(), 0, b"")]);
        assert_eq!(totals.sent(), 1);
        let came = receive(&receiver, 1);
        assert_eq!(came, [(sender.local_addr(), Vec::new())]);
    }

    #[test]
    fn each_sender_has_bursts_of_its_own() {
        let receiver = socket("127.0.0.1:0");
        let senders = [socket("127.0.0.1:0"), socket("127.0.0.1:0")];
        let datagrams = numbered(40, 100);
        for sender in &senders {
            send(sender, &[run(receiver.local_addr(), 100, &datagrams)]);
        }
        let came = receive(&receiver, 80);
        for sender in &senders {
            let of_sender = came.iter().filter(|(from, _)| *from == sender.local_addr());
            let bytes: Vec<u8> = of_sender.flat_map(|(_, one)| one.clone()).collect();
            assert!(bytes == datagrams);
        }
    }

    #[cfg(all(target_os = "linux", not(portable)))]
    #[test]
    fn a_burst_is_told_with_the_address_that_was_asked_and_a_run_comes_from_there() {
        let (server, client) = (socket("0.0.0.0:0"), socket("127.0.0.1:0"));
        let asked = SocketAddr::from(([127, 0, 0, 2], server.local_addr().port()));
        send(&client, &[run(asked, 4, b"one two three")]);
        let mut bursts = Bursts::new();
        assert_eq!(bursts.receive(&server).unwrap(), 1);
        let burst = bursts.get(0).unwrap();
        assert_eq!(
            (burst.to, burst.size, burst.datagrams()),
            (Some(asked.ip()), 4, 4)
        );
        let back = Run {
            from: burst.to,
            ..run(burst.from, burst.size, burst.bytes)
        };
        send(&server, &[back]);
        let came = receive(&client, 4);
        assert!(came.iter().all(|(from, _)| *from == asked), "{came:?}");
    }

    #[test]
    fn what_is_not_sent_is_told_by_its_place() {
        let (sender, receiver) = (socket("127.0.0.1:0"), client());
        let fine = receiver.local_addr().unwrap();
        let nobody: SocketAddr = "[::1]:9".parse().unwrap(); // another family than the socket's
        let long = vec![0; 70_000];
        let runs = [
            run(fine, 4, b"one two"),
            run(nobody, 1, b"lost"),
            run(fine, 5, b"three"),
            run(fine, 70_000, &long),
            run(nobody, 4, b"lost"),
            run(fine, 4, b"four"),
        ];
        let (totals, mut failed) = (Totals::default(), Vec::new());
        let note = |failure: Failure| failed.push(failure.run);
        Dispatch::default().send(&sender, runs.into_iter(), &totals, note);
        failed.dedup();
        assert_eq!(failed, [1, 3, 4]);
        let mut buffer = [0; 100];
        for expected in ["one ", "two", "three", "four"] {
            let length = receiver.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], expected.as_bytes());
        }
        let counts = totals.counts();
        assert_eq!((counts.sent, counts.sent_bytes, counts.failed), (4, 16, 6));
    }

    #[test]
    fn of_a_burst_over_the_rate_what_is_left_is_handed_out() {
        let (sender, receiver) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
        let totals = Arc::new(Totals::default());
        let limit = NonZeroU32::new(30);
        let mut intake = Intake::new(Arc::clone(&receiver), limit, Arc::clone(&totals));
        send(&sender, &[run(receiver.local_addr(), 1, b"12345678")]);
        let mut taken = Vec::new();
        while totals.received() < 8 {
            assert!(intake.wait() > 0);
            intake.each(Instant::now(), |burst| taken.extend_from_slice(burst.bytes));
        }
        assert_eq!(taken, b"123");
        assert_eq!(totals.over_rate(), 5);
    }
}
