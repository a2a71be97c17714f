//! A small disk of a test's own: a file system in memory, in a mount namespace that goes with it (Linux).

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{Folder, Reaped, skip};

/// A disk that others do not see. It needs the right to mount, mount(8), unshare(1) and nsenter(1).
#[derive(Debug)]
pub struct Disk {
    /// A program in the namespace, which is there as long as its input is open.
    holder: Reaped,
    folder: Folder,
}

impl Disk {
    /// An empty one of so many MiB; `None`, after saying so, where this process may not have it.
    pub fn new(mebibytes: u32) -> Option<Self> {
        let folder = Folder::new();
        let mount = format!("mount -t tmpfs -o size={mebibytes}m none \"$0\" && echo && exec cat");
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "sh", "-c", &mount, &folder.file("")]);
        unshare.stdin(Stdio::piped()).stdout(Stdio::piped());
        let held = match unshare.stderr(Stdio::piped()).spawn() {
            Ok(mut holder) => {
                let is_mounted = is_mounted(&mut holder);
                is_mounted.map(|()| Reaped(holder))
            }
            Err(error) => Err(error.to_string()),
        };
        match held {
            Ok(holder) => Some(Self { holder, folder }),
            Err(why) => {
                skip(&format!("no disk to fill: {why}"));
                None
            }
        }
    }

    /// The path of a file on it, to those who are started by [`command`](Self::command).
    pub fn file(&self, name: &str) -> String {
        self.folder.file(name)
    }

    /// The same file, to everybody else.
    pub fn outside(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.id(), self.file(name)))
    }

    /// One of our programs, which sees this disk.
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{}/ns/mnt", self.id()));
        command.arg(super::program(program)).args(args);
        command
    }

    /// Takes all room that is left, but for so many bytes, with a file of this name.
    ///
    /// # Panics
    /// Where the file cannot be made.
    pub fn fill(&self, name: &str, left: u64) {
        let path = self.outside(name);
        let mut ballast = fs::File::create(&path).expect("a file on the disk");
        let written = std::io::copy(&mut std::io::repeat(1), &mut ballast);
        assert!(written.is_err(), "the disk has no end");
        let length = ballast.metadata().expect("its length").len();
        let kept = length.saturating_sub(left);
        ballast.set_len(kept).expect("a shorter file");
    }

    /// Removes a file.
    ///
    /// # Panics
    /// Where there is none.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.outside(name)).expect("the file");
    }

    fn id(&self) -> u32 {
        self.holder.0.id()
    }
}

/// Waits for the line that says so.
fn is_mounted(holder: &mut Child) -> Result<(), String> {
    let output = holder.stdout.take().expect("its output");
    let mut line = String::new();
    match BufReader::new(output).read_line(&mut line) {
        Ok(1) => Ok(()),
        _ => {
            let mut why = String::new();
            let messages = holder.stderr.take().expect("its messages");
            let _ = BufReader::new(messages).read_to_string(&mut why);
            let _ = holder.wait();
            Err(why.trim().to_owned())
        }
    }
}
