//! Media types by the ends of names (RFC 9110, section 8.3), and which of them are worth compressing.

/// What a file of this name holds, as `Content-Type` says it; text is UTF-8.
pub fn of_name(name: &[u8]) -> &'static str {
    match name.rsplit(|byte| *byte == b'.').next() {
        Some(b"html" | b"htm") => "text/html; charset=utf-8",
        Some(b"txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Whether content of this type becomes much shorter when it is compressed.
pub fn is_compressible(media: &str) -> bool {
    media.starts_with("text/")
}
