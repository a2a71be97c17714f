//! The command line, as it is typed.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::Parser;
use clap::builder::{OsStringValueParser, TypedValueParser as _};
use proto::http::Limits;
use runtime::addr::{Bind, Place};
use runtime::log::Verbosity;
use runtime::units;

use crate::lines::{Allowed, CacheControl};
use crate::log;
use crate::site::{IndexName, Root};

/// Serve folders to browsers, over HTTP/1.1
#[derive(Clone, Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  webserver                              this folder, on port 8000 of every interface
  webserver ~/Pictures --bind :8080      another folder and port
  webserver docs=/usr/share/doc photos   two folders, as /docs/ and /photos/
  webserver dist --spa --max-age 1h      an application of one page
  webserver --tls-self-signed            encrypted, with a certificate of this run
  webserver --hash-password me > users && webserver --auth users
                                         for those who know a password
  webserver --log json --log-file web.log --metrics
                                         watched
  webserver --once index.html            one request, and the end

Exit codes: 0 success, 1 failure, 2 usage."
)]
pub struct Args {
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
    /// Folder or file to serve, or NAME=FOLDER; several are served beneath their names
    #[arg(value_name = "ROOT", default_value = ".", value_parser = OsStringValueParser::new().try_map(Root::typed))]
    pub(crate) roots: Vec<Root>,
    /// Address and port to listen on, such as 127.0.0.1:0, [::1]:8000, :8000 or unix:/run/web.sock (repeatable)
    /// [default: sockets that systemd hands over, or else every interface, port 8000]
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Vec<Place>,
    /// Who may connect to a Unix socket, as chmod has it
    #[arg(long, value_name = "MODE", default_value = "660", value_parser = mode)]
    pub(crate) socket_mode: u32,
    /// Answer exactly one request, and exit
    #[arg(long)]
    pub(crate) once: bool,
    /// File that stands for its folder (repeatable: the first that is there)
    #[arg(long, value_name = "FILE", default_value = "index.html")]
    pub(crate) index: Vec<IndexName>,
    /// List folders, whatever is in them
    #[arg(long, conflicts_with = "index")]
    pub(crate) no_index: bool,
    /// Answer with the index file where nothing is found: for applications of one page. Missing files whose type is known,
    /// such as app.js, stay missing
    #[arg(long)]
    pub(crate) spa: bool,
    /// Serve what begins with a dot, too
    #[arg(long)]
    pub(crate) hidden: bool,
    /// Page for what is not found [default: 404.html of the root, where it is]
    #[arg(long, value_name = "FILE")]
    pub(crate) not_found: Option<PathBuf>,
    /// Let other sites read all that is served, or those of this origin: scheme, host and port (repeatable)
    #[arg(long, value_name = "ORIGIN", num_args = 0..=1, default_missing_value = "*")]
    pub(crate) cors: Vec<Allowed>,
    /// What caches are told of files, such as 'public, max-age=3600' or no-store
    /// [default: no-cache, they ask before they use what they have]
    #[arg(long, value_name = "DIRECTIVES", conflicts_with = "max_age")]
    pub(crate) cache_control: Option<CacheControl>,
    /// How long caches may use what they have without asking
    #[arg(long, value_name = "T", value_parser = units::time)]
    pub(crate) max_age: Option<Duration>,
    /// A line for each request
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    pub(crate) log: log::Choice,
    /// Where those lines go [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,
    /// Serve figures to Prometheus on http://ADDR/metrics [default address: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1")]
    pub(crate) metrics: Option<Bind>,
    /// Memory for what is asked for often, in bytes, such as 32M; 0 keeps nothing
    #[arg(long, value_name = "SIZE", default_value = "32M", value_parser = cache_size)]
    pub(crate) cache: u64,
    /// Compress nothing that is not compressed beforehand
    #[arg(long)]
    pub(crate) no_compress: bool,
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
    /// Connections at once; those without a request make room for others [default: as many as the system allows]
    #[arg(long, value_name = "N")]
    pub(crate) max_connections: Option<NonZeroU32>,
    /// Close a connection that says nothing for so long between requests
    #[arg(long, value_name = "T", default_value = "60s", value_parser = units::positive_time)]
    pub(crate) idle_timeout: Duration,
    /// How long the head of a request may take from its first byte to its last
    #[arg(long, value_name = "T", default_value = "10s", value_parser = units::positive_time)]
    pub(crate) head_timeout: Duration,
    /// Cut a connection that takes less than 16 KiB of an answer in so long
    #[arg(long, value_name = "T", default_value = "30s", value_parser = units::positive_time)]
    pub(crate) stall_timeout: Duration,
    /// Threads that serve [default: one for each processor, at most 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) threads: Option<u32>,
}

impl Args {
    /// How much a request may have of everything, and how long it may take.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            idle: self.idle_timeout,
            head_time: self.head_timeout,
            ..Limits::default()
        }
    }

    /// What caches are told of files.
    pub(crate) fn cache_control(&self) -> CacheControl {
        let max_age = self.max_age.map(CacheControl::max_age);
        let chosen = self.cache_control.clone().or(max_age);
        chosen.unwrap_or_default()
    }

    /// How much each thread keeps, in bytes.
    pub(crate) fn cache_of_each(&self) -> usize {
        let bytes = self.cache.div_ceil(u64::from(self.threads().get()));
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// How many threads serve: one, where one answer is all.
    pub(crate) fn threads(&self) -> NonZeroU32 {
        let chosen = if self.once { Some(1) } else { self.threads };
        let processors = || thread::available_parallelism().map_or(1, |all| all.get().min(4));
        let number = chosen.or_else(|| u32::try_from(processors()).ok());
        number.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
    }
}

fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok();
    mode.filter(|mode| *mode <= 0o777)
        .ok_or_else(|| format!("expected a mode such as 660 or 666, got '{text}'"))
}

/// A number of bytes, or 0.
fn cache_size(text: &str) -> Result<u64, units::UnitError> {
    match text {
        "0" => Ok(0),
        text => units::bytes(text),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn modes_of_the_table() {
        let table = [
            ("660", Some(0o660)),
            ("0", Some(0)),
            ("777", Some(0o777)),
            ("1777", None),
            ("888", None),
            ("rw", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(mode(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn one_answer_takes_one_thread() {
        let args = |text: &str| Args::parse_from(text.split(' '));
        assert_eq!(args("webserver --once --threads 3").threads().get(), 1);
        assert_eq!(args("webserver --threads 3").threads().get(), 3);
        assert!((1..=4).contains(&args("webserver").threads().get()));
    }
}
