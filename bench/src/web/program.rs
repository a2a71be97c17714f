//! The programs that are compared, and how each is set up: one process, no log, nothing that is not asked for.

use std::fs;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use super::Args;
use super::site::Site;
use crate::child::{Listens, free, words};
use crate::installed::{self, Installed};

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ours,
    /// Ours, which opens the file for each request.
    OursUncached,
    /// As Debian sets it up (sendfile, tcp_nopush), with one process.
    Nginx,
    /// The same with open_file_cache, looked at again after 1 s.
    NginxCached,
    Lighttpd,
    StaticWebServer,
    Python,
}

/// How a program is called, and how it is known that it listens.
pub(super) struct Call {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) listens: Listens,
}

impl Program {
    /// How it is started for one run.
    pub(super) fn call(self, programs: &Programs, site: &Site) -> Result<Call> {
        let program = programs.path(self).map_err(anyhow::Error::msg)?.to_owned();
        let root = site.root().to_str();
        let root = root.context("temporary files have a name in Unicode")?;
        match self {
            Self::Ours => Ok(ours(program, root, "")),
            Self::OursUncached => Ok(ours(program, root, "--cache 0")),
            _ => {
                let address = free::tcp()?;
                Ok(Call {
                    program,
                    arguments: self.told(address, root, site)?,
                    listens: Listens::Tcp(address),
                })
            }
        }
    }

    /// The arguments of one that has to be told its port.
    fn told(self, address: SocketAddrV4, root: &str, site: &Site) -> Result<Vec<String>> {
        let (ip, port) = (address.ip(), address.port());
        Ok(match self {
            Self::Lighttpd => {
                let path = settings(site, "lighttpd", &lighttpd(address, root))?;
                words(&format!("-D -f {path}"))
            }
            Self::StaticWebServer => words(&format!(
                "--host {ip} --port {port} --root {root} --log-level error"
            )),
            // It writes a line for each request.
            Self::Python => {
                let python =
                    format!("python3 -m http.server {port} --bind {ip} --directory {root}");
                vec!["-c".to_owned(), format!("exec {python} 2>/dev/null")]
            }
            _ => {
                let cache = match self {
                    Self::NginxCached => {
                        "open_file_cache max=2000 inactive=60s; open_file_cache_valid 1s;"
                    }
                    _ => "",
                };
                words(&format!(
                    "-c {}",
                    settings(site, "nginx", &nginx(address, root, cache))?
                ))
            }
        })
    }
}

fn ours(program: PathBuf, root: &str, more: &str) -> Call {
    let arguments = words(&format!("{root} --bind 127.0.0.1:0 --log off {more}"));
    let listens = Listens::Announced("listening on http://");
    Call {
        program,
        arguments,
        listens,
    }
}

/// Writes the settings of a program, and says where they are.
fn settings(site: &Site, name: &str, text: &str) -> Result<String> {
    let path = site.settings().join(name);
    fs::write(&path, text)?;
    Ok(path.to_string_lossy().into_owned())
}

fn nginx(address: SocketAddrV4, root: &str, more: &str) -> String {
    let folder = Path::new(root).with_file_name("settings");
    let folder = folder.display();
    format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 16384; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; {more}
    types {{ text/html html; }} default_type application/octet-stream;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen {address} backlog=4096; root {root}; }}
}}
"
    )
}

fn lighttpd(address: SocketAddrV4, root: &str) -> String {
    let (ip, port) = (address.ip(), address.port());
    format!(
        "server.document-root = \"{root}\"
server.bind = \"{ip}\"
server.port = {port}
server.max-keep-alive-requests = 100000000
server.max-connections = 16384
server.max-fds = 32768
server.listen-backlog = 4096
mimetype.assign = ( \".html\" => \"text/html\", \"\" => \"application/octet-stream\" )
"
    )
}

/// Where the programs lie, and which are there at all.
#[derive(Serialize)]
pub(super) struct Programs {
    ours: Installed,
    nginx: Option<Installed>,
    lighttpd: Option<Installed>,
    static_web_server: Option<Installed>,
    python: Option<Installed>,
    wrk: Option<Installed>,
    #[serde(skip)]
    shell: PathBuf,
    /// This one, which has the client that throws away.
    #[serde(skip)]
    bench: PathBuf,
}

impl Programs {
    /// Looks for all of them; only ours has to be there.
    pub(super) fn find(args: &Args) -> Result<Self> {
        let find = |name: &str, version: &str| Installed::find(Path::new(name), version);
        Ok(Self {
            ours: Installed::webserver(args.webserver.as_deref())?,
            nginx: find("nginx", "-v")?,
            lighttpd: find("lighttpd", "-v")?.map(|one| one.of_words(1)),
            static_web_server: find("static-web-server", "--version")?,
            python: find("python3", "--version")?,
            wrk: find("wrk", "-v")?.map(|one| one.of_words(2)),
            shell: "sh".into(),
            bench: std::env::current_exe().context("cannot tell where this program lies")?,
        })
    }

    /// Where the program lies, or what the report says if it is not there.
    pub(super) fn path(&self, program: Program) -> Result<&Path, &'static str> {
        let (installed, missing) = match program {
            Program::Ours | Program::OursUncached => return Ok(self.ours.path()),
            Program::Nginx | Program::NginxCached => {
                (&self.nginx, "not installed (apt install nginx-light)")
            }
            Program::Lighttpd => (&self.lighttpd, "not installed (apt install lighttpd)"),
            Program::StaticWebServer => (
                &self.static_web_server,
                "not installed (cargo install static-web-server)",
            ),
            Program::Python => (&self.python, "not installed (apt install python3)"),
        };
        let installed = installed.as_ref().ok_or(missing)?;
        Ok(if program == Program::Python {
            &self.shell
        } else {
            installed.path()
        })
    }

    /// What loads with small files.
    pub(super) fn wrk(&self) -> Result<&Path, &'static str> {
        let wrk = self
            .wrk
            .as_ref()
            .ok_or("wrk is not installed (apt install wrk)")?;
        Ok(wrk.path())
    }

    /// What reads large ones.
    pub(super) fn bench(&self) -> &Path {
        &self.bench
    }

    /// The versions of those that are there.
    pub(super) fn versions(&self) -> String {
        installed::versions([
            Some(&self.ours),
            self.nginx.as_ref(),
            self.lighttpd.as_ref(),
            self.static_web_server.as_ref(),
            self.python.as_ref(),
            self.wrk.as_ref(),
        ])
    }
}
