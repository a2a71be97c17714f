//! Ways in other than a port: a Unix socket, a socket that was handed over.

use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use harness::{Folder, PATIENCE, Server, Signal, program, skip};

use super::folder_of;
use super::talk::Line;

fn serve_at(folder: &Folder, socket: &str) -> Server {
    let mut command = Command::new(program("webserver"));
    command.args([&folder.file(""), "--bind", &format!("unix:{socket}")]);
    let mut server = Server::of(command, 0);
    let line = server.next_line();
    assert!(line.contains(socket), "{line}");
    server
}

fn connect(socket: &str) -> Line<UnixStream> {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Line::on(stream)
}

#[test]
fn a_unix_socket_is_served_and_goes_with_its_server() {
    let (folder, place) = (folder_of(&[("a", "through a socket")]), Folder::new());
    let length = super::long_file(&folder, "long");
    let socket = place.file("web.sock");
    let server = serve_at(&folder, &socket);
    assert!(std::fs::metadata(&socket).unwrap().file_type().is_socket());
    let mut line = connect(&socket);
    assert_eq!(line.get("/a").text(), "through a socket");
    assert_eq!(line.get("/long").body.len(), length);
    harness::check_refusals(
        "webserver",
        &[(
            &[&folder.file(""), "--bind", &format!("unix:{socket}")],
            "in use",
        )],
    );
    assert_eq!(line.get("/a").text(), "through a socket");
    assert_eq!(server.terminate().0.code(), Some(0));
    assert!(!std::fs::exists(&socket).unwrap());
}

#[test]
fn a_unix_socket_whose_server_was_killed_is_taken_over() {
    let (folder, place) = (folder_of(&[("a", "x")]), Folder::new());
    let socket = place.file("web.sock");
    let killed = serve_at(&folder, &socket);
    killed.signal(Signal::SIGKILL);
    killed.wait();
    assert!(std::fs::exists(&socket).unwrap());
    let server = serve_at(&folder, &socket);
    assert_eq!(connect(&socket).get("/a").text(), "x");
    drop(server);
    // What is no socket is not removed.
    let file = place.write("file", "precious");
    harness::check_refusals(
        "webserver",
        &[(
            &[&folder.file(""), "--bind", &format!("unix:{file}")],
            "unix",
        )],
    );
    assert_eq!(std::fs::read_to_string(file).unwrap(), "precious");
}

/// Binds as systemd does, and becomes the program with the sockets handed over. Nobody connects to them but the test.
const HAND_OVER: &str = "
import os, socket, sys
one, two = socket.socket(), socket.socket(socket.AF_UNIX)
one.bind(('127.0.0.1', 0))
two.bind(sys.argv[1])
one.listen(16)
two.listen(16)
sys.stderr.write('%d\\n' % one.getsockname()[1])
sys.stderr.flush()
os.dup2(one.fileno(), 50)
os.dup2(two.fileno(), 51)
os.dup2(50, 3)
os.dup2(51, 4)
os.closerange(5, 52)
os.environ['LISTEN_PID'] = str(os.getpid())
os.environ['LISTEN_FDS'] = '2'
os.execv(sys.argv[2], sys.argv[2:])
";

#[test]
fn sockets_that_are_handed_over_are_served() {
    if Command::new("python3")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        return skip("no python3 to hand sockets over");
    }
    let (folder, place) = (folder_of(&[("a", "handed over")]), Folder::new());
    let socket = place.file("web.sock");
    let mut command = Command::new("python3");
    command.args(["-c", HAND_OVER, &socket]);
    command.arg(program("webserver")).arg(folder.file(""));
    let mut server = Server::of(command, 0);
    let port: u16 = server.next_message().parse().unwrap();
    let addr = ([127, 0, 0, 1], port).into();
    assert_eq!(Line::to(addr).get("/a").text(), "handed over");
    assert_eq!(connect(&socket).get("/a").text(), "handed over");
    assert_eq!(server.terminate().0.code(), Some(0));
    // It was not ours to remove.
    assert!(std::fs::exists(&socket).unwrap());
}
