//! How a program moves a file: what has to be started, on which side, and how it is known to be ready.

use std::ffi::OsStr;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All that one transfer needs.
pub(crate) struct Plan {
    /// What both sides need and neither is charged for.
    pub(crate) helpers: Vec<(Call, Ready)>,
    pub(crate) sender: Call,
    pub(crate) ready: Ready,
    /// The transfer takes from its start to its end.
    pub(crate) receiver: Call,
    pub(crate) ends: Ends,
}

/// What becomes of a sender when the receiver has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// It serves on, and has to be ended.
    WhenTold,
    /// It ends too.
    ByItself,
}

/// How a program is called.
pub(crate) struct Call {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Call {
    /// Without arguments so far.
    pub(crate) fn of(program: &Path) -> Self {
        Self {
            program: program.to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// The arguments in a text with a blank between each two.
    pub(crate) fn words(mut self, words: &str) -> Self {
        self.arguments
            .extend(words.split_whitespace().map(str::to_owned));
        self
    }

    /// One argument that may hold blanks.
    pub(crate) fn path(mut self, path: &Path) -> Self {
        self.arguments.push(path.display().to_string());
        self
    }

    /// One argument, as it is.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.arguments.push(text.into());
        self
    }

    /// A variable of its environment.
    pub(crate) fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// The same by way of a shell script, which has the file as `$0` and the call as `$@`.
    pub(crate) fn in_shell(self, script: &str, file: &Path) -> Self {
        let shell = Self::of(Path::new("sh"))
            .words("-c")
            .text(script)
            .path(file);
        let mut shell = shell.path(&self.program);
        shell.arguments.extend(self.arguments);
        shell.environment = self.environment;
        shell
    }

    /// The same, which reads the file as its stdin.
    pub(crate) fn reads(self, file: &Path) -> Self {
        self.in_shell("exec \"$@\" < \"$0\"", file)
    }

    /// The same, which writes the file as its stdout.
    pub(crate) fn writes(self, file: &Path) -> Self {
        self.in_shell("exec \"$@\" > \"$0\"", file)
    }

    /// The same, and tar(1) unpacks what it writes to stdout in this folder.
    pub(crate) fn unpacks_into(self, folder: &Path) -> Self {
        self.in_shell("\"$@\" | tar xf - -C \"$0\"", folder)
    }

    /// The same, and after it ended well what the file holds is brought to the disk.
    pub(crate) fn then_syncs(self, file: &Path) -> Self {
        self.in_shell("\"$@\" && exec sync \"$0\"", file)
    }
}

/// How it is known that a program can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// The kernel lists a TCP socket that listens on this port.
    Listens(SocketAddrV4),
    /// It says these words, and some time later it has done what it said them before.
    Says {
        words: &'static str,
        settles: Duration,
    },
}

/// What a plan is made of.
pub(crate) struct Task {
    /// The file or the folder that is to be sent.
    pub(crate) file: PathBuf,
    /// A folder that it is to arrive in.
    pub(crate) target: PathBuf,
    /// A folder for keys and settings, which later plans find again.
    pub(crate) settings: PathBuf,
}

impl Task {
    /// What every file is called.
    pub(crate) const FILE: &str = "file.bin";

    /// What every folder of files is called.
    pub(crate) const TREE: &str = "tree";

    /// What is to be there afterwards.
    pub(crate) fn arrived(&self) -> PathBuf {
        self.target.join(self.name())
    }

    /// What is to be sent is called so.
    pub(crate) fn name(&self) -> &OsStr {
        self.file.file_name().unwrap_or_default()
    }

    /// The folder that what is to be sent lies in.
    pub(crate) fn source(&self) -> &Path {
        self.file.parent().unwrap_or(&self.file)
    }

    /// A path for a setting.
    pub(crate) fn setting(&self, name: &str) -> PathBuf {
        self.settings.join(name)
    }

    /// A task to look at plans with.
    #[cfg(test)]
    pub(crate) fn sample(test: &str) -> Self {
        Self::sample_of(Self::FILE, test)
    }

    /// The same with what has this name.
    #[cfg(test)]
    pub(crate) fn sample_of(name: &str, test: &str) -> Self {
        let settings = std::env::temp_dir().join(format!("bench-filexfer-test-{test}"));
        std::fs::create_dir_all(&settings).unwrap();
        Self {
            file: Path::new("/from").join(name),
            target: "/to".into(),
            settings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_stands_around_a_call() {
        let call = Call::of(Path::new("nc"))
            .words("-d 127.0.0.1 7")
            .writes(Path::new("/a b"));
        assert_eq!(call.program, Path::new("sh"));
        let expected = [
            "-c",
            "exec \"$@\" > \"$0\"",
            "/a b",
            "nc",
            "-d",
            "127.0.0.1",
            "7",
        ];
        assert_eq!(call.arguments, expected);
    }
}
