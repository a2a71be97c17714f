//! Starting the real programs and listening to what they say. Everything ends what it started.

#[cfg(target_os = "linux")]
mod disk;
mod folder;
mod forge;
mod namespaces;
#[cfg(unix)]
mod nats;
mod noise;

use std::io::{BufRead, BufReader, PipeWriter, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
pub use disk::Disk;
pub use folder::Folder;
pub use forge::forge;
pub use namespaces::Namespaces;
#[cfg(unix)]
pub use nats::Nats;
#[cfg(unix)]
pub use nix::sys::signal::Signal;
pub use noise::Noise;

/// How long anything may take before a test gives it up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The path of a program of this workspace, built first if need be: `cargo test` alone builds no programs for the
/// tests of another package.
pub fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let test = std::env::current_exe().expect("the path of this test");
        let folder = test
            .parent()
            .and_then(|deps| deps.parent())
            .expect("a target folder around this test");
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build
            .args(["build", "--quiet", "--workspace", "--bins"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let built = build.status().expect("cargo runs");
        assert!(built.success(), "the programs do not build");
        folder.to_path_buf()
    });
    folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The path of a classic program; `None`, after saying so, where there is no Python to run it.
pub fn classic(name: &str) -> Option<Command> {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let found = *FOUND.get_or_init(|| {
        Command::new("python3")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    });
    if !found {
        skip(&format!("no python3 to run the classic {name}"));
        return None;
    }
    let mut python = Command::new("python3");
    let script = format!("{}/classic/{name}", env!("CARGO_MANIFEST_DIR"));
    python.arg("-u").arg(script);
    Some(python)
}

/// Says, also where the output of tests is captured, that a test was skipped and why.
pub fn skip(why: &str) {
    let test = thread::current();
    let name = test.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {why}");
}

/// Says, also where the output of tests is captured, what a test has counted.
pub fn say(what: &str) {
    let test = thread::current();
    let name = test.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "{name}: {what}");
}

/// What a finished program left.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Finished {
    /// The exit code.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

/// Runs one of our programs to its end, with this on its standard input.
pub fn run(name: &str, args: &[&str], stdin: &str) -> Finished {
    let mut command = Command::new(program(name));
    command.args(args);
    finish(command, stdin)
}

/// Checks that each of these command lines is refused with exit code 1, nothing on standard output and one line on
/// standard error that holds these words.
pub fn check_refusals(name: &str, table: &[(&[&str], &str)]) {
    for (args, words) in table {
        let refused = run(name, args, "hello\n");
        assert_eq!(refused.code(), Some(1), "{args:?}: {refused:?}");
        assert!(
            refused.stderr.contains(words),
            "{args:?}: {}",
            refused.stderr
        );
        assert_eq!(
            refused.stderr.lines().count(),
            1,
            "{args:?}: {}",
            refused.stderr
        );
        assert_eq!(refused.stdout, "", "{args:?}");
    }
}

/// Runs a command to its end, which is the end of the test where it takes longer than [`PATIENCE`].
pub fn finish(mut command: Command, stdin: &str) -> Finished {
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = Reaped(child.expect("the program starts"));
    let mut input = child.0.stdin.take().expect("its input");
    let text = stdin.as_bytes().to_vec();
    let feeding = thread::spawn(move || {
        // A program may end before it has read everything.
        let _ = input.write_all(&text);
    });
    let stdout = collect(child.0.stdout.take().expect("its output"));
    let stderr = collect(child.0.stderr.take().expect("its messages"));
    let status = child.wait();
    feeding.join().expect("its input was written");
    Finished {
        status,
        stdout: stdout.recv_timeout(PATIENCE).expect("its output ends"),
        stderr: stderr.recv_timeout(PATIENCE).expect("its messages end"),
    }
}

fn collect(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    let (text, collected) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let _ = text.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    collected
}

/// A child process that does not outlive its owner.
#[derive(Debug)]
struct Reaped(Child);

