//! Servers that a test makes for itself, each good for many connections, and gone with the test's process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use proto::ack;
use proto::echo::{Case, Upper};

/// Starts a server of this kind, with a thread for each connection, and gives its address as text.
pub(super) fn serve(conversation: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let conversation = conversation.clone();
            thread::spawn(move || conversation(stream.unwrap()));
        }
    });
    addr
}

/// An address on which nothing listens.
pub(super) fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// The upper-case echo. A client may go at any time.
pub(super) fn upper(mut stream: TcpStream, case: Case) {
    let (mut upper, mut buffer, mut answer) = (Upper::new(case), vec![0; 65_536], Vec::new());
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        upper.push(&buffer[..length], &mut answer);
        if stream.write_all(&answer).is_err() {
            return;
        }
        answer.clear();
    }
    upper.finish(&mut answer);
    let _ = stream.write_all(&answer);
}

/// A classic one: a read of at most so many bytes, an answer, the end.
pub(super) fn answer_once(mut stream: TcpStream, most: usize) {
    let mut buffer = vec![0; most];
    let length = stream.read(&mut buffer).unwrap();
    buffer[..length].make_ascii_uppercase();
    stream.write_all(&buffer[..length]).unwrap();
}

/// Reads so many bytes and breaks the connection off.
pub(super) fn reset_after(mut stream: TcpStream, bytes: usize) {
    stream.read_exact(&mut vec![0; bytes]).unwrap();
    let socket = socket2::Socket::from(stream);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}

/// Takes whatever comes and says nothing.
pub(super) fn silent(mut stream: TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

/// The acknowledging echo, which closes after so many answers.
pub(super) fn acknowledge(mut stream: TcpStream, most: usize) {
    let mut buffer = [0; ack::MAX_MESSAGE];
    for _ in 0..most {
        match stream.read(&mut buffer) {
            Ok(length @ 1..) if &buffer[..length] != ack::EXIT.as_bytes() => {
                stream.write_all(ack::ACKNOWLEDGEMENT.as_bytes()).unwrap();
            }
            _ => return,
        }
    }
}
