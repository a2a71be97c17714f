//! What a server's thread looks after beside its connections.

/// Something whose news have to be heard before any request is answered that came after them.
pub trait Aside {
    /// A descriptor that is readable when there are news, as long as this lives. Its readiness is told once: all of
    /// them have to be read.
    #[cfg(unix)]
    fn descriptor(&self) -> Option<std::os::fd::RawFd>;

    /// There are news. It is called on the server's thread, before the connections that have something at the same time.
    fn hear(&mut self);
}
