//! Sockets that a supervisor has bound and hands over, as systemd does, and what it is told in turn (sd_listen_fds(3),
//! sd_notify(3)).

use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use listenfd::ListenFd;

use super::entrance::Entrance;
use super::listen::Listener;
use super::local::LocalListener;

impl Entrance {
    /// Those that a supervisor has handed over by `LISTEN_FDS`, in its order; most processes have none. A second call
    /// gives none. Call it before other threads are started: it changes the environment.
    ///
    /// # Errors
    /// When one of them is no listening stream socket.
    pub fn handed_over() -> io::Result<Vec<Self>> {
        let mut handed = ListenFd::from_env();
        let places = 0..handed.len();
        places.map(|place| take(&mut handed, place)).collect()
    }
}

fn take(handed: &mut ListenFd, place: usize) -> io::Result<Entrance> {
    if let Ok(Some(listener)) = handed.take_tcp_listener(place) {
        return Listener::handed_over(listener).map(Entrance::Inet);
    }
    match handed.take_unix_listener(place) {
        Ok(Some(listener)) => LocalListener::handed_over(listener).map(Entrance::Local),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "expected a listening stream socket as number {place} of those in LISTEN_FDS: see ListenStream= of systemd.socket(5)"
            ),
        )),
    }
}

/// What a supervisor wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Whoever connects is served.
    Ready,
    /// It is about to end.
    Stopping,
}

impl Progress {
    /// Tells the supervisor, if there is one that asked to be told (`NOTIFY_SOCKET`).
    pub fn tell(self) {
        let Some(place) = std::env::var_os("NOTIFY_SOCKET") else {
            return;
        };
        if let Err(error) = self.tell_at(place.as_encoded_bytes()) {
            tracing::debug!(%error, "the supervisor is not told");
        }
    }

    fn tell_at(self, place: &[u8]) -> io::Result<()> {
        let text: &[u8] = match self {
            Self::Ready => b"READY=1",
            Self::Stopping => b"STOPPING=1",
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.send_to_addr(text, &addr(place)?).map(drop)
    }
}

/// A path, or after `@` a name that is in no file system.
fn addr(place: &[u8]) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = place.strip_prefix(b"@") {
        return SocketAddr::from_abstract_name(name);
    }
    use std::os::unix::ffi::OsStrExt;
    SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_supervisor_is_told() {
        let name = format!("plumbline-notify-{}", std::process::id());
        let addr = SocketAddr::from_abstract_name(&name).unwrap();
        let supervisor = UnixDatagram::bind_addr(&addr).unwrap();
        let place = format!("@{name}");
        Progress::Ready.tell_at(place.as_bytes()).unwrap();
        Progress::Stopping.tell_at(place.as_bytes()).unwrap();
        for expected in [&b"READY=1"[..], b"STOPPING=1"] {
            let mut heard = [0; 32];
            let length = supervisor.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], expected);
        }
    }

    #[test]
    fn nobody_is_told_where_nobody_is() {
        assert!(Progress::Ready.tell_at(b"/no/such/folder/s").is_err());
    }
}
