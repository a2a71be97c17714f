//! The client's side: shows the key, and writes what comes after the answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};
use proto::filexfer::{AuthAnswer, DEFAULT_PORT, Fetch, Key, Progress};
use runtime::addr::Target;
use runtime::tcp::connect;
use runtime::units::show_time;

/// How long nothing may come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the connection may take.
const CONNECTING: Duration = Duration::from_secs(10);

const BUFFER: usize = 1 << 20;

/// Fetches the file into `out`; `moved` is told of its bytes as they come. The answer is how many there were, and who sent
/// them. That it ended does not say that it is whole.
pub(crate) fn fetch(
    target: &Target,
    key: &Key,
    out: &mut impl Write,
    mut moved: impl FnMut(u64),
) -> anyhow::Result<(u64, SocketAddr)> {
    let (mut stream, peer) = connect(target, DEFAULT_PORT, CONNECTING)?;
    show(&mut stream, key).with_context(|| lost(peer))?;
    let (mut fetch, mut buffer, mut total) = (Fetch::default(), vec![0; BUFFER], 0);
    loop {
        let length = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => bail!(
                "nothing came from {peer} for {}; is it a classic server, and does it still run?",
                show_time(PATIENCE)
            ),
            Err(error) => return Err(error).with_context(|| lost(peer)),
        };
        let broken = || format!("{peer} does not speak the classic wire; leave --classic out");
        match fetch.read(&buffer[..length]).with_context(broken)? {
            Progress::Pending => {}
            Progress::Refused => bail!(refusal(peer)),
            Progress::Accepted(bytes) | Progress::Chunk(bytes) => {
                out.write_all(bytes).context("cannot write what came")?;
                total += bytes.len() as u64;
                moved(bytes.len() as u64);
            }
        }
    }
    match fetch.end() {
        Ok(AuthAnswer::Success) => Ok((total, peer)),
        Ok(AuthAnswer::Error) => bail!(refusal(peer)),
        Err(error) => Err(error).with_context(|| format!("{peer} does not speak the classic wire")),
    }
}

fn show(stream: &mut TcpStream, key: &Key) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut shown = Vec::new();
    key.encode(&mut shown);
    stream.write_all(&shown)
}

fn lost(peer: SocketAddr) -> String {
    format!("the connection to {peer} was lost")
}

fn refusal(peer: SocketAddr) -> String {
    format!("{peer} says that the key is wrong; check the file given with --key-file")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// What comes from a server that writes these pieces and closes.
    fn fetched(pieces: &'static [&'static [u8]]) -> (Vec<u8>, anyhow::Result<u64>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap().to_string().parse().unwrap();
        let serving = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            let mut key = [0; 3];
            stream.read_exact(&mut key).unwrap();
            assert_eq!(&key, b"key");
            pieces
                .iter()
                .for_each(|piece| stream.write_all(piece).unwrap());
        });
        let key = Key::new(*b"key").unwrap();
        let mut out = Vec::new();
        let result = fetch(&target, &key, &mut out, |_| {}).map(|(total, _)| total);
        serving.join().unwrap();
        (out, result)
    }

    #[test]
    fn answers_in_one_read_and_in_two() {
        let table: &[(&[&[u8]], &[u8])] = &[
            (&[b"AUTH_SUCCESSfile"], b"file"),
            (&[b"AUTH_", b"SUCCESS", b"fi", b"le"], b"file"),
            (&[b"AUTH_SUCCESS"], b""),
        ];
        for (pieces, file) in table {
            let (out, total) = fetched(pieces);
            assert_eq!((out.as_slice(), total.unwrap()), (*file, file.len() as u64));
        }
    }

    #[test]
    fn what_is_no_file() {
        let table: &[(&[&[u8]], &str)] = &[
            (&[b"AUTH_ERROR"], "key is wrong"),
            (&[b"AUTH_", b"ERROR"], "key is wrong"),
            (&[b"AUTH_"], "classic wire"),
            (&[], "classic wire"),
            (&[b"220 ftp.example.org"], "classic wire"),
        ];
        for (pieces, words) in table {
            let (out, result) = fetched(pieces);
            let error = format!("{:#}", result.unwrap_err());
            assert!(error.contains(words), "{error}");
            assert!(out.is_empty());
        }
    }
}
