//! Unix sockets that listen.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mio::net::UnixStream;
use socket2::{Domain, SockAddr, Socket, Type};

use super::listen::BACKLOG;
use crate::bind::BindError;

/// A Unix socket that listens. Its file is removed when its last handle is dropped, if it is still the same file.
#[derive(Debug)]
pub struct LocalListener {
    pub(super) inner: mio::net::UnixListener,
    file: Arc<SocketFile>,
}

/// The file of a socket.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Device and number of what was made; `None` where another program made it, and will remove it.
    made: Option<(u64, u64)>,
}

impl LocalListener {
    /// Binds a path. A socket that is there already, and that nobody listens on, is what a program left that was killed: it
    /// is replaced. `mode` says who may connect (unix(7): who may write).
    ///
    /// # Errors
    /// [`BindError`], which names the path.
    pub fn bind(path: &Path, mode: u32) -> Result<Self, BindError> {
        let failed = |error| BindError::of_path(path, error);
        let (socket, made) = open(path).map_err(failed)?;
        let path = path.to_owned();
        let made = Some(made);
        let file = Arc::new(SocketFile { path, made });
        // Nobody can connect before it listens.
        let allowed = fs::set_permissions(&file.path, fs::Permissions::from_mode(mode));
        let listening = allowed.and_then(|()| socket.listen(BACKLOG));
        listening.map_err(|error| BindError::of_path(&file.path, error))?;
        let inner = mio::net::UnixListener::from_std(socket.into());
        Ok(Self { inner, file })
    }

    /// One that another program has bound, and will remove.
    ///
    /// # Errors
    /// When its state cannot be changed.
    pub(super) fn handed_over(listener: net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let path = listener.local_addr()?.as_pathname().map(Path::to_owned);
        let path = path.unwrap_or_default();
        let file = Arc::new(SocketFile { path, made: None });
        let inner = mio::net::UnixListener::from_std(listener);
        Ok(Self { inner, file })
    }

    /// Where it is in the file system.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    pub(super) fn try_clone(&self) -> io::Result<Self> {
        let twin = socket2::SockRef::from(&self.inner).try_clone()?;
        let inner = mio::net::UnixListener::from_std(twin.into());
        let file = Arc::clone(&self.file);
        Ok(Self { inner, file })
    }

    pub(super) fn accept(&self) -> io::Result<UnixStream> {
        self.inner.accept().map(|(stream, _)| stream)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.made.is_some() && identity(&self.path).ok() == self.made {
            // Where that fails, the next start replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A socket that is bound to a path, and which file that is.
fn open(path: &Path) -> io::Result<(Socket, (u64, u64))> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let addr = SockAddr::unix(path)?;
    match socket.bind(&addr) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            remove_stale(path)?;
            socket.bind(&addr)?;
        }
        bound => bound?,
    }
    Ok((socket, identity(path)?))
}

/// Removes a socket that nobody listens on.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path)?.file_type().is_socket();
    if !is_socket {
        return Err(ErrorKind::AlreadyExists.into());
    }
    match net::UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(error),
        _ => Err(ErrorKind::AddrInUse.into()),
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test, which is gone afterwards.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("plumbline-local-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_socket_is_there_while_it_is_needed() {
        let folder = Folder::new("there");
        let path = folder.0.join("s");
        let listener = LocalListener::bind(&path, 0o600).unwrap();
        let mode = fs::symlink_metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        let twin = listener.try_clone().unwrap();
        drop(listener);
        let _client = net::UnixStream::connect(&path).unwrap();
        twin.accept().unwrap();
        drop(twin);
        assert!(!path.exists());
    }

    #[test]
    fn what_was_left_is_replaced_and_what_is_used_is_not() {
        let folder = Folder::new("left");
        let path = folder.0.join("s");
        drop(net::UnixListener::bind(&path).unwrap());
        let listener = LocalListener::bind(&path, 0o600).unwrap();
        let error = LocalListener::bind(&path, 0o600).unwrap_err().to_string();
        assert!(error.contains("is in use"), "{error}");
        drop(listener);
        fs::write(&path, "a file of somebody").unwrap();
        let error = LocalListener::bind(&path, 0o600).unwrap_err().to_string();
        assert!(error.contains("is there already"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"a file of somebody");
    }

    #[test]
    fn the_file_of_another_stays() {
        let folder = Folder::new("another");
        let path = folder.0.join("s");
        let first = LocalListener::bind(&path, 0o600).unwrap();
        fs::remove_file(&path).unwrap();
        let _second = LocalListener::bind(&path, 0o600).unwrap();
        drop(first);
        net::UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn what_cannot_be_bound_is_named_with_its_cure() {
        let folder = Folder::new("named");
        let long = folder.0.join("x".repeat(200));
        for (path, cure) in [(folder.0.join("no/s"), "folder"), (long, "shorter")] {
            let error = LocalListener::bind(&path, 0o600).unwrap_err().to_string();
            assert!(error.contains(cure), "{error}");
        }
    }
}
