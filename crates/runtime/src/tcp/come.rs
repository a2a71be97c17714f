//! Whether something has come on a connection.

use std::net::TcpStream;

/// Whether a read would not have to wait: for bytes, the end, or an error. `false` too where the system (Windows) does not
/// tell.
pub fn has_come(stream: &TcpStream) -> bool {
    #[cfg(unix)]
    {
        let mut room = [std::mem::MaybeUninit::uninit()];
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        let seen = socket2::SockRef::from(stream).recv_with_flags(&mut room, flags);
        !matches!(seen, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }
    #[cfg(not(unix))]
    {
        let _ = stream;
        false
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    #[cfg(unix)]
    fn bytes_and_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        assert!(!has_come(&near));
        far.write_all(b"ab").unwrap();
        let mut room = [0; 1];
        near.read_exact(&mut room).unwrap();
        // What is there was not taken by looking at it.
        assert!(has_come(&near) && has_come(&near));
        near.read_exact(&mut room).unwrap();
        assert!(!has_come(&near));
        drop(far);
        assert_eq!(near.peek(&mut room).unwrap(), 0);
        assert!(has_come(&near));
    }
}
