//! The messages of every Plumbline protocol as types, and the machines that follow its rules.
//!
//! Bytes come in as arguments and go out into a buffer of the caller, who brings the sockets: blocking or not, real or
//! simulated. Two kinds of wire are told apart. The *classic* wire of a protocol is the plain text that small Python
//! programs speak; this crate reads and writes it byte for byte, as server and as client. A *native* wire is one that
//! the programs of this project have among themselves.
//!
//! # What is not in here
//! No sockets, no files, no threads, no async, no logging, no randomness. No clock: where a machine needs the time it
//! is an argument, a [`Duration`] since a moment that the caller chose. What of this a lint can see is forbidden in the
//! crate's `clippy.toml`.
//!
//! # The protocols
//!
//! | protocol | module | transport | default port | classic | native | examples |
//! |---|---|---|---|---|---|---|
//! | upper-case echo | [`echo`] | UDP | 12000 | yes | not needed | [server](echo#example-over-udp) |
//! | upper-case echo, stream | [`echo`] | TCP | 12000 | yes | not needed | [server](echo#example-over-tcp) |
//! | measurement | [`measure`] | UDP | 8080 | yes | [yes](measure::native) | [classic client](measure#example), [native, both sides](measure#example-of-the-native-wire) |
//! | file transfer | [`filexfer`] | TCP | 9090 | yes | [yes](filexfer::native) | [client](#file-transfer), [server](filexfer#example) |
//! | message relay | [`relay`] | UDP | 9000 | yes | [yes](relay::native) | [relay](relay#example) |
//! | acknowledging echo | [`ack`] | TCP | 12000 | yes | not yet | [both sides](ack#example) |
//! | STAMP and TWAMP Light | [`stamp`] | UDP | 862 | – | RFC 8762 | [both sides](stamp#example) |
//! | months | [`months`] | UDP | 8091 | yes | not needed | [both sides](#months) |
//! | files for browsers | [`http`] | TCP | 8000 | HTTP/1.1 | not needed | – |
//! | native frames | [`frame`] | both | – | – | the codec | [both sides](#native-frames), [`take`](frame#example) |
//!
//! Two modules serve several of them: [`answer`] tells answers from requests, so that no server answers an answer, and
//! [`datagram`] knows what fits a datagram. All default ports are constants (`DEFAULT_PORT`) that nothing here uses.
//!
//! # Conventions
//! - **Decoding takes `&[u8]`**, and what it returns borrows from there. A datagram is given whole. From a stream, a
//!   decoder takes all that has come and is not used up ([`frame::decode`]), a machine takes what each read gave
//!   ([`filexfer::Fetch`]), however the stream was cut into reads.
//! - **Encoding appends** to a `Vec<u8>` that the caller owns, clears and uses again. One that fails leaves it as it
//!   was.
//! - **Incomplete is not an error**: it is `Ok(None)`, or [`Progress::Pending`](filexfer::Progress::Pending) and
//!   [`KeyCheck::Partial`](filexfer::KeyCheck::Partial) where there is more to say. Read on; a decoder wants
//!   the same bytes again with those that came after them, a machine has kept what it needs. Only the caller knows when
//!   the stream has ended.
//! - **Malformed input from a peer is data.** No bytes make a decoder panic. A classic datagram that is no request
//!   still decodes: to what it is to be answered with ([`relay::Incoming::Rejected`]), or to `None`. A stream or a
//!   native frame that breaks the rules is an error that says what was expected; such a stream is of no more use: close
//!   it.
//! - **Limits live on types and beside them**: a [`months::Month`], a [`measure::PacketSize`] or a [`filexfer::Key`]
//!   is checked once, when it is made; [`frame::Message`] states the longest header and bulk of its type; other limits
//!   are constants named `MAX_…`. All lengths are in bytes.
//! - **Machines are driven by their owner.** They wait for nothing: they are told what came (and when), and return what
//!   to do. Keep one [`months::Conversation`] and one [`echo::ReturnGuard`] for each peer, one [`echo::Upper`],
//!   [`filexfer::Fetch`] or [`ack::Acknowledgements`] for each connection. A measurement has a [`measure::Tally`] at its
//!   client; its server has one [`measure::Gate`], which remembers nobody, and a [`measure::Session`] for each client
//!   whose packets it has found true.
//!
//! # Months
//! A server and a client of [`months`]. In a server for several clients each has a conversation of its own, in a table
//! with a limit.
//!
//! ```
//! use std::{io, net::UdpSocket, thread, time::Duration};
//!
//! use proto::months::{Conversation, Reply};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = UdpSocket::bind("127.0.0.1:0")?;
//! server.set_read_timeout(Some(Duration::from_secs(5)))?;
//! let client = UdpSocket::bind("127.0.0.1:0")?;
//! client.set_read_timeout(Some(Duration::from_secs(5)))?;
//! client.connect(server.local_addr()?)?;
//!
//! let service = thread::spawn(move || -> io::Result<()> {
//!     let (mut conversation, mut buffer) = (Conversation::default(), [0; 1024]);
//!     loop {
//!         let (length, peer) = server.recv_from(&mut buffer)?;
//!         let Some(reply) = conversation.reply(&buffer[..length]) else { continue };
//!         server.send_to(reply.as_str().as_bytes(), peer)?;
//!         if reply == Reply::Goodbye {
//!             return Ok(());
//!         }
//!     }
//! });
//!
//! let mut buffer = [0; 1024];
//! for (request, expected) in [("hi", Reply::Introduction), ("13", Reply::Usage), ("0", Reply::Goodbye)] {
//!     client.send(request.as_bytes())?;
//!     let length = client.recv(&mut buffer)?;
//!     assert_eq!(Reply::decode(&buffer[..length]), Some(expected));
//! }
//! service.join().expect("the server does not panic")?;
//! # Ok(())
//! # }
//! ```
//!
//! # File transfer
//! A client of [`filexfer`]. The server is a classic one, whose answer comes in two pieces, the second with bytes of
//! the file.
//!
//! ```
//! use std::io::{self, Read, Write};
//! use std::{net::{TcpListener, TcpStream}, thread, time::Duration};
//!
//! use proto::filexfer::{AuthAnswer, Fetch, Key, Progress};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut server = TcpStream::connect(listener.local_addr()?)?;
//! let (mut classic, _) = listener.accept()?;
//! for stream in [&server, &classic] {
//!     stream.set_read_timeout(Some(Duration::from_secs(5)))?;
//! }
//! let service = thread::spawn(move || -> io::Result<()> {
//!     classic.read_exact(&mut [0; b"SECRET_KEY".len()])?;
//!     classic.write_all(b"AUTH_")?;
//!     classic.write_all(b"SUCCESSone line\nand another\n") // and closes
//! });
//!
//! let mut wire = Vec::new();
//! Key::new(*b"SECRET_KEY")?.encode(&mut wire);
//! server.write_all(&wire)?;
//! let (mut fetch, mut buffer, mut file) = (Fetch::default(), [0; 1024], Vec::new());
//! loop {
//!     let length = server.read(&mut buffer)?;
//!     if length == 0 {
//!         break;
//!     }
//!     if let Progress::Accepted(bytes) | Progress::Chunk(bytes) = fetch.read(&buffer[..length])? {
//!         file.extend_from_slice(bytes);
//!     }
//! }
//! assert_eq!(fetch.end()?, AuthAnswer::Success);
//! assert_eq!(file, b"one line\nand another\n");
//! service.join().expect("the server does not panic")?;
//! # Ok(())
//! # }
//! ```
//!
//! # Native frames
//! A message type of the caller's own, with bulk bytes behind it. The reader takes five bytes at a time, so that no
//! read gives a whole [`frame`].
//!
//! ```
//! use std::io::{self, Read, Write};
//! use std::{net::{TcpListener, TcpStream}, thread, time::Duration};
//!
//! use proto::frame::{self, Message};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Block { offset: u64 }
//!
//! impl Message for Block {
//!     const KIND: u8 = 7;
//!     const MAX_HEADER: u32 = 16;
//!     const MAX_BULK: u32 = 64 * 1024;
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut sender = TcpStream::connect(listener.local_addr()?)?;
//! let (mut receiver, _) = listener.accept()?;
//! receiver.set_read_timeout(Some(Duration::from_secs(5)))?;
//!
//! let mut wire = Vec::new();
//! frame::encode(&Block { offset: 0 }, b"first ", &mut wire)?;
//! frame::encode(&Block { offset: 6 }, b"second", &mut wire)?;
//! let sending = thread::spawn(move || sender.write_all(&wire)); // and closes
//!
//! let (mut received, mut buffer, mut file) = (Vec::new(), [0; 5], Vec::new());
//! loop {
//!     while let Some(block) = frame::decode::<Block>(&received)? {
//!         assert_eq!(block.message.offset, file.len() as u64);
//!         file.extend_from_slice(block.bulk);
//!         received.drain(..block.length);
//!     }
//!     match receiver.read(&mut buffer)? {
//!         0 if received.is_empty() => break,
//!         0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()), // inside a frame
//!         length => received.extend_from_slice(&buffer[..length]),
//!     }
//! }
//! assert_eq!(file, b"first second");
//! sending.join().expect("the sender does not panic")?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Duration`]: std::time::Duration
#![forbid(unsafe_code)]

pub mod ack;
pub mod answer;
pub mod datagram;
pub mod echo;
pub mod filexfer;
pub mod frame;
pub mod http;
pub mod measure;
pub mod months;
pub mod relay;
pub mod stamp;
