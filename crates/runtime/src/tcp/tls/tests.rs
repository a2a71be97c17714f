//! Sealed connections on real sockets, with a client of `rustls`.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use socket2::SockRef;

use super::super::{Body, Conversation, Listener, Next, Out, Piece, Policy, Server, Totals};
use super::*;
use crate::shutdown::Shutdown;

/// Nothing takes that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The length of what [`Talk`] says at length, in bytes: no whole number of records.
const LONG: usize = 3_000_001;

type Client = StreamOwned<ClientConnection, TcpStream>;

/// Says back what it hears, but for `f`, a file, `b`, a body that is shared, and `.`, the end.
struct Talk;

impl Conversation for Talk {
    fn take(&mut self, bytes: &[u8], out: &mut Out) -> Next {
        out.bytes().extend_from_slice(bytes);
        match bytes {
            b"f" => out.attach(Body::File(Piece {
                file: Arc::new(file()),
                at: 1,
                length: LONG as u64,
            })),
            b"b" => out.attach(Body::Shared(Bytes::from(content()).slice(1..))),
            b"." => return Next::Close,
            _ => {}
        }
        Next::GoOn
    }
}

/// What is said at length, after a byte that is not.
fn content() -> Vec<u8> {
    (0..=LONG).map(|at| (at % 251) as u8).collect()
}

fn file() -> std::fs::File {
    let name = format!(
        "plumbline-tls-{}-{:?}",
        std::process::id(),
        thread::current().id()
    );
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, content()).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file
}

fn self_signed() -> (Identity, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let certificate = made.cert.der().to_vec();
    let key = made.signing_key.serialize_der();
    (
        Identity::from_der(certificate.clone(), key).unwrap(),
        certificate,
    )
}

struct Running {
    addr: SocketAddr,
    tls: Tls,
    certificate: Vec<u8>,
    totals: Arc<Totals>,
    shutdown: Shutdown,
    thread: JoinHandle<io::Result<()>>,
}

impl Running {
    fn start() -> Self {
        let (identity, certificate) = self_signed();
        let tls = Tls::new(identity, &["talk"], b"not here").unwrap();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let server = Server::new(vec![listener], Policy::default()).sealed(tls.clone());
        let (addr, shutdown) = (server.local_addrs()[0], Shutdown::new());
        let (totals, stop) = (server.totals(), shutdown.clone());
        let thread = thread::spawn(move || server.run(&stop, |_, _| Talk));
        Self {
            addr,
            tls,
            certificate,
            totals,
            shutdown,
            thread,
        }
    }

    fn plain(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn connect(&self, config: &Arc<ClientConfig>) -> Client {
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::clone(config), name).unwrap();
        StreamOwned::new(tls, self.plain())
    }

    fn stop(self) {
        self.shutdown.trigger();
        self.thread.join().unwrap().unwrap();
    }
}

