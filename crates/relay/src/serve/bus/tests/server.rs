//! A NATS server of a test's own.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Whether the server keeps mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeps {
    Mail,
    Nothing,
}

/// It ends with the test, and its folder with it.
pub(super) struct Server {
    child: Option<Child>,
    program: &'static str,
    port: u16,
    folder: PathBuf,
    keeps: Keeps,
}

impl Server {
    /// Starts a server; where there is none the test says so.
    pub(super) fn start(test: &str, keeps: Keeps) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let Some(program) = installed() else {
            let why = "nats-server is not installed (apt install nats-server)";
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
            return None;
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("plumbline-bus-{}-{number}", std::process::id());
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut server = Self {
            child: None,
            program,
            port: free.local_addr().unwrap().port(),
            folder: std::env::temp_dir().join(name),
            keeps,
        };
        drop(free);
        fs::create_dir_all(&server.folder).unwrap();
        server.go();
        Some(server)
    }

    pub(super) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it again where it was.
    pub(super) fn go(&mut self) {
        let mut command = Command::new(self.program);
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string()]);
        if self.keeps == Keeps::Mail {
            command.arg("-js").arg("-sd").arg(&self.folder);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let is_ready = |line: &std::io::Result<String>| {
            line.as_ref()
                .is_ok_and(|line| line.contains("Server is ready"))
        };
        assert!(lines.any(|line| is_ready(&line)), "nats-server ended");
        std::thread::spawn(move || lines.for_each(drop));
        self.child = Some(child);
    }

    /// Kills it; what it had written is there when it is started again.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn installed() -> Option<&'static str> {
    let works = |program: &&&str| {
        let run = Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        run.is_ok_and(|status| status.success())
    };
    ["nats-server", "/usr/sbin/nats-server"]
        .iter()
        .find(works)
        .copied()
}

/// How long anything may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