impl Reaped {
    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().expect("its status") {
                return status;
            }
            assert!(Instant::now() < deadline, "a program did not end");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that is running.
#[derive(Debug)]
pub struct Server {
    child: Reaped,
    lines: Receiver<String>,
    messages: Receiver<String>,
    message_lines: Receiver<String>,
    /// Where it listens, in the order in which it said so.
    pub addrs: Vec<SocketAddr>,
}

impl Server {
    /// Starts one of our servers and waits until it has said on as many sockets as it is told to bind where it listens.
    pub fn start(name: &str, args: &[&str]) -> Self {
        let mut command = Command::new(program(name));
        command.args(args);
        let sockets = args.iter().filter(|arg| **arg == "--bind").count();
        Self::of(command, sockets)
    }

    /// Starts a server of ours that cannot say where it listens, because all it says goes to this pipe.
    pub fn silent(mut command: Command, addr: SocketAddr, output: PipeWriter) -> Self {
        let messages = output.try_clone().expect("the same pipe");
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(messages)
            .spawn();
        Self {
            child: Reaped(child.expect("the server starts")),
            lines: mpsc::channel().1,
            messages: mpsc::channel().1,
            message_lines: mpsc::channel().1,
            addrs: vec![addr],
        }
    }

    /// Starts any server that prints lines with `SCHEME://ADDR:PORT` at their end.
    pub fn of(mut command: Command, sockets: usize) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = Reaped(child.expect("the server starts"));
        let lines = read_lines(child.0.stdout.take().expect("its output"));
        let (message_lines, messages) = read_messages(child.0.stderr.take().expect("its messages"));
        let mut server = Self {
            child,
            lines,
            messages,
            message_lines,
            addrs: Vec::new(),
        };
        while server.addrs.len() < sockets {
            let line = server.next_line();
            let addr: Option<SocketAddr> =
                line.rsplit("://").next().and_then(|addr| addr.parse().ok());
            server.addrs.extend(addr);
        }
        server
    }

    /// Where it listens first.
    pub fn addr(&self) -> SocketAddr {
        self.addrs[0]
    }

    /// The same as text.
    pub fn target(&self) -> String {
        self.addr().to_string()
    }

    /// The next line of its standard output.
    pub fn next_line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(_) => panic!("the server said no more: {:?}", self.messages.try_recv()),
        }
    }

    /// The next line of its standard error.
    pub fn next_message(&mut self) -> String {
        let message = self.message_lines.recv_timeout(PATIENCE);
        message.expect("the server says more on standard error")
    }

    /// A socket of the test's that talks to it.
    pub fn connect(&self) -> UdpSocket {
        let socket = loopback_socket();
        socket.connect(self.addr()).expect("a route on loopback");
        socket
    }

    /// Waits until it has ended by itself, and gives its status and what it said on standard error.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait();
        let messages = self.messages.recv_timeout(PATIENCE);
        (status, messages.expect("its messages end"))
    }

    /// Sends SIGTERM and waits.
    #[cfg(unix)]
    pub fn terminate(self) -> (ExitStatus, String) {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    /// Sends this signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.0.id()).expect("a process");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), signal).expect("it is sent");
    }

    /// Whether these bytes are anywhere in what it has written to its memory.
    #[cfg(target_os = "linux")]
    pub fn remembers(&self, bytes: &[u8]) -> bool {
        let process = format!("/proc/{}", self.child.0.id());
        let maps = std::fs::read_to_string(format!("{process}/maps")).expect("its memory");
        let memory = std::fs::File::open(format!("{process}/mem")).expect("its memory");
        let written = maps.lines().filter(|line| line.contains(" rw"));
        written.filter_map(area).any(|(start, length)| {
            let mut area = vec![0; length];
            use std::os::unix::fs::FileExt;
            let read = memory.read_at(&mut area, start).unwrap_or(0);
            area[..read]
                .windows(bytes.len())
                .any(|place| place == bytes)
        })
    }

    /// Its resident memory in KiB.
    #[cfg(target_os = "linux")]
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.0.id()));
        let status = status.expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .expect("VmRSS")
    }

    /// How many descriptors it has.
    #[cfg(target_os = "linux")]
    pub fn descriptors(&self) -> usize {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.child.0.id()));
        folder.expect("its descriptors").count()
    }

    /// Checks that it takes no more than so many KiB, and that it ends in order, with next to nothing said.
    #[cfg(target_os = "linux")]
    pub fn ends_quietly(self, most: u64) {
        let memory = self.memory();
        assert!(memory < most, "{memory} KiB, not {most}");
        let (status, messages) = self.terminate();
        assert_eq!(status.code(), Some(0));
        assert!(!messages.contains("ERROR"), "{messages}");
        assert!(messages.lines().count() < 100, "{messages}");
    }
}