fn trusting(certificate: &[u8]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.to_vec().into()).unwrap();
    let provider = Arc::new(crypto::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn ask(client: &mut Client, what: &[u8]) {
    client.write_all(what).unwrap();
    let mut heard = vec![0; what.len()];
    client.read_exact(&mut heard).unwrap();
    assert!(heard == what);
}

#[test]
fn what_is_said_arrives_and_the_end_is_told() {
    let running = Running::start();
    let mut client = running.connect(&trusting(&running.certificate));
    ask(&mut client, b"hello");
    ask(&mut client, &content()[..100_000]);
    for long in [b"f", b"b"] {
        ask(&mut client, long);
        let mut heard = vec![0; LONG];
        client.read_exact(&mut heard).unwrap();
        assert!(heard == content()[1..]);
    }
    client.write_all(b".").unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(
        rest, b".",
        "without the word of TLS the end would be an error"
    );
    running.stop();
}

#[test]
fn a_peer_that_reads_slowly_loses_nothing() {
    let running = Running::start();
    let mut client = running.connect(&trusting(&running.certificate));
    let _ = SockRef::from(&client.sock).set_recv_buffer_size(64 * 1024);
    for long in [b"f", b"b"] {
        ask(&mut client, long);
        let mut heard = Vec::new();
        let mut room = [0; 777];
        while heard.len() < LONG {
            let wanted = room.len().min(LONG - heard.len());
            let length = client.read(&mut room[..wanted]).unwrap();
            heard.extend_from_slice(&room[..length]);
            thread::yield_now();
        }
        assert!(heard == content()[1..]);
    }
    ask(&mut client, b"and it goes on");
    running.stop();
}

#[test]
fn who_comes_again_takes_up_where_it_was() {
    let running = Running::start();
    for versions in [&[&rustls::version::TLS13], &[&rustls::version::TLS12]] {
        let mut config = ClientConfig::builder_with_provider(Arc::new(crypto::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates({
                let mut roots = RootCertStore::empty();
                roots.add(running.certificate.clone().into()).unwrap();
                roots
            })
            .with_no_client_auth();
        config.alpn_protocols = vec![b"other".into(), b"talk".into()];
        let config = Arc::new(config);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut client = running.connect(&config);
            ask(&mut client, b"hello");
            // A first handshake in which the client guessed no key share right is full, too.
            let kind = match client.conn.handshake_kind().unwrap() {
                HandshakeKind::FullWithHelloRetryRequest => HandshakeKind::Full,
                kind => kind,
            };
            assert_eq!(kind, expected);
            assert_eq!(client.conn.alpn_protocol(), Some(&b"talk"[..]));
        }
    }
    running.stop();
}

#[test]
fn a_new_certificate_is_shown_from_then_on() {
    let running = Running::start();
    let old = trusting(&running.certificate);
    let mut before = running.connect(&old);
    ask(&mut before, b"hello");
    let (identity, certificate) = self_signed();
    running.tls.show(identity);
    ask(&mut before, b"those that are there stay");
    ask(&mut running.connect(&trusting(&certificate)), b"hello");
    let fresh = trusting(&running.certificate);
    let refused = running.connect(&fresh).write_all(b"hello").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidData, "{refused}");
    running.stop();
}

#[test]
fn what_is_not_sealed_is_not_heard() {
    let running = Running::start();
    let mut plain = running.plain();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut heard = Vec::new();
    // The peer may be reset once it has its alert.
    let _ = plain.read_to_end(&mut heard);
    assert!(heard.starts_with(b"not here"), "{heard:?}");
    let mut garbage = running.plain();
    garbage.write_all(&[0; 100]).unwrap();
    let mut heard = Vec::new();
    let _ = garbage.read_to_end(&mut heard);
    assert!(!heard.starts_with(b"not"), "{heard:?}");
    ask(
        &mut running.connect(&trusting(&running.certificate)),
        b"the others are heard",
    );
    assert_eq!(running.totals.counts().failed, 2);
    running.stop();
}

#[test]
fn a_peer_has_a_time_for_its_handshake() {
    let (identity, _) = self_signed();
    let tls = Tls::new(identity, &[], b"").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let now = Instant::now();
    let plain = Stream::Tcp(mio::net::TcpStream::from_std(stream));
    assert_eq!(plain.due(), None);
    let sealed = tls.seal(plain, now).unwrap();
    assert_eq!(sealed.due(), Some(now + HANDSHAKE_TIME));
    assert_eq!(sealed.send(b"too soon").unwrap(), 8, "nobody can hear it");
}

#[test]
fn what_is_no_identity() {
    let pem =
        |kind: &str, text: &str| format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let base64 = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    let certificate = pem("CERTIFICATE", &base64(made.cert.der()));
    let key = pem("PRIVATE KEY", &base64(&made.signing_key.serialize_der()));
    let wrong = pem("PRIVATE KEY", &base64(&other.signing_key.serialize_der()));
    let sealed = pem("ENCRYPTED PRIVATE KEY", "AAAA");
    let garbage = pem("CERTIFICATE", "AAAA");
    let table = [
        ("", "", IdentityError::NoCertificate),
        ("hello", key.as_str(), IdentityError::NoCertificate),
        (&key, &certificate, IdentityError::Swapped),
        (&certificate, "", IdentityError::NoKey),
        (&certificate, &certificate, IdentityError::NoKey),
        (&certificate, &sealed, IdentityError::Sealed),
        (&certificate, &wrong, IdentityError::Mismatch),
    ];
    for (certificate, key, expected) in table {
        let error = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err();
        assert_eq!(error, expected);
    }
    let error = Identity::from_pem(garbage.as_bytes(), key.as_bytes()).unwrap_err();
    assert!(matches!(error, IdentityError::Invalid(_)), "{error}");
    let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    assert_eq!(identity.certificate(), made.cert.der().as_ref());
    assert_eq!(format!("{identity:?}"), "Identity(***)");
}
