//! The server's side: judges the key, and sends the file when the answer was read.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use proto::filexfer::{AuthAnswer, Key, KeyCheck, MAX_KEY};
use runtime::tcp::wait_until_taken;

use crate::deadline::read_until;

/// How long a client may take nothing of the file, or of the answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// As much of the file is sent before it is told.
const PIECE: u64 = 16 << 20;

/// Has the client show its key, of which `shown` came already. What is incomplete at the end of the stream is wrong.
pub(crate) fn show_key(
    stream: &TcpStream,
    mut shown: Vec<u8>,
    key: &Key,
    deadline: Instant,
) -> io::Result<KeyCheck> {
    let mut buffer = [0; MAX_KEY];
    while key.check(&shown) == KeyCheck::Partial {
        match read_until(stream, deadline, &mut buffer)? {
            0 => return Ok(KeyCheck::Wrong),
            length => shown.extend_from_slice(&buffer[..length]),
        }
    }
    Ok(key.check(&shown))
}

/// Says that the key was wrong, and closes.
pub(crate) fn refuse(mut stream: TcpStream) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(AuthAnswer::Error.as_str().as_bytes())?;
    close(&stream)
}

/// Says that the key was right and sends the file; `moved` is told of its bytes as they go.
pub(crate) fn send(
    mut stream: TcpStream,
    path: &Path,
    mut moved: impl FnMut(u64),
) -> anyhow::Result<()> {
    let mut file = open(path)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(AuthAnswer::Success.as_str().as_bytes())?;
    // A classic client takes what one read gives for the answer, and loses what comes with it.
    wait_until_taken(&stream, PATIENCE).context("the client did not read the answer")?;
    loop {
        // On Linux this is sendfile(2).
        match io::copy(&mut Read::take(&mut file, PIECE), &mut stream)? {
            0 => break,
            length => moved(length),
        }
    }
    close(&stream)?;
    Ok(())
}

/// A regular file: a pipe would make every client wait.
pub(crate) fn open(path: &Path) -> anyhow::Result<File> {
    let cannot = || format!("cannot read {}", path.display());
    let found = path.metadata().with_context(cannot)?;
    ensure!(
        found.is_file(),
        "expected one file for classic clients, got {}",
        path.display()
    );
    File::open(path).with_context(cannot)
}

/// Ends the stream and waits until the client has ended its own: to close while something of the client's is unread would
/// take back what it has not read.
fn close(stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let deadline = Instant::now() + PATIENCE;
    let mut unread = [0; 1024];
    while read_until(stream, deadline, &mut unread)? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener.accept().unwrap().0, client)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn keys_in_any_pieces() {
        let key = Key::new(*b"SECRET_KEY").unwrap();
        let table: &[(&[&[u8]], KeyCheck)] = &[
            (&[b"SECRET_KEY"], KeyCheck::Right),
            (&[b"SEC", b"RET_", b"KEY"], KeyCheck::Right),
            (&[b"SECRET_KEYS"], KeyCheck::Wrong),
            (&[b"XXXXXX", b"XXXX"], KeyCheck::Wrong),
            (&[b"SECRET"], KeyCheck::Wrong),
        ];
        for (pieces, expected) in table {
            let (server, mut client) = pair();
            client.set_nodelay(true).unwrap();
            for piece in *pieces {
                client.write_all(piece).unwrap();
            }
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(
                show_key(&server, Vec::new(), &key, soon()).unwrap(),
                *expected
            );
        }
    }

    #[test]
    fn a_key_that_never_comes_has_one_deadline() {
        let (server, mut client) = pair();
        let key = Key::new(*b"SECRET_KEY").unwrap();
        let deadline = Instant::now() + Duration::from_millis(50);
        client.write_all(b"S").unwrap();
        let error = show_key(&server, Vec::new(), &key, deadline).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let error = show_key(&server, Vec::new(), &key, deadline).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn the_answer_comes_alone() {
        let path = std::env::temp_dir().join(format!("filexfer-classic-{}", std::process::id()));
        std::fs::write(&path, b"the file").unwrap();
        let (server, mut client) = pair();
        let served = path.clone();
        let serving = thread::spawn(move || {
            let mut sent = 0;
            send(server, &served, |length| sent += length).map(|()| sent)
        });
        let mut buffer = [0; 1024];
        let length = client.read(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"AUTH_SUCCESS");
        let mut file = Vec::new();
        client.read_to_end(&mut file).unwrap();
        drop(client);
        assert_eq!(
            (file.as_slice(), serving.join().unwrap().unwrap()),
            (&b"the file"[..], 8)
        );
        std::fs::remove_file(path).unwrap();
    }
}
