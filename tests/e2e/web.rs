//! The web server: raw sockets, a classic Python client and curl against it.

#[cfg(unix)]
mod beneath;
mod curl;
#[cfg(unix)]
mod hostile;
mod meaning;
mod once;
mod pages;
mod persisting;
mod secrets;
mod talk;
mod told;
#[cfg(unix)]
mod ways;

use harness::{Folder, Server};
use talk::{Answer, Line};

/// A server of a folder of its own.
struct Site {
    folder: Folder,
    server: Server,
}

impl Site {
    /// Serves files with these names and contents.
    fn of(files: &[(&str, &str)], options: &[&str]) -> Self {
        let folder = folder_of(files);
        let server = serve(&folder.file(""), options);
        Self { folder, server }
    }

    /// A new connection.
    fn line(&self) -> Line {
        Line::to(self.server.addr())
    }

    /// What is answered to a request of its own connection.
    fn get(&self, target: &str) -> Answer {
        self.get_with(target, "")
    }

    /// The same with further lines.
    fn get_with(&self, target: &str, lines: &str) -> Answer {
        self.line().get_with(target, lines)
    }

    fn status(&self, target: &str) -> u16 {
        self.get(target).status
    }
}

/// A folder with these files; what is before a `/` in their names is a folder in it.
fn folder_of(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new();
    for (name, content) in files {
        if let Some((parent, _)) = name.rsplit_once('/') {
            std::fs::create_dir_all(folder.file(parent)).unwrap();
        }
        folder.write(name, content);
    }
    folder
}

fn serve(root: &str, options: &[&str]) -> Server {
    Server::start(
        "webserver",
        &[&[root, "--bind", "127.0.0.1:0"], options].concat(),
    )
}

/// A long file with nothing in it, which takes no room on the disk: longer than what is on its way between two sockets.
fn long_file(folder: &Folder, name: &str) -> usize {
    const LENGTH: usize = 64 << 20;
    let file = std::fs::File::create(folder.file(name)).unwrap();
    file.set_len(LENGTH as u64).unwrap();
    LENGTH
}
