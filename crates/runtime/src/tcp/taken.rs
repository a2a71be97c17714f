//! Whether the program at the other end has read what was written to a connection.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// How it is known that the peer has read what it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It runs on this machine, and its queue was seen empty.
    Seen,
    /// Its machine has it; that the program has, too, is taken from the time that passed.
    Supposed,
}

/// How long a program may take from when its machine has a few bytes until it has read them, where nobody can see it.
const SUPPOSED: Duration = Duration::from_millis(100);

/// So many times as long as the bytes took to arrive, where that is longer.
const WAYS: u32 = 4;

/// After the queue was seen empty, the read that emptied it may not have returned yet.
const RETURN: Duration = Duration::from_millis(10);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// Waits until the program at the other end has read all that was written to this stream, so that what is written next
/// comes in another read.
///
/// Linux tells what the peer's machine has acknowledged, and of a peer on this machine (in this network namespace) what
/// its program has read. Elsewhere a time is waited that suffices for a program that is waiting for it.
///
/// # Errors
/// `TimedOut` where the peer's machine has not acknowledged it, or its program on this machine not read it, within
/// `patience`, and those of the stream.
pub fn wait_until_taken(stream: &TcpStream, patience: Duration) -> io::Result<Taken> {
    let ends = (
        unmapped(stream.local_addr()?),
        unmapped(stream.peer_addr()?),
    );
    let begun = Instant::now();
    loop {
        let queues = Queues::look_up(ends);
        if queues.unacknowledged == Some(0) || queues == Queues::default() {
            match queues.unread {
                None => {
                    thread::sleep(SUPPOSED.max(WAYS * begun.elapsed()));
                    return Ok(Taken::Supposed);
                }
                Some(0) => {
                    thread::sleep(RETURN);
                    return Ok(Taken::Seen);
                }
                Some(_) => {}
            }
        }
        if begun.elapsed() >= patience {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(LOOK);
    }
}

/// What waits on both ways of the answer, in bytes; `None` where nobody says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Queues {
    unacknowledged: Option<u64>,
    /// By the program at the other end, where that is on this machine.
    unread: Option<u64>,
}

impl Queues {
    #[cfg(not(target_os = "linux"))]
    fn look_up(_: (SocketAddr, SocketAddr)) -> Self {
        Self::default()
    }

    #[cfg(target_os = "linux")]
    fn look_up(ends: (SocketAddr, SocketAddr)) -> Self {
        let mut queues = Self::default();
        // A socket for both families stands in the second, also with an address of the first.
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            if let Ok(file) = std::fs::File::open(table) {
                queues.read(std::io::BufReader::with_capacity(1 << 16, file), ends);
            }
        }
        queues
    }

    #[cfg(target_os = "linux")]
    fn read(&mut self, table: impl io::BufRead, (here, there): (SocketAddr, SocketAddr)) {
        let rows = table.lines().map_while(Result::ok);
        for row in rows.filter_map(|line| row::Row::parse(&line)) {
            if (row.local, row.remote) == (here, there) {
                self.unacknowledged = Some(row.sending);
            } else if (row.local, row.remote) == (there, here) {
                self.unread = Some(row.receiving);
            }
        }
    }
}

/// As an IPv4 address where it is one in the form of IPv6.
fn unmapped(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

/// Rows of `/proc/net/tcp` (proc_net_tcp in the kernel's documentation).
#[cfg(target_os = "linux")]
mod row {
    use std::net::{IpAddr, SocketAddr};

    /// One socket.
    #[derive(Debug, PartialEq, Eq)]
    pub(super) struct Row {
        pub(super) local: SocketAddr,
        pub(super) remote: SocketAddr,
        /// Bytes that were written and not acknowledged.
        pub(super) sending: u64,
        /// Bytes that came and were not read.
        pub(super) receiving: u64,
    }

    impl Row {
        /// `None` for what is no row of a socket, such as the heading.
        pub(super) fn parse(line: &str) -> Option<Self> {
            let mut words = line.split_ascii_whitespace().skip(1);
            let (local, remote) = (words.next()?, words.next()?);
            let (sending, receiving) = words.nth(1)?.split_once(':')?;
            Some(Self {
                local: address(local)?,
                remote: address(remote)?,
                sending: u64::from_str_radix(sending, 16).ok()?,
                receiving: u64::from_str_radix(receiving, 16).ok()?,
            })
        }
    }

    /// Each four bytes of the address are a number in the machine's own order.
    fn address(text: &str) -> Option<SocketAddr> {
        let (ip, port) = text.split_once(':')?;
        let mut bytes = Vec::with_capacity(16);
        for at in (0..ip.len()).step_by(8) {
            let word = u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?;
            bytes.extend(word.to_ne_bytes());
        }
        let ip = match <[u8; 4]>::try_from(&bytes[..]) {
            Ok(v4) => IpAddr::from(v4),
            Err(_) => IpAddr::from(<[u8; 16]>::try_from(&bytes[..]).ok()?),
        };
        let port = u16::from_str_radix(port, 16).ok()?;
        Some(SocketAddr::new(ip.to_canonical(), port))
    }

    #[cfg(all(test, target_endian = "little"))]
    mod tests {
        use super::*;

        #[test]
        fn rows_of_the_table() {
            let v4 = "   3: 0100007F:1F90 0100007F:C350 01 0000000C:00000400 00:00000000 00000000  0 0 1 1";
            let v6 = "   0: 00000000000000000000000001000000:0016 B80D0120000000000000000007000000:0001 01 00000000:00000001 00:0";
            let mapped = "   0: 0000000000000000FFFF00000100007F:0016 0000000000000000FFFF00000100007F:0001 01 0:0";
            let table = [
                (v4, "127.0.0.1:8080", "127.0.0.1:50000", 12, 1024),
                (v6, "[::1]:22", "[2001:db8::7]:1", 0, 1),
                (mapped, "127.0.0.1:22", "127.0.0.1:1", 0, 0),
            ];
            for (line, local, remote, sending, receiving) in table {
                let row = Row {
                    local: local.parse().unwrap(),
                    remote: remote.parse().unwrap(),
                    sending,
                    receiving,
                };
                assert_eq!(Row::parse(line), Some(row), "{line}");
            }
            for line in [
                "",
                "  sl  local_address rem_address   st tx_queue rx_queue",
                "0: 1:2 3:4 5 6",
            ] {
                assert_eq!(Row::parse(line), None, "{line}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn pair(addr: &str) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(addr).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener.accept().unwrap().0, client)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_the_peer_has_not_read_is_waited_for() {
        let (mut server, mut client) = pair("127.0.0.1:0");
        server.write_all(b"AUTH_SUCCESS").unwrap();
        let waited = wait_until_taken(&server, Duration::from_millis(50));
        assert_eq!(waited.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let reading = thread::spawn(move || client.read(&mut [0; 1024]).unwrap());
        let waited = wait_until_taken(&server, Duration::from_secs(60));
        assert_eq!(waited.unwrap(), Taken::Seen);
        assert_eq!(reading.join().unwrap(), 12);
    }

    #[test]
    fn a_peer_that_reads_is_not_waited_for_long() {
        for addr in ["127.0.0.1:0", "[::1]:0"] {
            let (mut server, mut client) = pair(addr);
            let reading = thread::spawn(move || client.read(&mut [0; 1024]).unwrap());
            server.write_all(b"AUTH_SUCCESS").unwrap();
            wait_until_taken(&server, Duration::from_secs(60)).unwrap();
            assert_eq!(reading.join().unwrap(), 12);
        }
    }
}
