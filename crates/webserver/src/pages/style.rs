//! How pages look, and the policy that lets them look so and do nothing.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The style of all pages. It stands in each, so that a page is one request.
pub(super) const STYLE: &str = include_str!("style.css");

/// The picture of a page in the browser's tabs.
pub(super) const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath \
    fill='%233b82f6' d='M1.5 3A1.5 1.5 0 0 1 3 1.5h3.2l1.6 2H13A1.5 1.5 0 0 1 14.5 5v7.5A1.5 1.5 0 0 1 13 14H3a1.5 1.5 0 0 \
    1-1.5-1.5z'/%3E%3C/svg%3E";

/// The header lines of a page in HTML: nothing is loaded, nothing runs, and the only style is [`STYLE`].
pub(super) fn html_lines() -> &'static [u8] {
    static LINES: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        format!(
            "Content-Security-Policy: default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'self'\r\n{PLAIN_LINES}Referrer-Policy: same-origin\r\n"
        )
        .into_bytes()
    });
    &LINES
}

/// The header lines of every page: it is what it says, and has to be asked for again.
pub(super) const PLAIN_LINES: &str =
    "X-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n";
