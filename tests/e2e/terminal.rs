//! A program on a pseudo-terminal, typed at and looked at.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use harness::{PATIENCE, Signal};
use nix::pty::openpty;
use nix::sys::signal::kill;
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;

/// A program on a terminal.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    /// What was shown and not looked for yet.
    shown: String,
}

impl Terminal {
    pub(crate) fn start(mut command: Command) -> Self {
        let pty = openpty(None, None).unwrap();
        let (keyboard, ours) = (File::from(pty.master), pty.slave);
        command.env("TERM", "xterm");
        command.stdin(ours.try_clone().unwrap());
        command.stdout(ours.try_clone().unwrap()).stderr(ours);
        let child = command.spawn().unwrap();
        let screen = watch(keyboard.try_clone().unwrap());
        Self {
            child,
            keyboard,
            screen,
            shown: String::new(),
        }
    }

    /// Types at the next prompt. What is typed before it is lost when it sets the terminal up.
    pub(crate) fn types(&mut self, keys: &str) {
        self.shows("> ");
        self.goes_on(keys);
    }

    /// Types on.
    pub(crate) fn goes_on(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(id, Signal::SIGTERM).unwrap();
    }

    /// Whether what is typed is shown and handed out line by line, as a shell expects it.
    pub(crate) fn is_as_before(&self) -> bool {
        let expected = LocalFlags::ECHO | LocalFlags::ICANON;
        tcgetattr(&self.keyboard)
            .unwrap()
            .local_flags
            .contains(expected)
    }

    /// Waits until this is shown, after all that was waited for before.
    pub(crate) fn shows(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(place) = self.shown.find(text) {
                self.shown.drain(..place + text.len());
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.shown += &String::from_utf8_lossy(&bytes),
                Err(_) => panic!("no '{text}' is shown, but {:?}", self.shown),
            }
        }
    }

    pub(crate) fn ends(mut self, code: i32) {
        self.has_ended(code);
    }

    pub(crate) fn has_ended(&mut self, code: i32) {
        assert_eq!(self.child.wait().unwrap().code(), Some(code));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn watch(mut screen: File) -> Receiver<Vec<u8>> {
    let (bytes, shown) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // At its end a terminal gives an error.
        while let Ok(length @ 1..) = screen.read(&mut buffer) {
            if bytes.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    shown
}