/// Where a line of a process's map says that an area begins, and how long it is.
#[cfg(target_os = "linux")]
fn area(line: &str) -> Option<(u64, usize)> {
    let (start, end) = line.split(' ').next()?.split_once('-')?;
    let (start, end) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16));
    let (start, end) = (start.ok()?, end.ok()?);
    Some((start, usize::try_from(end - start).ok()?))
}

fn read_lines(stdout: ChildStdout) -> Receiver<String> {
    let (line, lines) = mpsc::channel();
    thread::spawn(move || {
        for text in BufReader::new(stdout).lines().map_while(Result::ok) {
            if line.send(text).is_err() {
                return;
            }
        }
    });
    lines
}

/// The lines of a standard error as they come, and at its end the whole.
fn read_messages(stderr: ChildStderr) -> (Receiver<String>, Receiver<String>) {
    let ((line, lines), (text, collected)) = (mpsc::channel(), mpsc::channel());
    thread::spawn(move || {
        let mut whole = String::new();
        let mut reader = BufReader::new(stderr);
        let mut bytes = Vec::new();
        while reader
            .read_until(b'\n', &mut bytes)
            .is_ok_and(|length| length > 0)
        {
            let message = String::from_utf8_lossy(&bytes);
            whole += &message;
            let _ = line.send(message.trim_end().to_owned());
            bytes.clear();
        }
        let _ = text.send(whole);
    });
    (lines, collected)
}

/// A socket on loopback that gives up after [`PATIENCE`].
pub fn loopback_socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port on loopback");
    socket
        .set_read_timeout(Some(PATIENCE))
        .expect("a read time-out");
    socket
}

/// Sends a request and gives the answer, as text.
pub fn ask(socket: &UdpSocket, request: impl AsRef<[u8]>) -> String {
    socket.send(request.as_ref()).expect("the request is sent");
    hear(socket)
}

/// Asks until there is an answer: the server may not be there yet, or the request be lost behind a full queue.
pub fn ask_again(server: &Server, request: &str) -> String {
    let client = server.connect();
    let mut buffer = [0; 100];
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        // Refused as long as nobody listens.
        let sent = client.send(request.as_bytes());
        client
            .set_read_timeout(Some(Duration::from_millis(100)))
            .expect("a read time-out");
        if let (Ok(_), Ok(length)) = (sent, client.recv(&mut buffer)) {
            return String::from_utf8(buffer[..length].to_vec()).expect("text");
        }
    }
    panic!("no answer from {}", server.addr());
}

/// The next datagram, as text.
pub fn hear(socket: &UdpSocket) -> String {
    let mut buffer = vec![0; 65_535];
    let length = socket.recv(&mut buffer).expect("an answer");
    String::from_utf8(buffer[..length].to_vec()).expect("text")
}

/// A total that a server logged at its end, of all that it served.
pub fn total(messages: &str, what: &str) -> u64 {
    let totals = messages
        .lines()
        .filter_map(|line| line.split("stopped: ").nth(1));
    let count = |totals: &str| -> u64 {
        let mut parts = totals.split(", ").filter_map(|part| part.split_once(' '));
        let number = parts.find(|(_, name)| *name == what);
        number.map_or(0, |(number, _)| number.parse().expect("a number"))
    };
    assert!(totals.clone().count() > 0, "no line of totals: {messages}");
    totals.map(count).sum()
}
