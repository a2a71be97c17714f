//! The command line, as it is typed.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use runtime::log::Verbosity;
use runtime::units;

/// Serve folders to browsers, over HTTP/1.1
#[derive(Clone, Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  webserver                              this folder, on port 8000
  webserver ~/Pictures --bind :8080      another folder and port
  webserver docs=/usr/share/doc photos   two folders, as /docs/ and /photos/
  webserver --once index.html            one request, and the end

Exit codes: 0 success, 1 failure, 2 usage."
)]
pub struct Args {
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
    /// Folder to serve, or NAME=FOLDER; several are served beneath their names
    #[arg(value_name = "ROOT", default_value = ".")]
    pub(crate) roots: Vec<PathBuf>,
    /// Address and port to listen on, such as 127.0.0.1:0, [::1]:8000, :8000 or unix:/run/web.sock (repeatable)
    /// [default: every interface, port 8000]
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Vec<runtime::addr::Bind>,
    /// Answer exactly one request, and exit
    #[arg(long)]
    pub(crate) once: bool,
    /// Serve what begins with a dot, too
    #[arg(long)]
    pub(crate) hidden: bool,
    /// How long requests in flight may take when it is time to stop
    #[arg(long, value_name = "T", default_value = "30s", value_parser = units::positive_time)]
    pub(crate) grace: Duration,
    /// Serve over TLS with this certificate (and those that vouch for it) and its key, in PEM form
    #[arg(long, num_args = 2, value_names = ["CERT", "KEY"])]
    pub(crate) tls: Option<Vec<PathBuf>>,
    /// Serve over TLS with a certificate made for this run, whose fingerprint is printed
    #[arg(long, conflicts_with = "tls")]
    pub(crate) tls_self_signed: bool,
    /// Let in only users in this file of lines USER:HASH (argon2id, bcrypt or sha512-crypt)
    #[arg(long, value_name = "FILE")]
    pub(crate) auth: Option<PathBuf>,
    /// Ask for a password, print a line for the file of --auth, and exit
    #[arg(long, value_name = "USER")]
    pub(crate) hash_password: Option<String>,
    /// Connections at once [default: as many as the system allows]
    #[arg(long, value_name = "N")]
    pub(crate) max_connections: Option<NonZeroU32>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
