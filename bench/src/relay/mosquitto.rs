//! What mosquitto is told: it takes no more than a port from its command line.

use std::fs;
use std::net::SocketAddrV4;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// A file that goes when this is dropped.
pub(super) struct Settings(PathBuf);

impl Settings {
    /// For a server at this address: anyone may connect, nothing is kept on a disk, nothing is dropped because much waits.
    pub(super) fn write(address: SocketAddrV4) -> Result<Self> {
        let (ip, port) = (address.ip(), address.port());
        let name = format!("bench-mosquitto-{}-{port}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let text = format!(
            "listener {port} {ip}\nallow_anonymous true\npersistence false\nlog_dest none\nset_tcp_nodelay true\n\
             max_queued_messages 0\nmax_inflight_messages 0\n"
        );
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it lies.
    pub(super) fn path(&self) -> Result<&str> {
        self.0
            .to_str()
            .context("the folder for temporary files has no readable name")
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        // Fails only where it is gone already.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_there_as_long_as_it_is_needed() {
        let settings = Settings::write("127.0.0.1:1".parse().unwrap()).unwrap();
        let path = settings.path().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("listener 1 127.0.0.1\n"), "{text}");
        drop(settings);
        assert!(!fs::exists(path).unwrap());
    }
}
